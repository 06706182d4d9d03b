"""How far noise is from Gaussian: its third and fourth cumulants along the signal, measured without clean images.

Cumulants of independent noises add up. Photon transfer reads the second one as a function of the signal; this module
reads the third and the fourth in the same way, over bins of the signal. With T >= 4 frames they are Fisher's
k-statistics over time, which are unbiased at every pixel (T = 3 gives the third alone). With pairs they are

    k3 = { 1/2 E[(y1 + y2 - 2 x^) ((y1 - y2)^2 - b1 (y1 + y2) - 2 b2)] + b1 s2 (1 - a) } / (1 - a)
    g4 = 2 E[d^2] / (c^2 E[b1^2 y1 y2 + b1 b2 (y1 + y2) + b2^2]) - 6
    d = (y1 - y2)^2 / 2,   c = E[d] / E[s2((y1 + y2) / 2)]

where x^ = (D(y1) + D(y2)) / 2, s2 = b1 x + b2 is the noise level function, and a is the share of its own noise that D
lets through. The second factor of k3 has mean 0 at the true signal, so the error of D averages out to first order. The
expectation below E[d^2] is that of s2(x)^2, since y1 y2 has the mean x^2; c allows for an error of b1 and b2.

Pixels are sorted into bins by D less its own noise, with any number of frames. A mean that contains the noise would
select it: bright bins would hold noise that is high, of another variance and skewness.

Pixels of a sensor may differ in the variance V of their noise. A noise model that does not know the pixel sees a law
with the excess kurtosis g4 = (E[k4] + 3 Var[V]) / E[V]^2 at a signal. The part of Var[V] is in all differences at one
pixel as it is in the noise, whereas that of k4 is smaller there. Four frames tell the two apart. Pairs cannot: they
count all of it as k4, which is right where pixels are alike and gives twice the part of Var[V] where they are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.baselines.temporal import match_gains
from n2nf_core.types import NLF

BINS = 8
TILE = 16  # pixels; errors of D are correlated over a few pixels, so standard errors are taken over tiles
SATURATION = 0.9


class Recording(NamedTuple):
    """Frames of one static scene, and some of them denoised.

    Arguments:
        frames: (T, C, H, W), T >= 2, in [0, 1] units.
        denoised: (2, C, H, W), D of the first two frames.
    """

    frames: Tensor
    denoised: Tensor


class NoiseShape(NamedTuple):
    """The noise of one camera at one ISO in K bins of the signal that hold equally many pixels; fields are (K,).

    Arguments:
        frames: number of frames T of the shortest burst.
        denoised_share: weight of the denoised frames in the estimate of the signal, 1 / (1 + T rho); the rest is the
            mean of all frames. The errors of both are then weighted by the inverse of their variances.
        signal: mean of the estimated signal, in [0, 1] units.
        variance: s2 of the noise, in [0, 1] units squared.
        skewness, kurtosis: g3 and g4 of the noise.
        skewness_error, kurtosis_error: their standard errors.
        pixel_kurtosis: the part 3 Var[V] / E[V]^2 of ``kurtosis`` that is due to pixels that differ; 0 for fewer than
            four frames, where it cannot be told.
        rho: v / s2, variance of the error of D over that of the noise.
        rho_error: its standard error.
        residual_skewness, residual_kurtosis: those of y1 - D(y2).
    """

    frames: int
    denoised_share: float
    signal: Tensor
    variance: Tensor
    skewness: Tensor
    skewness_error: Tensor
    kurtosis: Tensor
    kurtosis_error: Tensor
    pixel_kurtosis: Tensor
    rho: Tensor
    rho_error: Tensor
    residual_skewness: Tensor
    residual_kurtosis: Tensor


def k_statistics(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unbiased second, third and fourth cumulants over time (k-statistics, R. A. Fisher 1930), each (C, H, W).

    With m_r the r-th central moment over n frames: k2 = n m2 / (n-1), k3 as :func:`third_k_statistic` has it, and
    k4 = n^2 ((n+1) m4 - 3 (n-1) m2^2) / ((n-1)(n-2)(n-3)). A cumulant that needs more frames than there are is NaN.

    frames: (T, C, H, W).
    """
    n, centred = len(frames), frames - frames.mean(0)
    m2, m3, m4 = (centred.pow(r).mean(0) for r in (2, 3, 4))
    nothing = torch.full_like(m2, torch.nan)
    k3 = third_k_statistic(n, m3) if n > 2 else nothing
    k4 = n**2 * ((n + 1) * m4 - 3 * (n - 1) * m2**2) / ((n - 1) * (n - 2) * (n - 3)) if n > 3 else nothing
    return n * m2 / (n - 1), k3, k4


