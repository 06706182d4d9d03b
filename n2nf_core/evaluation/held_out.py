"""Patches of noise that no training saw.

Noise on a held-out frame is y - x, x the burst's known clean signal or else the mean of its other frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.bursts import Burst
from n2nf_core.pairs import grid_patches

ENOUGH_PLACES = 12  # fewer places of a patch than this give no interval worth the name


class HeldOut(NamedTuple):
    """Patches that no training saw: noise, clean (N, 4, s, s); camera and ISO names; place (N,) numbers the places."""

    noise: Tensor
    clean: Tensor
    camera: list[str]
    iso: list[float]
    place: Tensor

    def of(self, camera: str, iso: float) -> HeldOut:
        """The patches of one setting."""
        keep = [i for i, setting in enumerate(zip(self.camera, self.iso, strict=True)) if setting == (camera, iso)]
        return HeldOut(self.noise[keep], self.clean[keep], [camera] * len(keep), [iso] * len(keep), self.place[keep])

    def to(self, device: str | torch.device) -> HeldOut:
        """The same patches on ``device``; what scores them then runs there, if the models are there too."""
        return self._replace(noise=self.noise.to(device), clean=self.clean.to(device))

    @property
    def settings(self) -> list[tuple[str, float]]:
        """Every (camera, ISO), in order."""
        return sorted(set(zip(self.camera, self.iso, strict=True)))


def held_out_patches(bursts: Sequence[Burst], patch: int = 32) -> HeldOut:
    """Grid patches of all frames; smaller ones where they do not fit into every burst, or leave too few places."""
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
    """``held``, that :func:`held_out_patches` cut from ``bursts``, with noise of the variance that one frame has.

    The mean of the other T - 1 frames brings noise of its own, so that Var(y - x) = T / (T - 1) Var(n): twice the
    noise for a pair, and a model of too much noise would win. Patches of a known clean signal stay as they are.
    """
    side = held.noise.shape[-1]
    factor = [1.0 if b.clean is not None else ((len(b) - 1) / len(b)) ** 0.5 for b in bursts]
    patches = [len(b) * (b.shape[2] // side) * (b.shape[3] // side) for b in bursts]
    scale = torch.tensor(factor).repeat_interleave(torch.tensor(patches))
    return held._replace(noise=held.noise * scale[:, None, None, None])
