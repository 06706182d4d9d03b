"""Noise that pixels share along lines, and single pixels that are unlike all others: what a sensor's defects look like.

Three shares are measured on the tiles of a sample. They need no clean image, and neither a scene nor noise with heavy
tails is taken for a defect:

lines     what the pixels of a row, or of a column, share in the difference of two frames
unsteady  pixels that vary more than those of their signal in the even frames, and in the odd frames again
hot       pixels whose mean stands out from all their neighbours, in the mosaic and in their colour
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from n2nf_core.bursts.checks.findings import Finding, judged
from n2nf_core.bursts.checks.sample import Sample
from n2nf_core.bursts.checks.statistics import CERTAIN

GROUPS = 64  # of pixels with similar signal, in each of which the usual variance is a median
LARGE = 3.0  # a variance is large where one of a normal pixel exceeds it with the probability of 3 standard deviations
ALONE = 0.25  # a pixel stands alone where its neighbours stand out by less than this share
MATTERS = 0.05  # share of the variance of the noise
MANY = 1e-3  # share of the pixels


class Defects(NamedTuple):
    """Shares of the variance of the noise, or of the pixels, each with its standard error.

    Arguments:
        rows, columns: variance that the pixels of a row, or a column, of one frame share.
        unsteady: variance that pixels add that are unsteady all the time, at least: of few frames, one half shows some
            of these pixels only. NaN for fewer than four frames, which show none.
        unsteady_pixels: share of such pixels among all.
        hot: share of pixels that stand out from their neighbours by more than the noise of a frame.
    """

    rows: tuple[float, float]
    columns: tuple[float, float]
    unsteady: tuple[float, float]
    unsteady_pixels: float
    hot: float


class _Tiles(NamedTuple):
    """Of the tiles of a sample; the images are (tiles, 4, h, w).

    Arguments:
        noise: (tiles,), variance of a difference of frames over sqrt(2).
        lines: (tiles, 2), variance that rows and columns share.
        signal: mean over time.
        around: the same of the neighbours in the plane.
        halves: (2, tiles, 4, h, w), variances over the even and the odd frames; (1, ...), over all of fewer than four.
        apart: by how much a pixel stands out, 0 unless it stands alone.
    """

    noise: np.ndarray
    lines: np.ndarray
    signal: np.ndarray
    around: np.ndarray
    halves: np.ndarray
    apart: np.ndarray


def find_defects(sample: Sample, gains: np.ndarray, step: float) -> Defects:
    """The defects of a sample.

    Arguments:
        sample: has seen all frames.
        gains: (T, 4), by which the frames are divided.
        step: between the numbers, DN.
    """
    frames = len(gains)
    parts = [_of_strip(strip / gains[..., None, None].astype(np.float32)) for strip in sample.strips()]
    noise, lines = np.concatenate([part.noise for part in parts]), np.concatenate([part.lines for part in parts])
    variance = max(float(noise.mean()), np.finfo(float).tiny)
    usual = _usual(parts, frames - (2 if frames > 3 else 1), step)
    unsteady = _unsteady(parts, usual, frames) if frames > 3 else (float("nan"), 0.0, 0.0)
    error = (4.5 / (4 * len(noise) * (frames - 1))) ** 0.5  # 1.5 for consecutive frames, and for neighbours
    rows, columns = (
        (float(np.median(lines[:, k])) / variance, 1.25 * error / across / max(along - 1, 1) ** 0.5)
        for k, (along, across) in enumerate((sample.tile, sample.tile[::-1]))
    )
    hot = [
        (part.apart > CERTAIN * np.sqrt(np.maximum(each, part.halves.mean(0)))) & (part.apart > 0)
        for part, each in zip(parts, usual, strict=True)
    ]
    return Defects(rows, columns, unsteady[:2], unsteady[2], _mean(hot))


def judge_defects(found: Defects) -> Iterator[Finding]:
    """The checks "row noise", "unsteady pixels" and "hot pixels"."""
    (share, error), (other, other_error) = found.rows, found.columns
    yield judged(
        "row noise",
        max(share, other),
        f"the pixels of a row share {max(share, 0):.1%} of the noise's variance, of a column {max(other, 0):.1%}",
        "a noise model that draws every pixel on its own has no such stripes; use a lower ISO, or subtract from every "
        "line the mean of its masked pixels",
        wary=share > max(MATTERS, CERTAIN * error) or other > max(MATTERS, CERTAIN * other_error),
    )
    added, chance = found.unsteady
    unknown = np.isnan(added)
    yield judged(
        "unsteady pixels",
        0.0 if unknown else added,
        "telegraph noise shows in four frames or more"
        if unknown
        else f"{found.unsteady_pixels:.2%} of the pixels vary too much all the time, which adds {max(added, 0):.1%} or "
        "more to the noise's variance",
        "this is telegraph noise, so the noise has heavy tails; learn a noise model with tails, or mask these pixels",
        wary=not unknown and added > max(MATTERS, CERTAIN * chance),
    )
    yield judged(
        "hot pixels",
        found.hot,
        f"{found.hot:.2%} of the pixels stand out from all their neighbours",
        "hot or dead pixels; let the camera map them out, use a shorter exposure, or subtract the mean of dark frames",
        wary=found.hot > MANY,
    )


def _of_strip(strip: np.ndarray) -> _Tiles:
    """The sums of tiles (tiles, T, 4, h, w)."""
    steps = np.diff(strip, axis=1) / np.float32(2**0.5)
    steps = steps - steps.mean((3, 4), keepdims=True)
    noise = (steps**2).mean((1, 2, 3, 4))
    lines = np.stack([_shared(steps, axis, noise) for axis in (4, 3)], 1)
    mean = strip.mean(1)
    halves = [strip[:, ::2], strip[:, 1::2]] if strip.shape[1] > 3 else [strip]
    typical = np.median(strip.var(1, ddof=1), (1, 2, 3), keepdims=True) / _quantile(0, strip.shape[1] - 1)
    around, apart = _alone(mean, np.sqrt(typical / strip.shape[1]))
    return _Tiles(noise, lines, mean, around, np.stack([half.var(1, ddof=1) for half in halves]), apart)


def _alone(mean: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The middle two of a pixel's four neighbours in its plane, and by how much it differs: (tiles, 4, h, w) each.

    The latter is 0 where a neighbour in the mosaic differs, too, as at an edge or a star, and where most pixels do,
    as in a texture. error: standard error of ``mean``.
    """
    wide = np.pad(mean, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    near = np.stack((wide[..., :-2, 1:-1], wide[..., 2:, 1:-1], wide[..., 1:-1, :-2], wide[..., 1:-1, 2:]))
    around = (near.sum(0) - near.max(0) - near.min(0)) / 2
    apart = np.abs(mean - around)
    usual = np.median(apart, (2, 3), keepdims=True)
    tiles, _, height, width = mean.shape
    mosaic = apart.reshape(tiles, 2, 2, height, width).transpose(0, 3, 1, 4, 2).reshape(tiles, 2 * height, 2 * width)
    wide = np.pad(mosaic, ((0, 0), (1, 1), (1, 1)))
    places = [(i, j) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    others = np.maximum.reduce([wide[:, i : i + 2 * height, j : j + 2 * width] for i, j in places])
    others = others.reshape(tiles, height, 2, width, 2).transpose(0, 2, 4, 1, 3).reshape(mean.shape)
    alone = (others < np.maximum(ALONE * apart, 4 * error)) & (apart > 15 * usual)
    return around, np.where(alone, apart, 0)


def _shared(steps: np.ndarray, axis: int, noise: np.ndarray) -> np.ndarray:
    """Variance that the pixels along ``axis`` share, (tiles,), from neighbouring lines, so that slow bands cancel."""
    means, pixels = steps.mean(axis), steps.shape[axis]
    found = (np.diff(means, axis=3) ** 2).mean((1, 2, 3)) / 2
    return (found - noise / pixels) * pixels / (pixels - 1)


def _mean(images: Sequence[np.ndarray]) -> float:
    """The mean of all values of several images."""
    return float(sum(image.sum(dtype=np.float64) for image in images) / sum(image.size for image in images))


def _usual(parts: Sequence[_Tiles], freedom: int, step: float) -> list[np.ndarray]:
    """The variance that pixels of a signal usually have: medians over groups, in proportion to the signal above them.

    The neighbours choose the group, since a pixel's own mean would gather those that jump upwards. The variance is at
    least the most that rounding does to that of a steady pixel.

    Arguments:
        parts: of the sample; one image is returned for each.
        freedom: degrees of freedom of the variances.
        step: between the numbers, DN.
    """
    every = max(1, sum(part.signal.size for part in parts) >> 20)
    flat = np.concatenate([part.around.ravel() for part in parts])[::every].copy()
    values = np.concatenate([part.halves.mean(0).ravel() for part in parts])[::every].copy()
    groups = np.array_split(np.argsort(flat), max(1, min(GROUPS, len(flat) // GROUPS)))
    centres, medians = (np.array([np.median(each[group]) for group in groups]) for each in (flat, values))
    medians, last, found = medians / _quantile(0, freedom), centres[-1], []
    for part in parts:
        signal = np.maximum(part.signal, part.around)
        usual = np.interp(signal, centres, medians) * (np.maximum(signal / last, 1) if last > 0 else 1)
        found.append(np.maximum(usual, step**2 / 4).astype(np.float32))
    return found


def _quantile(deviations: float, freedom: int) -> float:
    """The variance of a normal pixel over its expectation at so many standard deviations (Wilson and Hilferty 1931)."""
    return (1 - 2 / (9 * freedom) + deviations * (2 / (9 * freedom)) ** 0.5) ** 3


def _unsteady(parts: Sequence[_Tiles], usual: Sequence[np.ndarray], frames: int) -> tuple[float, float, float]:
    """Variance that the pixels add which the other half of the frames calls unsteady; its error; the pixels' share.

    Pixels whose neighbours vary, too, are left out, since something moved there.
    """
    limits = [_quantile(LARGE, number - 1) for number in ((frames + 1) // 2, frames // 2)]
    usually, means = _mean(usual), [_mean([part.halves[k] for part in parts]) for k in (0, 1)]
    excess, unsteady = [], []
    for part, each in zip(parts, usual, strict=True):
        large = [half > each * limit for half, limit in zip(part.halves, limits, strict=True)]
        for chosen, other, mean in zip(large, part.halves[::-1], means[::-1], strict=True):
            alone = chosen & ~_beside(chosen)
            excess.append(other[alone] - each[alone] * (mean / usually))
        unsteady.append(large[0] & large[1])
    added, total = np.concatenate(excess), sum(part.halves.sum(dtype=np.float64) for part in parts)
    variance = max(float(total), np.finfo(float).tiny)
    return float(added.sum()) / variance, float((added**2).sum()) ** 0.5 / variance, _mean(unsteady)


def _beside(marked: np.ndarray) -> np.ndarray:
    """Whether one of the four neighbours in its plane is marked."""
    wide = np.pad(marked, ((0, 0), (0, 0), (1, 1), (1, 1)))
    return wide[..., :-2, 1:-1] | wide[..., 2:, 1:-1] | wide[..., 1:-1, :-2] | wide[..., 1:-1, 2:]