def third_k_statistic(frames: int, moment: Tensor) -> Tensor:
    """k3 = n^2 m3 / ((n-1)(n-2)), of the shape of the third central moment m3 over n = ``frames`` >= 3 frames."""
    return frames**2 * moment / ((frames - 1) * (frames - 2))


def pair_third_cumulant(mean: Tensor, variance: Tensor, signal: Tensor, nlf: NLF, own: Tensor | float = 0.0) -> Tensor:
    """2 (mean - x^) (d - shot mean - read) / (1 - a) + shot d, the estimate of k3 at every pixel of a pair.

    It is the equation of the module for one pixel. All images have the same shape.

    Arguments:
        mean: of the two frames, in [0, 1] units.
        variance: d = (y1 - y2)^2 / 2.
        signal: x^, an estimate of the signal.
        nlf: shot and read.
        own: a, the share of the noise of ``mean`` that is in ``signal``.
    """
    return 2 * (mean - signal) * (variance - nlf.shot * mean - nlf.read) / (1 - own) + nlf.shot * variance


def _own(frames: Tensor, denoised: Tensor) -> Tensor:
    """a = <D(y1) - D(y2), y1 - y2> / |y1 - y2|^2, a scalar."""
    difference = frames[0] - frames[1]
    return ((denoised[0] - denoised[1]) * difference).mean() / difference.square().mean()


class _Pixels(NamedTuple):
    """One entry per pixel (N,): what is averaged over bins, and the tile for standard errors."""

    frames: Tensor  # mean over time
    denoised: Tensor
    quiet: Tensor  # denoised, less the share of its own noise
    level: Tensor  # s2 of the mean of the first two frames
    squared: Tensor  # s2^2 without bias: the products of different frames
    k2: Tensor
    k3: Tensor
    k4: Tensor
    k2_squared: Tensor  # V^2 without bias
    difference: Tensor  # (y1 - y2)^2 / 2
    residual: Tensor  # y1 - D(y2)
    other: Tensor  # y2 - D(y1)
    tile: Tensor


