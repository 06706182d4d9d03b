"""Patches of noise from bursts that were not used for training.

The noise of a frame is y - x, where x is the burst's known clean signal or, if there is none, the mean of its other
frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.bursts import Burst
from n2nf_core.pairs import grid_patches

ENOUGH_PLACES = 12  # an interval over fewer places would not be reliable


class HeldOut(NamedTuple):
    """Patches that were not used for training.

    Arguments:
        noise: (N, 4, s, s) in [0, 1] units.
        clean: (N, 4, s, s) the clean signal or its estimate, in [0, 1] units.
        camera: N names of cameras.
        iso: N ISO settings.
        place: (N,) integers. Patches at the same place of the same scene have the same number.
    """

    noise: Tensor
    clean: Tensor
    camera: list[str]
    iso: list[float]
    place: Tensor

    def of(self, camera: str, iso: float) -> HeldOut:
        """The patches of one camera and ISO."""
        keep = [i for i, setting in enumerate(zip(self.camera, self.iso, strict=True)) if setting == (camera, iso)]
        return HeldOut(self.noise[keep], self.clean[keep], [camera] * len(keep), [iso] * len(keep), self.place[keep])

    def to(self, device: str | torch.device) -> HeldOut:
        """The same patches on ``device``. Functions that score them compute there, and need the models there, too."""
        return self._replace(noise=self.noise.to(device), clean=self.clean.to(device))

    @property
    def settings(self) -> list[tuple[str, float]]:
        """Every pair (camera, ISO), sorted."""
        return sorted(set(zip(self.camera, self.iso, strict=True)))


def held_out_patches(bursts: Sequence[Burst], patch: int = 32) -> HeldOut:
    """Patches of all frames, cut on a grid.

    While it is larger than 4, the side is halved as long as a patch does not fit into every burst, or as there are
    fewer than :data:`ENOUGH_PLACES` places.

    Arguments:
        bursts: held-out bursts.
        patch: largest side of a patch, in pixels of a plane.
    """
    side, smallest = patch, min(min(b.shape[2:]) for b in bursts)
    while side > 4 and (
        side > smallest or sum((b.shape[2] // side) * (b.shape[3] // side) for b in bursts) < ENOUGH_PLACES
    ):
        side //= 2
    noise, clean, camera, iso, place, offset = [], [], [], [], [], 0
    for burst in bursts:
        truth = burst.reference()
        cut = grid_patches(burst.planes(range(len(burst))) - truth, side)
        noise.append(cut)
        clean.append(grid_patches(truth, side))
        camera += [burst.camera] * len(cut)
        iso += [float(burst.iso)] * len(cut)
        here = len(cut) // len(burst)
        place.append(torch.arange(here).repeat(len(burst)) + offset)
        offset += here
    return HeldOut(torch.cat(noise), torch.cat(clean), camera, iso, torch.cat(place))


def of_one_frame(held: HeldOut, bursts: Sequence[Burst]) -> HeldOut:
    """``held`` with its noise scaled by sqrt((T - 1) / T), so that it has the variance of the noise of one frame.

    The mean of the other T - 1 frames is noisy itself, so that Var(y - x) = T / (T - 1) Var(n). For a pair this is
    twice the variance of the noise, and a model of too much noise would score best. Patches with a known clean signal
    are not changed.

    Arguments:
        held: the patches that :func:`held_out_patches` cut from ``bursts``.
        bursts: the bursts, in the same order.
    """
    side = held.noise.shape[-1]
    factor = [1.0 if b.clean is not None else ((len(b) - 1) / len(b)) ** 0.5 for b in bursts]
    patches = [len(b) * (b.shape[2] // side) * (b.shape[3] // side) for b in bursts]
    scale = torch.tensor(factor).repeat_interleave(torch.tensor(patches))
    return held._replace(noise=held.noise * scale[:, None, None, None])
