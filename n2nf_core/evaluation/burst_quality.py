"""Can these frames teach a noise model? What a burst shows of motion, light and processing before any training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.baselines.photon_transfer import DRIFT_Z, match_gains
from n2nf_core.bursts import Burst, BurstError

MOST_GROWTH = 0.5  # of the variance over the burst: then half as much again as the noise is the scene
MOST_CORRELATION = 0.3  # with both neighbours: no sensor does that, motion and demosaicing do
LEAST_CONTRAST = 0.1  # standard deviation over mean of a scene; vignetting of a flat field stays below


def lag_variance(frames: Tensor, lag: int) -> float:
    """Mean of (y_t - y_{t+lag})^2 / 2 over pixels and t: the noise variance, plus what changed in the scene meanwhile.

    frames: (T, C, H, W), T > lag.
    """
    return float((frames[lag:] - frames[:-lag]).double().square().mean() / 2)


def difference_correlation(frames: Tensor, reach: int = 4) -> Tensor:
    """Spatial autocorrelation of y_t - y_{t+1} per plane, (2 reach + 1, 2 reach + 1), 1 at its centre.

    frames: (T, C, H, W). White noise is 0 elsewhere, within about 1 / sqrt(T C H W).
    """
    difference = frames[1:] - frames[:-1]
    difference = difference - difference.mean((2, 3), keepdim=True)
    spectrum = torch.fft.rfft2(difference.double()).abs().square().mean((0, 1))
    correlation = torch.fft.irfft2(spectrum, s=difference.shape[2:])
    return torch.roll(correlation / correlation[0, 0], (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]


class BurstQuality(NamedTuple):
    """drift: largest change of a plane's mean between frames, as a share, 0 where noise alone could do it.

    growth: lag_variance at the longest lag over that at lag 1, less 1.
    correlation: of the difference of frames with its neighbours, the lesser of across and down (row noise alone
    has one of them only). saturated: share of values at or above white.
    """

    drift: float
    growth: float
    correlation: float
    saturated: float


def assess_burst(burst: Burst) -> BurstQuality:
    """Measure one burst, gains of frames matched as photon transfer does; growth is 0 for two frames.

    Errors: BurstError, naming the scene, for frames that move or have been processed so much that their difference
    is not the noise of a sensor.
    """
    frames = burst.planes(range(len(burst)))
    gains = _gains(frames)
    even = frames / gains[..., None, None]
    growth = lag_variance(even, len(burst) - 1) / lag_variance(even, 1) - 1
    near = difference_correlation(even, reach=1)
    correlation = float(torch.stack((near[1, 2], near[2, 1])).min())
    if growth > MOST_GROWTH or correlation > MOST_CORRELATION:
        raise BurstError(
            f"{burst.scene}: the frames differ by more than noise (variance grows by {growth:.0%} over the burst, "
            f"neighbours correlate by {correlation:.2f}): something moved, or they are not raw; "
            "use a tripod, a still scene and RAW"
        )
    return BurstQuality(float((gains - 1).abs().max()), growth, correlation, float((frames >= 1).float().mean()))


def _gains(frames: Tensor) -> Tensor:
    """:func:`match_gains` where the change is beyond what row noise does to a mean as well, else 1; (T, C)."""
    gains, centre = match_gains(frames), frames.mean((0, 2, 3))
    error = (frames - frames.mean(0)).mean(3).std(2) / frames.shape[2] ** 0.5
    return torch.where((gains - 1).abs() * centre > DRIFT_Z * error, gains, torch.ones_like(gains))


def match_light(burst: Burst) -> Burst:
    """``burst`` with every plane of every frame divided by its gain against the mean, where the light drifted.

    A frame that is 1 % brighter as a whole differs from the mean by 1 % of the signal: more than the noise, where it
    is bright. The noise is divided as well, which over the burst changes its variance by the square of the drift.
    """
    frames = burst.planes(range(len(burst)))
    gains = _gains(frames)
    if bool((gains == 1).all()):
        return burst
    return replace(burst, frames=raw.denormalise(frames / gains[..., None, None], burst.black, burst.white).numpy())


def choose_burst(bursts: Sequence[Burst]) -> Burst:
    """The burst whose scene varies most, its noise taken off; where all are flat fields, that of middle brightness."""
    found = []
    for burst in bursts:
        frames = burst.planes(range(len(burst)))
        noise = lag_variance(frames, 1) / len(burst)
        spread = float(frames.mean(0).var((1, 2)).mean()) - noise
        found.append((max(spread, 0.0) ** 0.5, float(frames.mean())))
    liveliest = max(range(len(bursts)), key=lambda k: found[k][0])
    if found[liveliest][0] >= LEAST_CONTRAST * found[liveliest][1]:
        return bursts[liveliest]
    order = sorted(range(len(bursts)), key=lambda k: found[k][1])
    return bursts[order[len(order) // 2]]
