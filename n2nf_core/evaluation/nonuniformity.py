"""What does not change from frame to frame, and what rows share: PRNU, DSNU, saturation and row noise.

With y the mean over T frames of a plane, of which every pixel has the temporal variance v, the spatial variance

    s2 = var(y) - < v > / T

is that of the pixels themselves. In the dark its root is the DSNU, in uniform light of the mean signal m the PRNU is
sqrt(s2(light) - s2(dark)) / m, as the EMVA Standard 1288 defines them (release 3.1: without the high-pass filter of
release 4.0, so the shading of the light and of the lens is part of the PRNU). The mean of a row of W pixels has the
variance v / W by chance; what is found beyond it is the variance of the row noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core.baselines.temporal import Temporal, frame_of
from n2nf_core.bursts import Burst
from n2nf_core.evaluation.burst_quality import LEAST_CONTRAST
from n2nf_core.types import Stack

FALL = 0.8  # the variance has fallen behind its peak where it is below this share of it


class InDN(NamedTuple):
    """Some planes of a burst in DN above black, frame by frame: a :class:`~n2nf_core.types.Stack`.

    Arguments:
        burst: the frames.
        index: numbers of planes.
        black: level of each of the four planes in DN, for every frame.
        pattern: (4, h, w), by how much the pixels' own black levels differ from that, or None.
    """

    burst: Burst
    index: Sequence[int]
    black: Sequence[Sequence[float]]
    pattern: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, C, h, w)."""
        return len(self.burst), len(self.index), *self.burst.shape[2:]

    def planes(self, t: int) -> Tensor:
        """Frame number ``t``: (1, C, h, w) float32."""
        index = list(self.index)
        black = np.asarray([self.black[t][k] for k in index], np.float32)[:, None, None]
        frame = self.burst.frames[t][index] - black
        return torch.from_numpy(frame if self.pattern is None else frame - self.pattern[index])[None]


class Level(NamedTuple):
    """A burst as a point of a series, in units of its signal.

    Arguments:
        signal: mean over pixels.
        variance: mean temporal variance of a pixel.
        spatial: variance of the pixels' own means, s2; not negative.
    """

    signal: float
    variance: float
    spatial: float

    @property
    def flat(self) -> bool:
        """Whether the light is uniform: the pixels differ by less than a tenth of the signal."""
        return self.spatial**0.5 < LEAST_CONTRAST * self.signal


def level(stats: Temporal) -> Level:
    """The mean over planes of a burst's signal, temporal variance and spatial variance.

    stats: of the burst's frames, above the black level.
    """
    temporal = stats.variance.double().mean((1, 2))
    freedom = min(stats.mean[0].numel() - 1, 1)  # a single pixel has no spread
    spatial = stats.mean.double().var((1, 2), correction=freedom) - temporal / stats.frames
    return Level(float(stats.mean.double().mean()), float(temporal.mean()), max(float(spatial.mean()), 0.0))


def dsnu(dark: Sequence[Level]) -> float | None:
    """sqrt(< s2 >) of dark bursts, in their unit; None without any."""
    return (sum(each.spatial for each in dark) / len(dark)) ** 0.5 if dark else None


def prnu(levels: Sequence[Level], dark: Sequence[Level], saturation: float) -> float | None:
    """sqrt(s2 - s2(dark)) / signal of the uniformly lit burst nearest to half of ``saturation``; None without any.

    Arguments:
        levels: of the bursts; those that are not flat are not used.
        dark: of dark bursts, or none: then DSNU is part of the PRNU.
        saturation: the signal at saturation.
    """
    flats = [each for each in levels if each.flat and 0.1 * saturation < each.signal < 0.9 * saturation]
    if not flats:
        return None
    best = min(flats, key=lambda each: abs(each.signal - saturation / 2))
    return max(best.spatial - (dsnu(dark) or 0.0) ** 2, 0.0) ** 0.5 / best.signal


def saturation_signal(levels: Sequence[Level]) -> float | None:
    """The signal at which the temporal variance of a series of flat fields is largest, before it falls.

    None where it does not fall: then the series does not reach saturation.
    """
    flats = sorted(each for each in levels if each.flat)
    if not flats:
        return None
    peak = max(flats, key=lambda each: each.variance)
    return peak.signal if flats[-1].variance < FALL * peak.variance else None


