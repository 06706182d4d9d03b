"""A camera by the definitions of the EMVA Standard 1288, release 4.0 Linear, from flat fields and dark frames.

    K = sum x y / sum x^2,    x = mu_y - mu_y.dark,    y = sigma_y^2 - sigma_y.dark^2,    over x <= 0.7 x_sat

x and y are means over all pixels of one exposure, and no exposure has a weight, so the bright ones decide. The line of
:mod:`n2nf_core.evaluation.camera_numbers` weights by the inverse variance of y, so its dark end decides, leaves out
pixels that vary too much, and does not go through the dark frames. The two agree for a sensor whose variance is a line.

Two definitions are those of release 3.1, as in the reference implementation: nonuniformities are computed without the
high-pass filter of release 4.0, and the linearity error is stated by its extremes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from n2nf_core.bursts import Burst
from n2nf_core.evaluation.nonuniformity import root, step_of

STACK = 16  # bursts of so many frames or more show nonuniformity, and shorter ones the temporal noise
LINE, LINEAR = 0.7, (0.05, 0.95)  # of the signal at saturation: for gain and responsivity, and for the linearity error
LEAST_DARK = 0.24  # steps squared: a dark noise below this is one of rounding
MOST_ERROR = 1e-12  # a sum of squares is not smaller


class Quantity(NamedTuple):
    """A quantity of the standard.

    Arguments:
        name, symbol, unit: as in the standard.
        value: the estimate.
        error: standard error by the noise of the frames; None where it is not known.
    """

    name: str
    symbol: str
    unit: str
    value: float
    error: float | None


class _Exposure(NamedTuple):
    """A burst: mean signal, temporal and spatial variance in DN^2, their errors, and the number of frames."""

    signal: float
    variance: float
    error: float
    spatial: float
    spatial_error: float
    frames: int


def emva1288(
    flats: Sequence[Burst],
    darks: Sequence[Burst],
    planes: Sequence[int] = (0, 1, 2, 3),
    photons: Sequence[float] | None = None,
) -> dict[str, Quantity]:
    """The quantities of the standard by a short name, such as "gain".

    Without ``photons``, those that need them are left out: responsivity, quantum efficiency, thresholds in photons and
    the linearity error.

    Arguments:
        flats: three or more exposures of uniform light to one camera at one ISO, of two frames or more each. Bursts of
            sixteen frames or more are for the nonuniformity, if there are enough others.
        darks: frames without light, of the same exposure times; pairs for the dark noise, and longer bursts for DSNU.
        planes: numbers of the planes that are measured together.
        photons: mean photons per pixel of every flat, or the exposures in any other unit.

    Errors: ValueError for too few flats or darks, for a number of photons that is not that of the flats, and where the
    variance does not rise with the signal.

    >>> rng = np.random.default_rng(0)
    >>> frames = [np.round(20 + 2 * rng.poisson(n, (2, 4, 64, 64)) + rng.normal(0, 3, (2, 4, 64, 64)))
    ...           for n in (0, 100, 200, 400, 800)]
    >>> dark, *flats = [Burst(f.clip(0).astype(np.uint16), 20, 4095, "MONO", "mine", 100, "flat") for f in frames]
    >>> gain = emva1288(flats, [dark])["gain"]
    >>> abs(gain.value - 2) < 4 * gain.error
    True
    """
    if len(flats) < 3 or not darks:
        raise ValueError(
            f"EMVA 1288 needs three exposures of uniform light and dark frames, got {len(flats)} and {len(darks)}: "
            "give more flat fields, and dark frames with --dark"
        )
    if photons is not None and len(photons) != len(flats):
        raise ValueError(
            f"EMVA 1288: {len(photons)} numbers of photons for {len(flats)} flat fields: give one for each"
        )
    light = [math.nan] * len(flats) if photons is None else photons
    rows = sorted((_exposure(flat, planes), float(p)) for flat, p in zip(flats, light, strict=True))
    dark = [_exposure(each, planes) for each in darks]
    short = [row for row in rows if row[0].frames < STACK]
    line = short if len(short) >= 3 else rows
    dark_line = [each for each in dark if each.frames < STACK] or dark
    level, noise = (float(np.mean([getattr(each, name) for each in dark_line])) for name in ("signal", "variance"))
    noise_error = math.hypot(*(each.error for each in dark_line)) / len(dark_line)
    signal = np.array([each.signal for each, _ in line]) - level
    variance = np.array([each.variance for each, _ in line])
    step = step_of(flats)
    top = _saturation(variance)
    use = signal <= LINE * signal[top]
    if not use.any() or signal[top] <= 0 or signal[use] @ (variance[use] - noise) <= 0:
        raise ValueError("EMVA 1288: the variance does not rise with the signal: give flat fields below saturation")
    gain, weight = _through_zero(signal[use], variance[use] - noise)
    errors = np.array([each.error for each, _ in line])[use]
    gain_error = math.hypot(*(weight * errors), weight.sum() * noise_error)
    found = _noise(gain, gain_error, max(noise, LEAST_DARK * step**2), noise_error, step)
    electrons = signal[top] / gain
    if photons is not None:
        x = np.array([each for _, each in line])
        found |= (of_light := _light(x, signal, use, top, found))
        electrons = of_light["responsivity"].value * x[top] / gain
    found |= _range(electrons, gain, gain_error, found["dark_noise"])
    return found | _nonuniformity([each for each, _ in rows], dark, level, signal[top], gain)


def _exposure(burst: Burst, planes: Sequence[int]) -> _Exposure:
    """The means over all pixels; a change of light from frame to frame is no noise, and is subtracted."""
    count, index = len(burst), list(planes)
    mean = squares = np.zeros((len(index), *burst.shape[2:]))
    means = np.empty(count)
    for t in range(count):
        frame = burst.frames[t][index].astype(np.float64)
        means[t], before = frame.mean(), frame - mean
        mean = mean + before / (t + 1)
        squares = squares + before * (frame - mean)
    every = float(squares.mean()) / (count - 1)
    variance, pixels = every - float(means.var(ddof=1)), mean.size
    measured = float(mean.var(ddof=1))
    return _Exposure(
        float(mean.mean()),
        variance,
        variance * math.sqrt(2 / (pixels * (count - 1))),
        measured - every / count,
        measured * math.sqrt(2 / pixels),
        count,
    )


def _saturation(variance: np.ndarray) -> int:
    """The exposure at the first peak of the variance from the bright end, over a dip of one exposure."""
    best = len(variance) - 1
    for k in range(best, -1, -1):
        if variance[k] >= variance[best]:
            best = k
        elif best - k > 1:
            break
    return best


def _through_zero(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The slope of y = slope x without weights, and what a change of each y adds to it."""
    weight = x / (x @ x)
    return float(weight @ y), weight


