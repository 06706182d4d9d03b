"""Noise terms that give a residual the law of the noise, from measurements along the signal.

A residual r that can be had without clean images is not distributed as the noise: the difference of two frames is
symmetric and has half of the excess kurtosis, the difference from the mean of T - 1 others keeps most of both, and
y1 - D(y2) contains the error of D as well. Where the skewness g3 and the excess kurtosis g4 of residual and noise are
known along the signal, as :mod:`n2nf_core.baselines.cumulants` measures them, the noise model learns from

    n^ = s(x^) Q_noise(Q_residual^-1(r / s_r(x^)))        and the term is  -log p(n^ | x^) / (C H W)

with the standard deviations s of the noise and s_r of the residual, and a monotone map between two sinh-arcsinh laws.
The map acts on each pixel by itself, so correlations between pixels stay as they are in the residual.

Limits: cumulants of order five and more are those of the map, not of the camera. Nothing reaches the denoiser, neither
through r nor through x^.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.losses.noise_terms import nll_per_dim
from n2nf_core.losses.sinh_arcsinh import SinhArcsinh, with_cumulants
from n2nf_core.types import Context, NoiseModel, NoisyPair


class Law(NamedTuple):
    """Standard deviation, skewness and excess kurtosis along the signal, one value at each of K signals.

    Arguments:
        deviation: in [0, 1] units.
        skewness: g3 = third cumulant / deviation^3.
        kurtosis: g4 = fourth cumulant / deviation^4.
    """

    deviation: tuple[float, ...]
    skewness: tuple[float, ...]
    kurtosis: tuple[float, ...]


class Reshaping(NamedTuple):
    """What is known about one camera at one ISO.

    Arguments:
        camera: its number in the pairs.
        iso: the ISO setting.
        signal: (K,) ascending, in [0, 1] units, where both laws are known. Between them everything is interpolated
            linearly, and beyond them it is constant.
        noise: the law of the noise of one frame.
        residual: the law of the residual.
        denoised_share: weight of the denoised frames in the estimate of the signal; the rest is the mean of frames.
    """

    camera: int
    iso: float
    signal: tuple[float, ...]
    noise: Law
    residual: Law
    denoised_share: float = 1.0


class Residual(NamedTuple):
    """A residual without clean images, and the two estimates of the signal that come with it; all (B, C, H, W).

    Arguments:
        value: r.
        frames: mean of frames.
        denoised: mean of denoised frames.
        context: camera and ISO of the B rows; its signal is not used.
    """

    value: Tensor
    frames: Tensor
    denoised: Tensor
    context: Context


def _rows(pair: NoisyPair, first: Tensor, second: Tensor, frames: Tensor, denoised: Sequence[Tensor]) -> Residual:
    frames, both = torch.cat((frames, frames)), torch.cat((pair.camera, pair.camera))
    context = Context(frames, both, torch.cat((pair.iso, pair.iso)))
    return Residual(torch.cat((first, second)), frames, torch.cat(tuple(denoised)), context)


def of_two_frames(pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Residual:
    """+-(y1 - y2) / sqrt(2), with the variance of the noise, no skewness and half of the excess kurtosis.

    Arguments:
        pair: y1 and y2, (B, C, H, W).
        denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W).
    """
    difference, mean = (pair.first - pair.second) / math.sqrt(2), (denoised_first + denoised_second) / 2
    return _rows(pair, difference, -difference, (pair.first + pair.second) / 2, (mean, mean))


@dataclass(frozen=True)
class OfManyFrames:
    """sqrt(T / (T - 1)) (y - m) for both frames of a pair: the leave-one-out contrast; m is the mean of all T frames.

    It is sqrt((T - 1) / T) times the difference between a frame and the mean of the others. It has the variance of the
    noise, the share ((T - 1)/T)^1.5 (1 - 1/(T - 1)^2) of its skewness and ((T - 1)/T)^2 (1 + 1/(T - 1)^3) of its excess
    kurtosis: for T = 8 that is .80 and .77. No denoiser is needed.

    frames: T, at least 3. ``pair.clean`` must hold m, as the bursts of :func:`n2nf_core.bursts.with_means` do;
    ValueError where it is None.
    """

    frames: int

    def __call__(self, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Residual:
        """The contrasts of both frames.

        Arguments:
            pair: y1, y2 and m = ``pair.clean``, (B, C, H, W).
            denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W).
        """
        if pair.clean is None:
            raise ValueError("the leave-one-out contrast needs the mean of the burst in pair.clean: see with_means")
        factor = math.sqrt(self.frames / (self.frames - 1))
        contrasts = (factor * (y - pair.clean) for y in (pair.first, pair.second))
        mean = (denoised_first + denoised_second) / 2
        return _rows(pair, *contrasts, pair.clean, (mean, mean))


def of_denoised(pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Residual:
    """y1 - D(y2) and y2 - D(y1), the residuals of the cross-sample term, Eq. 4 of Maleky et al., CVPR 2022.

    Their variance is s^2 + v, with the variance v of the error of D. D is not clipped, as it is not where they are
    measured (:mod:`n2nf_core.baselines.cumulants`).

    Arguments:
        pair: y1 and y2, (B, C, H, W).
        denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W).
    """
    mean, denoised = (pair.first + pair.second) / 2, (denoised_second, denoised_first)
    return _rows(pair, pair.first - denoised_second, pair.second - denoised_first, mean, denoised)


@dataclass(frozen=True, repr=False)
class Reshaped:
    """-log p(n^ | x^), a scalar in nats per dimension: a noise term with the law of the residual undone.

    x^ = w D + (1 - w) m, with the denoised frames D, the mean of frames m and ``denoised_share`` w. It may be negative,
    below black, and the noise model decides what that means: the noise level functions take it as 0.

    Arguments:
        residual: :func:`of_two_frames`, :class:`OfManyFrames` or :func:`of_denoised`.
        settings: one entry per camera and ISO. An image of another setting makes the term NaN.
        scale_only: give the residual the standard deviation of the noise and leave its shape.
    """

    residual: Callable[[NoisyPair, Tensor, Tensor], Residual]
    settings: tuple[Reshaping, ...]
    scale_only: bool = False

    def __repr__(self) -> str:  # the same in every process, since checkpoints name their loss by it
        name = getattr(self.residual, "__name__", repr(self.residual))
        return f"Reshaped({name}, {self.settings}, scale_only={self.scale_only})"

    def __call__(
        self, noise_model: NoiseModel, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor
    ) -> Tensor:
        """The term.

        Arguments:
            noise_model: p(n | x).
            pair: y1 and y2, (B, C, H, W), and their mean in ``clean`` for :class:`OfManyFrames`.
            denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W), not clipped.
        """
        with torch.no_grad():
            noise, context = self.noise(pair, denoised_first, denoised_second)
        return nll_per_dim(noise_model, noise, context)

    def noise(self, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> tuple[Tensor, Context]:
        """n^ and the context at x^, (2B, C, H, W): what the noise model learns from.

        Arguments:
            pair: y1 and y2, (B, C, H, W), and their mean in ``clean`` for :class:`OfManyFrames`.
            denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W), not clipped.
        """
        found = self.residual(pair, denoised_first, denoised_second)
        table = _tables(self.settings, found.value.device, found.value.dtype)
        row, share = table.row(found.context)
        share = share[:, None, None, None]
        clean = (share * found.denoised + (1 - share) * found.frames).clamp(max=1)
        deviation, of_residual, residual, noise = table.at(row, clean)
        u = found.value / of_residual
        shaped = u if self.scale_only else noise.quantile(residual.normal_score(u))
        return deviation * shaped, found.context._replace(clean=clean)


class _Tables(NamedTuple):
    """The settings as tensors: camera, ISO and share (S,), signal (S, K), and ten values at each signal (S, 10, K)."""

    camera: Tensor
    iso: Tensor
    share: Tensor
    signal: Tensor
    values: Tensor

    def row(self, context: Context) -> tuple[Tensor, Tensor]:
        """The setting of each image (B,), and its share, which is NaN where there is no such setting."""
        same = (context.camera[:, None] == self.camera) & (context.iso[:, None] == self.iso)
        row = same.int().argmax(1)
        return row, torch.where(same.any(1), self.share[row], math.nan)

    def at(self, row: Tensor, clean: Tensor) -> tuple[Tensor, Tensor, SinhArcsinh, SinhArcsinh]:
        """Deviations of noise and residual, and laws of residual and noise, at the signal of every pixel."""
        signal, x = self.signal[row], clean.flatten(1).contiguous()
        right = torch.searchsorted(signal, x).clamp(1, signal.shape[1] - 1)
        low, high = (signal.gather(1, k) for k in (right - 1, right))
        weight = ((x - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
        found = [
            torch.lerp(v.gather(1, right - 1), v.gather(1, right), weight).view_as(clean)
            for v in self.values[row].unbind(1)
        ]
        return found[0], found[1], SinhArcsinh(*found[2:6]), SinhArcsinh(*found[6:])


@lru_cache(16)
def _tables(settings: tuple[Reshaping, ...], device: torch.device, dtype: torch.dtype) -> _Tables:
    def values(setting: Reshaping) -> Tensor:
        laws = [with_cumulants(*map(torch.tensor, law[1:])) for law in (setting.residual, setting.noise)]
        deviations = torch.tensor((setting.noise.deviation, setting.residual.deviation))
        return torch.cat((deviations.double(), *map(torch.stack, laws)))

    def column(name: str) -> Tensor:
        return torch.tensor([getattr(setting, name) for setting in settings], device=device)

    table = torch.stack([values(setting) for setting in settings]).to(device, dtype)
    numbers = (column(name).to(dtype) for name in ("iso", "denoised_share", "signal"))
    return _Tables(column("camera"), *numbers, table)
