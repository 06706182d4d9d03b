"""Photon transfer: shot and read noise from the temporal variance as a function of the mean signal.

The variance over time of a pixel of a static scene is the variance of the noise alone; for two frames it is
(y_1 - y_2)^2 / 2. If this variance is linear in the signal, the means over a block of pixels lie on the same line:

    < var_t y_t >_block = shot * < x >_block + read

So the method needs no clean image and no flat field. The mean over a block has little error in the signal. The EMVA
Standard 1288 states the method for flat fields. Frames may be in [0, 1] units or in DN (the digital numbers of the
file); the variances are in the square of that unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core.types import NLF

DRIFT_Z = 4.0  # a frame's gain is corrected where its mean differs by more than this many standard errors
OUTLIER_PROBABILITY = 1e-5  # probability that a good pixel is left out; this biases the variance by less than 0.02 %
ITERATIONS = 8


class PhotonTransfer(NamedTuple):
    """var(x) = shot x + read with standard errors, and the M points of the photon-transfer plot, one per block.

    Arguments:
        shot: slope of the line, in units of the signal.
        read: variance at signal 0, in units of the signal squared.
        shot_error, read_error: standard errors of the two.
        signal: (M,), mean signal of every block.
        variance: (M,), mean temporal variance of every block.
        error: (M,), standard error of ``variance`` as the fit predicts it.
        excluded: share of pixels that were left out, because they are too bright or vary too much over time.
    """

    shot: float
    read: float
    shot_error: float
    read_error: float
    signal: Tensor
    variance: Tensor
    error: Tensor
    excluded: float

    def nlf(self) -> NLF:
        """The fit as a noise level function. A value that is not positive is replaced by its standard error."""
        shot = self.shot if self.shot > 0 else self.shot_error
        return NLF(shot, self.read if self.read > 0 else self.read_error)


class _Pixels(NamedTuple):
    """One entry per pixel: temporal variance, the two regressors, block, degrees of freedom, limit for outliers."""

    variance: Tensor
    shot_regressor: Tensor
    read_regressor: Tensor
    block: Tensor
    freedom: Tensor
    limit: Tensor


def match_gains(frames: Tensor) -> Tensor:
    """g = mean of a frame / mean of all frames, for every frame and plane: (T, C).

    Light sources and shutters drift by a few per cent, which would be taken for noise. The gains of a plane are 1 where
    its frames differ by no more than noise explains. frames: (T, C, H, W).
    """
    means = frames.mean((2, 3))
    spread = (frames - frames.mean(0)).square().mean((0, 2, 3)) * len(frames) / max(len(frames) - 1, 1)
    error = (spread / frames[0, 0].numel()).sqrt()
    centre = means.mean(0)
    drifts = ((means - centre).abs() > DRIFT_Z * error).any(0) & (centre > DRIFT_Z * error)
    return torch.where(drifts, means / centre, torch.ones_like(means))


def _pixels(frames: Tensor, block: int, saturation: float) -> _Pixels:
    from scipy.stats import chi2

    frames = frames.double()
    gains = match_gains(frames)
    matched = frames / gains[..., None, None]
    variance = matched.var(0)
    signal = matched.mean(0)
    shot_factor, read_factor = (1 / gains).mean(0), (1 / gains.square()).mean(0)
    channels, height, width = signal.shape
    rows, columns = torch.arange(height) // block, torch.arange(width) // block
    index = rows[:, None] * (int(columns[-1]) + 1) + columns
    index = index + torch.arange(channels)[:, None, None] * (int(index.max()) + 1)
    keep = signal < saturation
    freedom = len(frames) - 1
    fields = (
        variance,
        signal * shot_factor[:, None, None],
        read_factor[:, None, None].expand_as(signal),
        index,
        torch.full_like(signal, freedom),
        torch.full_like(signal, chi2.isf(OUTLIER_PROBABILITY, freedom) / freedom),
    )
    return _Pixels(*(field[keep] for field in fields))


def _quietest(variance: Tensor) -> Tensor:
    """The nine tenths of the pixels that vary least, for a first guess; of any number of pixels."""
    return variance <= float(np.quantile(variance.numpy(), 0.9))  # torch.quantile takes 2^24 values at most


def _outliers(pixels: _Pixels, fit: Tensor) -> Tensor:
    """Whether the temporal variance of each pixel is larger than chance explains (chi-squared test).

    Such pixels are hot, blink, or were hit by a particle. The expected variance is computed from the pixel's mean or
    from its block's mean, whichever is larger. The mean of a dark pixel alone can be noise around 0, and the mean of a
    block can be much smaller than that of its brightest pixel.
    """
    sums = torch.zeros(int(pixels.block.max()) + 1, dtype=torch.float64).index_add_(
        0, pixels.block, pixels.shot_regressor
    )
    block_mean = (sums / torch.bincount(pixels.block).clamp(min=1))[pixels.block]
    signal = pixels.shot_regressor.maximum(block_mean).clamp(min=0)
    expected = fit[0] * signal + fit[1] * pixels.read_regressor
    return pixels.variance > pixels.limit * expected.clamp(min=1e-30)


def _blocks(pixels: _Pixels, keep: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For every block: mean variance (M,), mean regressors (M, 2), degrees of freedom (M,)."""
    count = int(pixels.block.max()) + 1
    sums = torch.zeros(4, count, dtype=torch.float64)
    for row, field in zip(sums, (pixels.variance, pixels.shot_regressor, pixels.read_regressor), strict=False):
        row.index_add_(0, pixels.block[keep], field[keep])
    number = torch.bincount(pixels.block[keep], minlength=count)
    freedom = torch.zeros(count, dtype=torch.float64).index_add_(0, pixels.block[keep], pixels.freedom[keep])
    full = number > number.max() / 4
    means = (sums[:3, full] / number[full]).unbind()
    return means[0], torch.stack(means[1:], 1), freedom[full]


