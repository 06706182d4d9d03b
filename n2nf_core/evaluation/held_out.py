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
MOST_VALUES = 2**25  # of noise: 8192 patches of 4 planes of 32 x 32; more of them take memory and change no digit


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


def held_out_patches(bursts: Sequence[Burst], patch: int = 32, most: int = MOST_VALUES) -> HeldOut:
    """Patches of all frames, cut on a grid.

    While it is larger than 4, the side is halved as long as a patch does not fit into every burst, or as there are
    fewer than :data:`ENOUGH_PLACES` places. Of very many patches a random choice is kept, which is always the same.
    One frame is in memory at a time.

    Arguments:
        bursts: held-out bursts.
        patch: largest side of a patch, in pixels of a plane.
        most: largest number of values that the kept patches of noise have together.
    """
    side, smallest = patch, min(min(b.shape[2:]) for b in bursts)
    while side > 4 and (side > smallest or sum(_places(b, side) for b in bursts) < ENOUGH_PLACES):
        side //= 2
    keep = _choose(sum(len(b) * _places(b, side) for b in bursts), max(most // (4 * side * side), 1))
    noise, clean, camera, iso, place, offset = [], [], [], [], [], 0
    for burst in bursts:
        places = _places(burst, side)
        for t in range(len(burst)):
            here, keep = keep[:places], keep[places:]
            if here.any():
                truth = burst.reference(t)
                noise.append(grid_patches(burst.planes(t) - truth, side)[here])
                clean.append(grid_patches(truth, side)[here])
                place.append(torch.arange(places)[here] + offset)
        offset += places
        kept = sum(map(len, noise)) - len(camera)
        camera += [burst.camera] * kept
        iso += [float(burst.iso)] * kept
    return HeldOut(torch.cat(noise), torch.cat(clean), camera, iso, torch.cat(place))


def _places(burst: Burst, side: int) -> int:
    return (burst.shape[2] // side) * (burst.shape[3] // side)


def _choose(count: int, most: int) -> Tensor:
    """(count,) booleans, at most ``most`` of them true."""
    keep = torch.zeros(count, dtype=torch.bool)
    keep[torch.randperm(count, generator=torch.Generator().manual_seed(0))[:most]] = True
    return keep


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
    factor = torch.tensor([1.0 if b.clean is not None else ((len(b) - 1) / len(b)) ** 0.5 for b in bursts])
    ends = torch.tensor([_places(b, side) for b in bursts]).cumsum(0)
    scale = factor[torch.bucketize(held.place, ends, right=True)]
    return held._replace(noise=held.noise * scale[:, None, None, None])
