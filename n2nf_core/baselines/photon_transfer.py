"""Photon transfer: shot and read noise from the temporal variance as a function of the mean signal.

The variance over time of a pixel of a static scene is the variance of the noise alone; for two frames it is
(y_1 - y_2)^2 / 2. If this variance is linear in the signal, the means over a block of pixels lie on the same line:

    < var_t y_t >_block = shot * < x >_block + read

So the method needs no clean image and no flat field. The EMVA Standard 1288 states the method for flat fields. Frames
may be in [0, 1] units or in DN (the digital numbers of the file); the variances are in the square of that unit.

The line is fitted by instrumental variables (:mod:`n2nf_core.baselines.blocks`), because a block's signal has an error:
each half of a block is weighted by w = degrees of freedom / (2 (shot x + read)^2), with the signal x that is expected
from its other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core.baselines.blocks import expected, half_means, solve
from n2nf_core.baselines.outliers import chance_limit, kept
from n2nf_core.baselines.temporal import Temporal, bands, temporal
from n2nf_core.types import NLF, Stack

ITERATIONS = 8
ENOUGH_BLOCKS = 2**16
DARK_SHARE = 32  # the darkest group of half-blocks is a 32nd of them
DARK_Z = 4.0  # the signal goes below 0 where the darkest group lies below it by more than this many standard errors
LEAST_SHARE = 1e-3  # a term of 0 has no logarithm, so a noise level function gives it this share of the variance


class PhotonTransfer(NamedTuple):
    """var(x) = shot x + read with standard errors, and the M points of the photon-transfer plot, one per block.

    Neither term is negative: where the best line has a negative term, this term is 0 and the other one is fitted again.
    The standard errors are those of the line with both terms, so they tell what the data know of each.

    Arguments:
        shot: slope of the line, in units of the signal.
        read: variance at signal 0, in units of the signal squared.
        shot_error, read_error: standard errors of the two.
        signal: (M,), mean signal of every block.
        variance: (M,), mean temporal variance of every block.
        error: (M,), standard error of ``variance`` as the fit predicts it.
        excluded: share of pixels that were left out, because they are too bright or vary too much over time.
        darkest: mean signal of the darkest blocks if it is clearly below 0, otherwise 0. It is below 0 where the black
            level is stated too high; the line holds down to this signal.
        curvature: coefficient of x^2 in var(x) = shot x + read + curvature x^2; 0 for a linear sensor.
        curvature_error: its standard error.
    """

    shot: float
    read: float
    shot_error: float
    read_error: float
    signal: Tensor
    variance: Tensor
    error: Tensor
    excluded: float
    darkest: float
    curvature: float
    curvature_error: float

    def nlf(self) -> NLF:
        """The fit as a noise level function. A term of 0 becomes a thousandth of the other one at the mean signal."""
        level = max(float(self.signal.abs().mean()), 1e-12)
        return NLF(max(self.shot, LEAST_SHARE * self.read / level), max(self.read, LEAST_SHARE * self.shot * level))


class _Halves(NamedTuple):
    """One row per block and one column per half of it, all (M, 2): sums over pixels are divided by their number.

    Arguments:
        number: of pixels that are kept.
        variance: mean temporal variance.
        signal: mean signal times < 1 / g >, the regressor of shot; g are the gains of the frames.
        offset: < 1 / g^2 >, the regressor of read.
        square: mean of the squared signal, without the share of the noise.
        freedom: degrees of freedom of ``variance``.
    """

    number: Tensor
    variance: Tensor
    signal: Tensor
    offset: Tensor
    square: Tensor
    freedom: Tensor

    def full(self) -> _Halves:
        """The blocks of which both halves have more than a quarter of the pixels that a half can have."""
        least = self.number.amin(1)
        return _Halves(*(field[least > least.amax() / 4] for field in self))

    def some(self) -> _Halves:
        """At most :data:`ENOUGH_BLOCKS` of the blocks, evenly spread: enough to tell outliers by their line."""
        return _Halves(*(field[:: len(field) // ENOUGH_BLOCKS + 1] for field in self))


class _Line(NamedTuple):
    """fit (2,): shot and read. errors (2,). predicted (M, 2): variance at the expected signal. darkest: signal."""

    fit: Tensor
    errors: Tensor
    predicted: Tensor
    darkest: Tensor


def _halves(stats: Temporal, block: int, saturation: float, fit: Sequence[float], limit: float) -> _Halves:
    """The halves of all blocks of one burst, of the pixels that :func:`~n2nf_core.baselines.outliers.kept` leaves."""
    channels, height, width = stats.mean.shape
    across = -(-width // block)
    found = _Halves(*torch.empty(6, channels, -(-height // block) * across, 2, dtype=torch.float64))
    for rows in bands((channels, height, width), block):
        keep = kept(stats, rows, block, saturation, fit, limit)
        mean, variance = stats.mean[:, rows], stats.variance[:, rows]
        images = (variance, mean, mean.square() - variance / stats.frames)
        number, variance, signal, square = half_means(keep, images, block)
        shot, read = (factor[:, None, None].expand_as(signal) for factor in stats.factors)
        fields = (number, variance, signal * shot, read, square, number * (stats.frames - 1))
        start = rows.start // block * across
        for whole, part in zip(found, fields, strict=True):
            whole[:, start : start + part.shape[1]] = part
    return _Halves(*(field.view(-1, 2) for field in found))


def _quietest(variance: Tensor) -> float:
    """The variance that nine tenths of the pixels do not exceed, from at most about a million of them."""
    values = variance.flatten()
    return float(np.quantile(values[:: len(values) // 2**20 + 1].numpy(), 0.9))


def _good_halves(stats: Temporal, block: int, saturation: float) -> _Halves:
    """The halves of one burst without outliers: fit, leave out, and fit again until the same pixels are left out."""
    found = _halves(stats, block, saturation, (0.0, _quietest(stats.variance)), limit=1.0)
    for _ in range(ITERATIONS):
        count, some = found.number.sum(), found.some().full()
        if len(some.number) < 2:
            break
        fit = _line(some).fit.tolist()
        del found, some  # before the next ones are made
        found = _halves(stats, block, saturation, fit, chance_limit(stats.frames))
        if found.number.sum() == count:
            break
    return found


def _darkest(halves: _Halves) -> tuple[Tensor, Tensor]:
    """Mean signal, at most 0, and mean variance of the darkest half-blocks, which the other halves choose."""
    signal, other = halves.signal.flatten(), halves.signal.flip(1).flatten()
    group = other.argsort()[: max(len(other) // DARK_SHARE, min(len(other), 8))]
    mean, error = signal[group].mean(), signal[group].std(correction=0) / len(group) ** 0.5
    below = torch.where(mean < -DARK_Z * error, mean, torch.zeros_like(mean))
    return below, halves.variance.flatten()[group].mean()


def _line(halves: _Halves) -> _Line:
    """The line through the halves of blocks, with weights from the line itself."""
    darkest, variance = _darkest(halves)
    signal = expected(halves.signal).maximum(darkest)
    fit = torch.stack((torch.zeros_like(variance), halves.variance.mean()))
    for _ in range(ITERATIONS):
        predicted = (fit[0] * signal + fit[1] * halves.offset).clamp(min=0.1 * float(variance) + 1e-30)
        weight = halves.freedom / (2 * predicted.square())
        regressors, instruments = (halves.signal, halves.offset), (signal, halves.offset)
        fit, errors = solve(regressors, instruments, halves.variance, weight)
        if fit.min() < 0:
            term = int(fit[0] <= 0)  # the one to keep
            moment = weight * instruments[term]
            alone = (moment * halves.variance).sum() / (moment * regressors[term]).sum()
            fit = torch.zeros_like(fit).index_fill(0, torch.tensor(term), float(alone.clamp(min=0)))
    return _Line(fit, errors, predicted, darkest)


def _gathered(bursts: Sequence[Tensor | Stack], block: int, saturation: float) -> tuple[_Halves, float]:
    """The halves of all bursts, and the share of pixels that were left out; errors as in :func:`photon_transfer`."""
    parts, total, bright = [], 0, 0
    for burst in bursts:
        stats = temporal(burst)
        parts.append(_good_halves(stats, block, saturation))
        total += stats.mean.numel()
        bright += int(torch.count_nonzero(stats.mean >= saturation))
        del stats
    if bright == total > 0:
        raise ValueError(
            f"photon transfer: all pixels are saturated, with means of {saturation:g} or more: use shorter exposures"
        )
    if not parts:
        raise ValueError("photon transfer needs bursts (T, C, H, W) of at least two frames each, got none")
    number = sum(float(part.number.sum()) for part in parts)
    halves = _Halves(*(torch.cat(field) for field in zip(*parts, strict=True)))
    del parts
    halves = halves.full()
    if len(halves.number) < 2:
        raise ValueError(
            f"photon transfer: only {len(halves.number)} block of {block}x{block} pixels, but a line needs two: "
            "give larger frames or a smaller block"
        )
    return halves, 1 - number / total


def photon_transfer(bursts: Sequence[Tensor | Stack], *, block: int = 8, saturation: float = 0.9) -> PhotonTransfer:
    """Fit var(x) = shot x + read to one or more bursts of static scenes of one camera at one ISO.

    Drifts of the frames' brightness are removed (:func:`~n2nf_core.baselines.temporal.match_gains`). Pixels that vary
    too much over time, such as hot pixels, are left out by a chi-squared test. Blocks are weighted by the inverse of
    the variance of their variance. The standard errors are the sandwich estimate over blocks. The first fit, which
    finds the pixels to leave out, uses the 90 % of pixels with the smallest variance.

    Flat fields need several exposures. From a single one the variance at its signal is known, but not how it divides
    into shot and read; the standard errors say so.

    Arguments:
        bursts: tensors (T, C, H, W) with T >= 2, black level removed, or frames that are read when asked for. One
            burst is in memory at a time, as the mean and the variance of its pixels.
        block: side of a block in pixels, at least 2.
        saturation: pixels with a mean at or above this signal are left out; in the unit of the frames.

    ValueError for bursts of fewer than two frames, where all pixels are saturated, and for fewer than two blocks.

    >>> clean = torch.linspace(0, 1, 4 * 32 * 32).view(4, 32, 32)
    >>> noise = torch.randn(6, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> fit = photon_transfer([clean + (0.01 * clean + 1e-4).sqrt() * noise], saturation=2.0)
    >>> abs(fit.shot - 0.01) < 4 * fit.shot_error
    True
    """
    halves, excluded = _gathered(bursts, block, saturation)
    line = _line(halves)
    weight = halves.freedom / (2 * line.predicted.square())
    regressors = (halves.signal, halves.offset, halves.square)
    instruments = (expected(halves.signal), halves.offset, expected(halves.square))
    curve, curve_errors = solve(regressors, instruments, halves.variance, weight)
    share = halves.number / halves.number.sum(1, keepdim=True)
    shot, read = line.fit.tolist()
    return PhotonTransfer(
        shot,
        read,
        *line.errors.tolist(),
        signal=(share * halves.signal).sum(1),
        variance=(share * halves.variance).sum(1),
        error=(2 / halves.freedom.sum(1)).sqrt() * (share * line.predicted).sum(1),
        excluded=excluded,
        darkest=max(float(line.darkest), -0.9 * read / shot if shot > 0 else 0.0),
        curvature=float(curve[2]),
        curvature_error=float(curve_errors[2]),
    )