def _weighted_fit(variance: Tensor, design: Tensor, freedom: Tensor, fit: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Least squares weighted by 1 / Var(v), Var(v) = 2 v^2 / freedom at ``fit``: (solution, covariance, errors)."""
    predicted = (design @ fit).clamp(min=1e-3 * float(variance.mean().clamp(min=1e-30)))
    weight = freedom / (2 * predicted.square())
    scaled = design * weight[:, None]
    inverse = torch.linalg.pinv(design.T @ scaled, hermitian=True, rtol=1e-15)
    solution = inverse @ (scaled.T @ variance)
    residual = variance - design @ solution
    sandwich = inverse @ (scaled.T @ (scaled * residual.square()[:, None])) @ inverse
    return solution, sandwich, weight.rsqrt()


def photon_transfer(bursts: Sequence[Tensor], *, block: int = 8, saturation: float = 0.9) -> PhotonTransfer:
    """Fit var(x) = shot x + read to one or more bursts of static scenes of one camera at one ISO.

    Drifts of the frames' brightness are removed (:func:`match_gains`). Pixels that vary too much over time, such as hot
    pixels, are left out by a chi-squared test. Blocks are weighted by the inverse of the variance of their variance.
    The standard errors are the sandwich estimate over blocks. The first fit, which finds the pixels to leave out, uses
    the 90 % of pixels with the smallest variance.

    Arguments:
        bursts: tensors (T, C, H, W) with T >= 2, black level removed. Flat fields need several exposures.
        block: side of a block in pixels.
        saturation: pixels with a mean at or above this signal are left out; in the unit of the frames.

    ValueError for bursts of fewer than two frames, where all pixels are saturated, and for fewer than two blocks.

    >>> clean = torch.linspace(0, 1, 4 * 32 * 32).view(4, 32, 32)
    >>> noise = torch.randn(6, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> fit = photon_transfer([clean + (0.01 * clean + 1e-4).sqrt() * noise], saturation=2.0)
    >>> abs(fit.shot - 0.01) < 4 * fit.shot_error
    True
    """
    if not bursts or any(burst.ndim != 4 or len(burst) < 2 for burst in bursts):
        raise ValueError("photon transfer needs bursts (T, C, H, W) of at least two frames each")
    parts, offset = [], 0
    for burst in bursts:
        part = _pixels(burst, block, saturation)
        parts.append(part._replace(block=part.block + offset))
        offset = int(parts[-1].block.max()) + 1 if len(part.block) else offset
    pixels = _Pixels(*(torch.cat(fields) for fields in zip(*parts, strict=True)))
    if not len(pixels.variance):
        raise ValueError(
            f"photon transfer: all pixels are saturated, with means of {saturation:g} or more: use shorter exposures"
        )
    keep = _quietest(pixels.variance)
    fit = torch.stack((torch.zeros((), dtype=torch.float64), pixels.variance[keep].mean()))
    for _ in range(ITERATIONS):
        variance, design, freedom = _blocks(pixels, keep)
        if len(variance) < 2:
            raise ValueError(
                f"photon transfer: only {len(variance)} block of {block}x{block} pixels, but a line needs two: "
                "give larger frames or a smaller block"
            )
        fit, covariance, error = _weighted_fit(variance, design, freedom, fit)
        keep = ~_outliers(pixels, fit)
    total = sum(burst[0].numel() for burst in bursts)
    errors = covariance.diagonal().sqrt().tolist()
    return PhotonTransfer(*fit.tolist(), *errors, design[:, 0], variance, error, excluded=1 - int(keep.sum()) / total)
