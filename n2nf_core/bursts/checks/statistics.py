"""What the frames of a burst say about it: noise, light, motion, correlation, black level and reference.

All statistics come from differences between frames and from means over time, so they need neither a clean image nor a
noise model. Frames are above black, in DN, and each plane of a frame is divided by its gain (:func:`gains`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from n2nf_core.bursts.checks.sample import Sample
from n2nf_core.bursts.checks.tile_sums import BLOCK, TileSums, blocks, tile_sums

CERTAIN = 6.0
"""A difference is taken for real where it is larger than this number of standard errors."""

SLIGHT = 0.01
"""Share of the variance of the noise that does not matter."""

MOVED = 0.25
"""Correlation of the difference of two frames with its neighbours, in a tile, from which something moved there."""


class Statistics(NamedTuple):
    """Measured on a sample of one burst.

    Arguments:
        noise: standard deviation of the noise of one frame, DN: that of the difference of consecutive frames over
            sqrt(2).
        typical: the same as the median over tiles.
        gains: (T, 4) mean of a frame's plane divided by its mean over all frames; 1 where noise could cause the change.
        drift: variance that the gains add to a difference of frames, divided by the variance of the noise.
        flicker: the same for changes of the light from place to place.
        growth: variance of the last frame minus the first over that of consecutive frames, minus 1; and its error.
        correlation: of the difference of frames with its neighbours: the smaller of the vertical and the horizontal
            one, because row noise alone causes one of them; the larger of neighbours in a plane and in the mosaic.
        correlation_error: its standard error for white noise.
        moved: largest share of tiles in which something moved between two frames.
        pattern: amplitude of an alternation from pixel to pixel in all planes, divided by the mean signal.
        colours: largest difference of the mean of a plane from that of all planes, divided by the latter.
        zero: signal at which the variance of the noise falls to 0 along a line, DN above black, or nan if not known.
        loss: share of its variance that the noise loses from the darkest to the brightest blocks, 0 where it does not.
        below: share of blocks whose mean over time lies below the black level by more than noise allows.
        reference: root mean square of mean over time minus reference, divided by that of the signal and by the noise;
            (nan, nan) where there is no reference.
        quietest: number of the frame with the least noise, and the variance of its noise over the mean of the others';
            (0, 1) for pairs.
        quietest_error: standard error of that share for frames that are alike.
    """

    noise: float
    typical: float
    gains: np.ndarray
    drift: float
    flicker: float
    growth: tuple[float, float]
    correlation: float
    correlation_error: float
    moved: float
    pattern: float
    colours: float
    zero: float
    loss: float
    below: float
    reference: tuple[float, float]
    quietest: tuple[int, float]
    quietest_error: float


def gains(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """(T, 4) gains, and (4,) mean square of the signal in DN^2.

    A gain is 1 where it differs from 1 by less than :data:`CERTAIN` standard errors, estimated from the means of rows,
    so that row noise is not taken for light; where the mean signal itself is not larger than that; and where it would
    add less than :data:`SLIGHT` of the variance of the noise.
    """
    black = np.asarray(sample.burst.black)[:, None]
    rows = sample.values.mean(3, dtype=np.float64) - black
    means, centre = rows.mean(2), rows.mean((0, 2))
    other = rows - rows.mean(0)
    error = (other - other.mean(2, keepdims=True)).std(2) / max(rows.shape[2] - 1, 1) ** 0.5
    error = np.maximum(error, np.finfo(float).tiny)
    safe = np.where(centre > 0, centre, 1.0)
    first, second = sample.values[:2].astype(np.float32) - black.astype(np.float32)[:, None]
    noise = (second - first).var((1, 2)) / 2
    square = np.maximum((first * second).mean((1, 2), dtype=np.float64), 0)
    real = (np.abs(means - centre) > CERTAIN * error) & (centre > CERTAIN * error)
    real &= ((means / safe - 1) ** 2 * square > SLIGHT * noise).any(0)
    return np.where(real, means / safe, 1.0), square


def measure(sample: Sample) -> Statistics | None:
    """All statistics of a sample that has seen at least two frames; None where its tiles have fewer than 16 pixels."""
    if np.prod(sample.tile) < 16:
        return None
    gain, square = gains(sample)
    parts = [tile_sums(strip / gain[..., None, None].astype(np.float32)) for strip in sample.strips()]
    tiles = TileSums(*(np.concatenate(field) for field in zip(*parts, strict=True)))
    pixels, rows = 4 * int(np.prod(sample.tile)), 2 * sample.tile[0]
    per_tile = tiles.steps[:, :, 0].mean(1)
    variance = max(float(per_tile.mean()), np.finfo(float).tiny)
    near = tiles.steps[:, :, 1:].mean((0, 1)).reshape(2, 2) / variance
    along = float(near.max().clip(0))
    chance = _chance(pixels * len(per_tile), rows * sample.grid[0], along)
    differences = tiles.steps.shape[1]
    spread = float((tiles.last[:, 0] / np.maximum(per_tile, 1e-30) - 1).std()) / len(per_tile) ** 0.5
    pattern, colours = _cells(tiles, variance**0.5)
    zero, loss = _along_signal(tiles.blocks, sample)
    count = differences + 1
    return Statistics(
        noise=variance**0.5,
        typical=float(np.median(per_tile)) ** 0.5,
        gains=gain,
        drift=float((((gain - 1) ** 2).mean(0) * square).mean() / variance),
        flicker=_flicker(tiles.means, variance, pixels),
        growth=(float(tiles.last[:, 0].mean()) / variance - 1 if differences > 1 else 0.0, max(spread, 2 * chance)),
        correlation=float(near.min(1).max()),
        correlation_error=chance * (1.5 / differences) ** 0.5,
        moved=_moved(tiles, pixels, rows),
        pattern=pattern,
        colours=colours,
        zero=zero,
        loss=loss,
        below=_below(tiles.blocks, sample),
        reference=_reference(sample, variance),
        quietest=_quietest(tiles.apart),
        quietest_error=2**0.5 * chance * (count - 1) / max(count - 2, 1),
    )


def _flicker(means: np.ndarray, variance: float, pixels: int) -> float:
    """Variance of the steps of tile means between frames, beyond that of the noise, over the variance of the noise."""
    steps = np.diff(means.mean(2), axis=1)
    if len(steps) < 2:
        return 0.0
    steps = steps - steps.mean(0)
    return float((steps**2).mean() / 2 * len(steps) / (len(steps) - 1) / variance - 1 / pixels)


def _chance(pixels: int, rows: int, along: float) -> float:
    """Standard error of a correlation of noise of which row noise is a share: 1 / sqrt(N), or less independent rows."""
    return (1 / pixels + along**2 / rows) ** 0.5


def _moved(tiles: TileSums, pixels: int, rows: int) -> float:
    """Largest share of tiles in which the difference of two frames correlates with both its neighbours in a plane."""
    both = np.concatenate((tiles.steps, tiles.last[:, None]), 1)
    near = both[..., 1:3] / np.maximum(both[..., :1], np.finfo(float).tiny)
    limit = np.maximum(MOVED, CERTAIN * _chance(pixels, rows, near.max(2).clip(0)))
    return float((near.min(2) > limit).mean(0).max())


def _cells(tiles: TileSums, noise: float) -> tuple[float, float]:
    """Amplitudes of the alternation and of the planes' differences over the mean signal.

    An amplitude is 0 where it is not certain, or less than a quarter of the noise, as offsets are in the dark.
    """
    signal, sizes = float(tiles.means.mean()), []
    for values, independent in ((tiles.waves, 1 / 8), (tiles.cells, 1)):  # places of waves overlap
        count = len(values) * independent
        if count < 2 or signal <= 0:
            sizes.append(0.0)
            continue
        mean, error = np.abs(values.mean(0)), values.std(0) / count**0.5
        sizes.append(float(np.where(mean > np.maximum(CERTAIN * error, 0.25 * noise), mean, 0.0).max()) / signal)
    return sizes[0], sizes[1]


def _along_signal(points: np.ndarray, sample: Sample) -> tuple[float, float]:
    """Of a line through (mean, variance) of the blocks: signal at which it reaches 0, or nan, and what it loses, or 0.

    The line is fitted by least squares weighted by 1 / variance^2, with sandwich errors. If blocks are darker than
    where it reaches 0, the points lie on no line, and nothing is said of that. Where it falls, it loses
    1 - variance of the brightest / variance of the darkest blocks, if their signals differ by more than noise, as that
    of rows, does. Blocks near white do not count.
    """
    signal, variance = points[..., 0].ravel(), points[..., 1].ravel()
    kept = (variance > 0) & (signal < 0.9 * (sample.burst.white - max(sample.burst.black)))
    if kept.sum() < 16:
        return float("nan"), 0.0
    design, variance = np.column_stack((signal, np.ones_like(signal)))[kept].astype(np.float64), variance[kept]
    predicted = np.full(len(variance), float(variance.mean()))
    for _ in range(4):
        weight = 1 / np.maximum(predicted, 0.05 * float(variance.mean())) ** 2
        inverse = np.linalg.pinv(design.T @ (design * weight[:, None]))
        shot, read = fit = inverse @ (design.T @ (weight * variance))
        predicted = design @ fit
    scores = design * (weight * (variance - predicted))[:, None]
    shot_error, read_error = np.sqrt((inverse @ (scores.T @ scores) @ inverse).diagonal())
    darkest, brightest = np.quantile(design[:, 0], (0.01, 0.99))
    if shot < -CERTAIN * shot_error and brightest - darkest > CERTAIN * variance.mean() ** 0.5:
        return float("nan"), float(1 - max(read + shot * brightest, 0) / (read + shot * darkest))
    if read > -CERTAIN * read_error or shot < CERTAIN * shot_error:
        return float("nan"), 0.0
    zero = -read / shot
    return float(zero) if 0.05 * brightest < zero < darkest else float("nan"), 0.0


def _quietest(apart: np.ndarray) -> tuple[int, float]:
    """The frame with the least noise, and its variance over the mean of the others', from (tiles, T) mean squares.

    With the variances s_t of T frames and their sum S, a frame minus the mean of all has s_t (1 - 2 / T) + S / T^2.
    Tiles that differ more than twice as much as usual do not count, since something may have moved there.
    """
    count, total = apart.shape[1], apart.sum(1)
    if count < 3 or not total.any():
        return 0, 1.0
    each = apart[total <= 2 * np.median(total)].mean(0) if np.median(total) > 0 else apart.mean(0)
    every = each.sum() * count / (count - 1)
    own = (each - every / count**2) / (1 - 2 / count)
    frame = int(own.argmin())
    return frame, float(own[frame] * (count - 1) / (every - own[frame]))


def _below(points: np.ndarray, sample: Sample) -> float:
    """Share of blocks whose mean is below 0 by 6 standard errors, by a quarter of the noise, and by half an integer."""
    mean, deviation = points[..., 0], np.sqrt(np.maximum(points[..., 1], 0))
    pixels = np.prod([min(BLOCK, n) for n in sample.tile]) * len(sample.values)
    step = 0.5 if sample.values.dtype.kind == "u" else 0.0
    return float((mean < -np.maximum(np.maximum(CERTAIN / pixels**0.5, 0.25) * deviation, step)).mean())


def _reference(sample: Sample, variance: float) -> tuple[float, float]:
    """Root mean square of the mean over time minus the reference over that of the signal, and over the noise."""
    burst = sample.burst
    if burst.clean is None:
        return float("nan"), float("nan")
    rows, columns = sample.lines
    span = (burst.white - np.asarray(burst.black))[:, None, None]
    clean = burst.clean[:, rows][:, :, columns].astype(np.float64) * span
    mean = sample.values.mean(0, dtype=np.float64) - np.asarray(burst.black)[:, None, None]
    clean, mean = blocks(clean[None]), blocks(mean[None])
    apart = float(((clean - mean) ** 2).mean())
    return (apart / max(float((mean**2).mean()), 1e-30)) ** 0.5, (apart / variance) ** 0.5
