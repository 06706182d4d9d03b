"""Can these frames teach a noise model? What a burst shows of motion, light and processing before any training."""

from __future__ import annotations

from typing import NamedTuple

import torch

from n2nf_core.bursts import Burst, BurstError
from n2nf_core.pairs import difference_correlation, lag_variance
from n2nf_core.photon_transfer import match_gains

MOST_GROWTH = 0.5  # of the variance over the burst: then half as much again as the noise is the scene
MOST_CORRELATION = 0.3  # with both neighbours: no sensor does that, motion and demosaicing do


class Steadiness(NamedTuple):
    """drift: largest change of a frame's mean, as a share; growth: lag_variance at the longest lag over lag 1, less 1.

    correlation: of the difference of frames with its neighbours, the lesser of across and down (row noise alone
    has one of them only). saturated: share of values at or above white.
    """

    drift: float
    growth: float
    correlation: float
    saturated: float


def steadiness(burst: Burst) -> Steadiness:
    """Measure one burst, gains of frames matched as photon transfer does; growth is 0 for two frames.

    Errors: BurstError, naming the scene, for frames that move or have been processed so much that their difference
    is not the noise of a sensor.
    """
    frames = burst.planes(range(len(burst)))
    means = frames.mean((1, 2, 3))
    drift = float(((means - means.mean()).abs() / means.mean().abs().clamp(min=1e-12)).max())
    matched = frames / match_gains(frames)[..., None, None]
    growth = lag_variance(matched, len(burst) - 1) / lag_variance(matched, 1) - 1
    near = difference_correlation(matched, reach=1)
    correlation = float(torch.stack((near[1, 2], near[2, 1])).min())
    if growth > MOST_GROWTH or correlation > MOST_CORRELATION:
        raise BurstError(
            f"{burst.scene}: the frames differ by more than noise (variance grows by {growth:.0%} over the burst, "
            f"neighbours correlate by {correlation:.2f}): something moved, or they are not raw; "
            "use a tripod, a still scene and RAW"
        )
    return Steadiness(drift, growth, correlation, float((frames >= 1).float().mean()))