def row_noise(stack: Tensor | Stack, stats: Temporal) -> tuple[float, float]:
    """Standard deviation of what the pixels of a plane's row share in one frame, and its standard error.

    Arguments:
        stack: (T, C, H, W), above the black level.
        stats: of the same frames.
    """
    freedom = (stats.frames - 1) / stats.frames
    rows = []
    for t in range(stats.frames):
        gains = stats.gains[t].to(stats.mean.dtype)[:, None, None]
        means = (frame_of(stack, t) / gains - stats.mean).double().mean(2)
        rows.append(means - means.mean(1, keepdim=True))
    squares = torch.stack(rows).square() / (freedom * (1 - 1 / stats.mean.shape[1]))
    found, chance = float(squares.mean()), float(stats.variance.double().mean()) / stats.mean.shape[2]
    error = found * (2 / (freedom * squares.numel())) ** 0.5
    return root(found - chance, error)


def step_of(bursts: Sequence[Burst]) -> float:
    """The step of whole numbers, their largest common divisor; 0 for numbers that are not whole.

    bursts: whose first frames are looked at.
    """
    if any(burst.frames.dtype != np.uint16 for burst in bursts):
        return 0.0
    return float(np.gcd.reduce([int(np.gcd.reduce(np.diff(np.unique(burst.frames[0])))) for burst in bursts]))


def above_own_black(stacks: Sequence[InDN], darks: Sequence[InDN]) -> tuple[Sequence[InDN], Sequence[InDN]]:
    """Both with the mean of the dark frames taken from every pixel, where they have the size of the others.

    The amplifiers and columns of a sensor have black levels of their own, which would be taken for a signal.

    stacks: in DN. darks: of dark frames, each above its own mean.
    """
    sizes = {stack.shape[2:] for stack in [*stacks, *darks]}
    if not darks or len(sizes) > 1:
        return stacks, darks
    total = np.zeros((4, *sizes.pop()))
    for dark in darks:
        for t in range(len(dark.burst)):
            total += dark.burst.frames[t] - np.asarray(dark.black[t])[:, None, None]
    pattern = (total / sum(len(dark.burst) for dark in darks)).astype(np.float32)
    return tuple([stack._replace(pattern=pattern) for stack in group] for group in (stacks, darks))


def rounding_error(level: Level, step: float) -> float:
    """Standard error that rounding to whole steps q gives the temporal variance v of a burst, in the unit of v.

    Gaussian noise of deviation s q around a mean that lies m q above a whole number is rounded to numbers of variance

        v / q^2 = s^2 + 1/12 - (1 / pi^2 + 4 s^2) exp(-2 pi^2 s^2) cos(2 pi m),

    but for terms in exp(-4 pi^2 s^2). From s = 0.6 on, the last term is below 0.002. Of a smaller s, frames with one
    mean say only what they do at their m. This is the root mean square of the last term over all m; where the means of
    pixels have a deviation of d q, their mean has exp(-2 pi^2 d^2) times as much.

    Arguments:
        level: of the burst, with s^2 = v / q^2 - 1/12 and the spatial variance (d q)^2.
        step: q, 0 for numbers that are not rounded.

    Source: Widrow and Kollar, Quantization Noise, 2008.

    >>> rounding_error(Level(0.0, 1 / 12 + 1.0, 0.0), 1.0) < 1e-7 < rounding_error(Level(0.0, 0.2, 0.0), 1.0)
    True
    """
    if not step:
        return 0.0
    deviation = max(level.variance / step**2 - 1 / 12, 0.0)
    fades = math.exp(-2 * math.pi**2 * (deviation + level.spatial / step**2))
    return step**2 * (1 / math.pi**2 + 4 * deviation) * fades / 2**0.5


def root(variance: float, error: float) -> tuple[float, float]:
    """A standard deviation and its standard error, from a variance and its own.

    The error is error / (2 deviation), or sqrt(error) where the variance is not clearly above 0: below two errors.
    """
    deviation = max(variance, 0.0) ** 0.5
    return deviation, error / (2 * deviation) if variance > 2 * error else error**0.5