def _pixels(recording: Recording, nlf: NLF, offset: int) -> _Pixels:
    frames, denoised = (t.double() for t in recording)
    gains = match_gains(frames)[..., None, None]
    frames, denoised = frames / gains, denoised / gains[:2]
    k2, k3, k4 = k_statistics(frames)
    own, estimate = _own(frames, denoised), denoised.mean(0)
    if len(frames) == 2:
        k3 = pair_third_cumulant(frames.mean(0), k2, estimate, nlf, own)
    channels, height, width = k2.shape
    rows, columns = torch.arange(height) // TILE, torch.arange(width) // TILE
    tile = offset + (rows[:, None] * (width // TILE + 1) + columns).expand(channels, -1, -1)
    first, second = frames[0], frames[1]
    own = float(own.clamp(max=0.9))
    quiet = (estimate - own * (first + second) / 2) / (1 - own)
    level = nlf.shot * (first + second) / 2 + nlf.read
    squared = nlf.shot**2 * first * second + nlf.shot * nlf.read * (first + second) + nlf.read**2
    count = len(frames)
    k2_squared = (k2.square() - k4 / count) * (count - 1) / (count + 1)
    fields = (frames.mean(0), estimate, quiet, level, squared, k2, k3, k4, k2_squared)
    fields += ((first - second).square() / 2, first - denoised[1], second - denoised[0], tile)
    keep = frames.mean(0) < SATURATION
    return _Pixels(*(field[keep] for field in fields))


class _Bins:
    """Means over the pixels of each bin, and standard errors over tiles."""

    def __init__(self, signal: Tensor, tile: Tensor, bins: int):
        order = signal.argsort()
        self.bin = torch.empty_like(order)
        self.bin[order] = torch.arange(len(order)) * bins // len(order)
        self.count = torch.bincount(self.bin, minlength=bins)
        self.cell, self.bins = tile * bins + self.bin, bins

    def mean(self, values: Tensor) -> Tensor:
        """(K,) means of (N,) values."""
        return torch.zeros(self.bins, dtype=values.dtype).index_add_(0, self.bin, values) / self.count

    def statistic(self, function: Callable[..., Tensor], *values: Tensor) -> tuple[Tensor, Tensor]:
        """function(means of the values), (K,), and its standard error by the delta method over tiles."""
        means = [self.mean(value).requires_grad_() for value in values]
        with torch.enable_grad():
            found = function(*means)
            slopes = torch.autograd.grad(found.sum(), means)
        change = sum(
            slope[self.bin] * (v - m.detach()[self.bin]) for slope, v, m in zip(slopes, values, means, strict=True)
        )
        sums = torch.zeros((int(self.cell.max()) // self.bins + 1) * self.bins, dtype=change.dtype)
        sums.index_add_(0, self.cell, change)
        return found.detach(), sums.view(-1, self.bins).square().sum(0).sqrt() / self.count


def _kurtosis(pixels: _Pixels, over: _Bins, usual: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """g4, its standard error, and the part of it that is due to pixels that differ, (K,) each.

    usual: s2 of the noise level function at every pixel (N,); None for fewer than four frames, which show no such part.
    """
    if usual is None:
        parts = pixels.difference.square(), pixels.difference, pixels.level, pixels.squared
        found = over.statistic(lambda d2, d, s, s2: 2 * d2 * s**2 / (d**2 * s2) - 6, *parts)
        return *found, torch.zeros_like(found[0])
    parts = pixels.k4, pixels.k2, pixels.k2_squared / usual.square(), pixels.k2 / usual
    found = over.statistic(lambda k4, k2, v2, v: k4 / k2**2 + 3 * (v2 / v**2 - 1).clamp(min=0), *parts)
    return *found, over.statistic(lambda v2, v: 3 * (v2 / v**2 - 1).clamp(min=0), *parts[2:])[0]


def _rho(residual: Tensor, difference: Tensor) -> Tensor:
    """E[(y1 - D(y2))^2] / E[(y1 - y2)^2 / 2] - 1."""
    return residual / difference - 1


def measure_noise_shape(recordings: Sequence[Recording], nlf: NLF, bins: int = BINS) -> NoiseShape:
    """The noise along the signal, from recordings of one camera at one ISO.

    Arguments:
        recordings: of static scenes. They may differ in size and number of frames.
        nlf: shot and read, for example from photon transfer.
        bins: number K of bins.

    ValueError where there are no recordings, or fewer pixels below saturation than 100 per bin.
    """
    parts, offset = [], 0
    for recording in recordings:
        parts.append(_pixels(recording, nlf, offset))
        height, width = recording.frames.shape[2:]
        offset += (height // TILE + 1) * (width // TILE + 1)
    pixels = _Pixels(*(torch.cat(fields) for fields in zip(*parts, strict=True))) if parts else None
    if pixels is None or len(pixels.k2) < 100 * bins:
        raise ValueError(f"cumulants need at least {100 * bins} pixels below saturation: give more or larger bursts")
    frames = min(len(recording.frames) for recording in recordings)
    squares = (pixels.residual.square() + pixels.other.square()) / 2
    share = 1 / (1 + frames * max(float(_rho(squares.mean(), pixels.difference.mean())), 0.0))
    signal = share * pixels.denoised + (1 - share) * pixels.frames
    over = _Bins(pixels.quiet, pixels.tile, bins)
    third, fourth = (sum(r**k for r in (pixels.residual, pixels.other)) / 2 for k in (3, 4))
    return NoiseShape(
        frames,
        share,
        over.mean(signal),
        over.mean(pixels.k2),
        *over.statistic(lambda k3, k2: k3 / k2**1.5, pixels.k3, pixels.k2),
        *_kurtosis(pixels, over, nlf.shot * signal.clamp(min=0) + nlf.read if frames > 3 else None),
        *over.statistic(_rho, squares, pixels.difference),
        over.mean(third) / over.mean(squares) ** 1.5,
        over.mean(fourth) / over.mean(squares) ** 2 - 3,
    )
