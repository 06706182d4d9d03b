"""Patches of noise from bursts that were not used for training.

The noise of a frame is y - x, with the burst's known clean signal x. Where there is none, it is
sqrt(T / (T - 1)) (y - m) with the mean m of all T frames. This is sqrt((T - 1) / T) times the difference from the mean
of the others, and has the variance of the noise of one frame. The signal is then m, whose error is not correlated with
that difference. For a pair both frames give the same difference with opposite signs, so that no skewness can be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core.bursts import Burst
from n2nf_core.pairs import grid_patches

ENOUGH_PLACES = 12  # an interval over fewer places would not be reliable
MOST_VALUES = 2**25  # of noise: 8192 patches of 4 planes of 32 x 32, 134 MB


class HeldOut(NamedTuple):
    """Patches that were not used for training.

    Arguments:
        noise: (N, 4, s, s) in [0, 1] units.
        clean: (N, 4, s, s) the clean signal or its estimate, in [0, 1] units.
        camera: N names of cameras.
        iso: N ISO settings.
        place: (N,) integers. Patches at the same place of the same scene have the same number.
        step: (N, 4, 1, 1), distance of the values that the noise of integer frames can have, in [0, 1] units: one DN,
            or sqrt((T - 1) / T) DN where the clean signal is not known. None where frames are not integers.
        left_out: (camera, ISO) -> number of patches beyond these, of which these are a random choice.
    """

    noise: Tensor
    clean: Tensor
    camera: list[str]
    iso: list[float]
    place: Tensor
    step: Tensor | None = None
    left_out: Mapping[tuple[str, float], int] = MappingProxyType({})

    def of(self, camera: str, iso: float) -> HeldOut:
        """The patches of one camera and ISO."""
        keep = [i for i, setting in enumerate(zip(self.camera, self.iso, strict=True)) if setting == (camera, iso)]
        step = None if self.step is None else self.step[keep]
        left_out = {(camera, iso): self.left_out.get((camera, iso), 0)}
        rows = self.noise[keep], self.clean[keep], [camera] * len(keep), [iso] * len(keep), self.place[keep]
        return HeldOut(*rows, step, left_out)

    def counts(self) -> dict[str, int]:
        """``patches`` and ``patches_left_out``, for results."""
        return {"patches": len(self.noise), "patches_left_out": sum(self.left_out.values())}

    def to(self, device: str | torch.device) -> HeldOut:
        """The same patches on ``device``. Functions that score them compute there, and need the models there, too."""
        step = None if self.step is None else self.step.to(device)
        return self._replace(noise=self.noise.to(device), clean=self.clean.to(device), step=step)

    @property
    def settings(self) -> list[tuple[str, float]]:
        """Every pair (camera, ISO), sorted."""
        return sorted(set(zip(self.camera, self.iso, strict=True)))


def held_out_patches(bursts: Sequence[Burst], patch: int = 32, most: int = MOST_VALUES) -> HeldOut:
    """Patches of the noise of all frames and of the signal under it, cut on a grid.

    While it is larger than 4, the side is halved as long as a patch does not fit into every burst, or as there are
    fewer than :data:`ENOUGH_PLACES` places. Of very many patches a random choice is kept, which is always the same, and
    :attr:`HeldOut.left_out` says how many others there are. One frame is in memory at a time.

    Arguments:
        bursts: held-out bursts.
        patch: largest side of a patch, in pixels of a plane.
        most: largest number of values that the kept patches of noise have together.
    """
    side, smallest = patch, min(min(b.shape[2:]) for b in bursts)
    while side > 4 and (side > smallest or sum(_places(b, side) for b in bursts) < ENOUGH_PLACES):
        side //= 2
    keep = _choose(sum(len(b) * _places(b, side) for b in bursts), max(most // (4 * side * side), 1))
    count, camera, iso, place, step, left_out, offset = int(keep.sum()), [], [], [], [], {}, 0
    noise, clean = torch.empty(2, count, 4, side, side)  # filled in place, because a list would take as much again
    for burst in bursts:
        places, setting = _places(burst, side), (burst.camera, float(burst.iso))
        for t in range(len(burst)):
            here, keep = keep[:places], keep[places:]
            rows = slice(len(camera), len(camera) + int(here.sum()))
            if here.any():
                for found, image in zip((noise, clean), _noise_of(burst, t), strict=True):
                    found[rows] = grid_patches(image, side)[here]
            place.append(torch.arange(places)[here] + offset)
            camera += [burst.camera] * (rows.stop - rows.start)
            iso += [float(burst.iso)] * (rows.stop - rows.start)
            step.append((_share(burst) * burst.step).expand(rows.stop - rows.start, -1, -1, -1))
            left_out[setting] = left_out.get(setting, 0) + places - rows.stop + rows.start
        offset += places
    integers = all(burst.frames.dtype == np.uint16 for burst in bursts)
    steps = torch.cat(step) if integers else None
    return HeldOut(noise, clean, camera, iso, torch.cat(place), steps, left_out)


def _places(burst: Burst, side: int) -> int:
    return (burst.shape[2] // side) * (burst.shape[3] // side)


def _choose(count: int, most: int) -> Tensor:
    """(count,) booleans, at most ``most`` of them true."""
    keep = torch.zeros(count, dtype=torch.bool)
    keep[torch.randperm(count, generator=torch.Generator().manual_seed(0))[:most]] = True
    return keep


def _noise_of(burst: Burst, t: int) -> tuple[Tensor, Tensor]:
    """The noise of frame t and the signal, (1, 4, h, w) each."""
    frame, truth, count = burst.planes(t), burst.reference(t), len(burst)
    signal = truth if burst.clean is not None else (frame + (count - 1) * truth) / count
    return _share(burst) * (frame - truth), signal


def _share(burst: Burst) -> float:
    """What the difference of a frame from the clean signal, or from the mean of the others, is multiplied by."""
    return 1.0 if burst.clean is not None else ((len(burst) - 1) / len(burst)) ** 0.5
