"""Third-cumulant photon transfer: the skewness of noise as a function of the mean signal.

The third cumulant kappa_3 = < n^3 > of shot noise of gain K is K^2 x, as its variance is K x. So in

    kappa_3(x) = slope x + offset,    skewness(x) = kappa_3(x) / var(x)^1.5

``slope`` is shot^2 for a Poisson-Gaussian sensor, 0 for Gaussian noise, and larger for multiplied electrons (EMCCD);
``offset`` is that of the read noise. Every pixel gives an estimate without bias:

    three and more frames   the k-statistic over time
    pairs                   2 (mean - xh) (s2 - shot mean - read) + shot s2          s2 = (y_1 - y_2)^2 / 2

as :mod:`n2nf_core.baselines.cumulants` has them, which measures with a denoiser and over bins of the signal.

A pair holds no third moment of the difference, but noise that is skewed has a larger variance where its mean is high.
xh is the mean of the four neighbours of a pixel in its plane, whose noise is another one. The scene's own slope from
xh to the pixel adds to the errors, not to the expectation; row noise, which neighbours share, adds to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from n2nf_core.baselines.blocks import expected, half_means, solve
from n2nf_core.baselines.cumulants import pair_third_cumulant, third_k_statistic
from n2nf_core.baselines.outliers import chance_limit, kept
from n2nf_core.baselines.photon_transfer import PhotonTransfer, photon_transfer
from n2nf_core.baselines.temporal import Temporal, bands, frame_of, temporal
from n2nf_core.types import NLF, Stack

GROUPS = 20  # of blocks with similar signal


class ThirdCumulant(NamedTuple):
    """kappa_3(x) = slope x + offset with standard errors, and the skewness of G groups of blocks of similar signal.

    Arguments:
        slope: in units of the signal squared; shot^2 for a Poisson-Gaussian sensor.
        offset: third cumulant at signal 0, in units of the signal cubed.
        slope_error, offset_error: standard errors of the two.
        signal: (G,), mean signal of every group.
        skewness: (G,), third cumulant over the variance of the line to the power 1.5.
        error: (G,), standard error of ``skewness``.
        variance_line: the photon transfer of the same bursts.
    """

    slope: float
    offset: float
    slope_error: float
    offset_error: float
    signal: Tensor
    skewness: Tensor
    error: Tensor
    variance_line: PhotonTransfer


def third_cumulant(bursts: Sequence[Tensor | Stack], *, block: int = 8, saturation: float = 0.9) -> ThirdCumulant:
    """Fit kappa_3(x) = slope x + offset to bursts of static scenes of one camera at one ISO.

    Pixels that vary too much over time are left out as in photon transfer. The signal of a block has an error, which
    does not bend the line (:mod:`n2nf_core.baselines.blocks`).

    Arguments:
        bursts: (T, C, H, W) with T >= 2 each, black level removed, or frames that are read when asked for.
        block: side of a block in pixels, at least 2.
        saturation: pixels with a mean at or above this signal are left out; in the unit of the frames.

    Errors: ValueError as in :func:`~n2nf_core.baselines.photon_transfer.photon_transfer`.

    >>> clean = torch.linspace(0, 1, 4 * 64 * 64).view(4, 64, 64).expand(6, -1, -1, -1)
    >>> frames = torch.poisson(50 * clean, generator=torch.Generator().manual_seed(0)) / 50
    >>> found = third_cumulant([frames], saturation=2.0)
    >>> abs(found.slope - 1 / 50**2) < 4 * found.slope_error
    True
    """
    line = photon_transfer(bursts, block=block, saturation=saturation)
    parts = [_halves(burst, line, block, saturation) for burst in bursts]
    every = torch.cat(parts, 1)
    least = every[0].amin(1)
    number, third, signal, regressor, offset = every[:, least > least.amax() / 4]
    variance = line.shot * expected(signal).clamp(min=line.darkest) + line.read
    weight = number / variance.clamp(min=0.01 * float(variance.mean())).pow(3)
    fit, errors = solve((regressor, offset), (expected(regressor), offset), third, weight)
    return ThirdCumulant(*fit.tolist(), *errors.tolist(), *_skewness(signal, third, number, line), line)


def _halves(burst: Tensor | Stack, line: PhotonTransfer, block: int, saturation: float) -> Tensor:
    """Number of pixels, third cumulant, signal, and the regressors of slope and offset, of every half: (5, M, 2)."""
    stats = temporal(burst)
    third = _pairs(stats, line) if stats.frames == 2 else _k_statistic(burst, stats)
    slope, offset = ((1 / stats.gains**power).mean(0)[:, None, None] for power in (2, 3))
    parts = []
    for rows in bands(tuple(third.shape), block):
        keep = kept(stats, rows, block, saturation, (line.shot, line.read), chance_limit(stats.frames))
        number, cubes, signal = half_means(keep, (third[:, rows], stats.mean[:, rows]), block)
        fields = torch.stack((number, cubes, signal, signal * slope, offset.expand_as(signal)))
        parts.append(fields.flatten(1, 2))
    return torch.cat(parts, 1)


def _k_statistic(burst: Tensor | Stack, stats: Temporal) -> Tensor:
    """:func:`~n2nf_core.baselines.cumulants.third_k_statistic` of every pixel, frame by frame: (C, H, W)."""
    total, count = torch.zeros_like(stats.mean), stats.frames
    for t in range(count):
        frame, gains = frame_of(burst, t), stats.gains[t].to(total.dtype)[:, None, None]
        for rows in bands(tuple(total.shape)):
            total[:, rows] += (frame[:, rows] / gains - stats.mean[:, rows]).pow_(3)
        del frame  # before the next one is read
    return third_k_statistic(count, total.div_(count))


def _pairs(stats: Temporal, line: PhotonTransfer) -> Tensor:
    """:func:`~n2nf_core.baselines.cumulants.pair_third_cumulant` at the mean of the neighbours: (C, H, W)."""
    total = torch.empty_like(stats.mean)
    for plane, (mean, variance) in enumerate(zip(stats.mean, stats.variance, strict=True)):
        nlf = NLF(*(float(term * factor[plane]) for term, factor in zip(line[:2], stats.factors, strict=True)))
        wide = pad(mean[None], (1, 1, 1, 1), mode="reflect")[0]
        others = (wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]) / 4
        total[plane] = pair_third_cumulant(mean, variance, others, nlf)
    return total


def _skewness(signal: Tensor, third: Tensor, number: Tensor, line: PhotonTransfer) -> tuple[Tensor, Tensor, Tensor]:
    """Signal, skewness and its standard error, (G,) each, of groups that the signals of the other halves choose."""
    order = signal.flip(1).flatten().argsort()
    rows = []
    for group in order.tensor_split(min(GROUPS, max(len(order) // 8, 1))):
        share = number.flatten()[group] / number.flatten()[group].sum()
        mean, cube = ((share * values.flatten()[group]).sum() for values in (signal, third))
        error = (share * (third.flatten()[group] - cube)).square().sum().sqrt()
        scale = (line.shot * mean.clamp(min=line.darkest) + line.read).clamp(min=1e-30).pow(1.5)
        rows.append(torch.stack((mean, cube / scale, error / scale)))
    return tuple(torch.stack(rows, 1))
