"""Patches of noise from bursts that were not used for training.

The noise of a frame is y - x, with the burst's known clean signal x. Where there is none, it is
sqrt(T / (T - 1)) (y - m) with the mean m of all T frames. This is sqrt((T - 1) / T) times the difference from the mean
of the others, and has the variance of the noise of one frame. The signal is then m, whose error is not correlated with
that difference. For a pair both frames give the same difference with opposite signs, so that no skewness can be seen.
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
    """Patches of the noise of all frames and of the signal under it, cut on a grid.

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
        found, signal = _noise_of(burst)
        cut = grid_patches(found, side)
        noise.append(cut)
        clean.append(grid_patches(signal, side))
        camera += [burst.camera] * len(cut)
        iso += [float(burst.iso)] * len(cut)
        here = len(cut) // len(burst)
        place.append(torch.arange(here).repeat(len(burst)) + offset)
        offset += here
    return HeldOut(torch.cat(noise), torch.cat(clean), camera, iso, torch.cat(place))


def _noise_of(burst: Burst) -> tuple[Tensor, Tensor]:
    """The noise of every frame and the signal, (T, 4, h, w) each."""
    frames = burst.planes(range(len(burst)))
    if burst.clean is not None:
        return frames - burst.reference(), burst.reference()
    signal = (frames[:1] + (len(burst) - 1) * burst.leave_one_out(0)) / len(burst)
    return (len(burst) / (len(burst) - 1)) ** 0.5 * (frames - signal), signal.expand_as(frames)