def _noise(gain: float, gain_error: float, dark: float, dark_error: float, step: float) -> dict[str, Quantity]:
    noise, error = root(dark, dark_error)
    read, read_error = root(dark - step**2 / 12, dark_error)
    relative = math.hypot(read_error / max(read, read_error, MOST_ERROR), gain_error / gain)
    least = math.hypot(error / gain, noise * gain_error / gain**2)
    return {
        "gain": Quantity("system gain", "K", "DN/e-", gain, gain_error),
        "dark_noise": Quantity("temporal dark noise", "sigma_y.dark", "DN", noise, error),
        "read_noise": Quantity("temporal dark noise", "sigma_d", "e-", read / gain, read / gain * relative),
        "threshold": Quantity("absolute sensitivity threshold", "mu_e.min", "e-", noise / gain + 0.5, least),
    }


def _light(x: np.ndarray, y: np.ndarray, use: np.ndarray, top: int, found: dict[str, Quantity]) -> dict[str, Quantity]:
    """What photons x and signals y tell; the linearity error is that of the line of least relative deviations."""
    response, weight = _through_zero(x[use], y[use])
    response_error = math.hypot(*(weight * (y[use] - response * x[use])))
    efficiency = 100 * response / found["gain"].value
    spread = efficiency * math.hypot(response_error / response, found["gain"].error / found["gain"].value)
    linear = (y >= LINEAR[0] * y[top]) & (y <= LINEAR[1] * y[top])
    design = np.stack((x, np.ones_like(x)), 1)
    fit = np.linalg.lstsq(design[linear] / y[linear, None], np.ones(int(linear.sum())), rcond=None)[0]
    deviation = 100 * (y / (design @ fit) - 1)[linear]
    photons = 100 / efficiency
    return {
        "responsivity": Quantity("responsivity", "R", "DN/p", response, response_error),
        "efficiency": Quantity("quantum efficiency", "eta", "%", efficiency, spread),
        "photon_threshold": Quantity(
            "absolute sensitivity threshold", "mu_p.min", "p", photons * found["threshold"].value, None
        ),
        "photon_saturation": Quantity("saturation capacity", "mu_p.sat", "p", float(x[top]), None),
        "linearity_least": Quantity("linearity error, least", "LE.min", "%", float(deviation.min()), None),
        "linearity_most": Quantity("linearity error, most", "LE.max", "%", float(deviation.max()), None),
    }


def _range(electrons: float, gain: float, gain_error: float, dark: Quantity) -> dict[str, Quantity]:
    relative = gain_error / gain
    threshold = dark.value / gain + 0.5
    of_range = math.hypot(dark.error / gain, relative / 2) / threshold  # the gain cancels but for the half electron
    ratio, decibels = electrons / threshold, 20 / math.log(10)
    return {
        "saturation": Quantity("saturation capacity", "mu_e.sat", "e-", electrons, electrons * relative),
        "snr_max": Quantity("maximum SNR", "SNR.max", "", electrons**0.5, electrons**0.5 * relative / 2),
        "snr_max_db": Quantity("maximum SNR", "SNR.max", "dB", 10 * math.log10(electrons), decibels * relative / 2),
        "range": Quantity("dynamic range", "DR", "", ratio, ratio * of_range),
        "range_db": Quantity("dynamic range", "DR", "dB", 20 * math.log10(ratio), decibels * of_range),
    }


def _nonuniformity(
    flats: Sequence[_Exposure], darks: Sequence[_Exposure], level: float, saturation: float, gain: float
) -> dict[str, Quantity]:
    """DSNU and PRNU, of stacks where there are any, and PRNU of the flat field nearest to half of the saturation."""
    bright, dark = ([each for each in group if each.frames >= STACK] or group for group in (flats, darks))
    half = min(bright, key=lambda each: abs(each.signal - level - saturation / 2))
    dark_spatial = float(np.mean([each.spatial for each in dark]))
    dark_error = math.hypot(*(each.spatial_error for each in dark)) / len(dark)
    mean = half.signal - float(np.mean([each.signal for each in dark]))
    dsnu = (each / gain for each in root(dark_spatial, dark_error))
    prnu = (100 * each / mean for each in root(half.spatial - dark_spatial, math.hypot(half.spatial_error, dark_error)))
    return {
        "dsnu": Quantity("dark signal nonuniformity", "DSNU", "e-", *dsnu),
        "prnu": Quantity("photo response nonuniformity", "PRNU", "%", *prnu),
    }
