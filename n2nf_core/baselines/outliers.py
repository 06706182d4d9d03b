"""Which pixels photon transfer uses: neither saturated, nor hot, blinking or hit by a particle."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from n2nf_core.baselines.blocks import block_means
from n2nf_core.baselines.temporal import Temporal

OUTLIER_PROBABILITY = 1e-5  # probability that a good pixel is left out; this biases the variance by less than 0.02 %


def chance_limit(frames: int) -> float:
    """The factor by which the variance of a good pixel over ``frames`` frames exceeds its expectation by chance alone.

    It is exceeded with :data:`OUTLIER_PROBABILITY`, by the chi-squared distribution with T - 1 degrees of freedom.
    """
    from scipy.stats import chi2

    return float(chi2.isf(OUTLIER_PROBABILITY, frames - 1) / (frames - 1))


def kept(stats: Temporal, rows: slice, block: int, saturation: float, fit: Sequence[float], limit: float) -> Tensor:
    """Which pixels of a band of rows are neither saturated nor outliers: (C, rows, W).

    An outlier's variance exceeds ``limit`` times what the line ``fit`` expects. This is computed from the pixel's mean
    or from its block's mean, whichever is larger. The mean of a dark pixel alone can be noise around 0, and the mean of
    a block can be much smaller than that of its brightest pixel.

    Arguments:
        stats: mean and variance of every pixel.
        rows: the band, which begins at the first row of a block.
        block: side of a block in pixels.
        saturation: pixels with a mean at or above this signal are left out.
        fit: shot and read.
        limit: largest ratio of variance and expectation, such as :func:`chance_limit`.
    """
    mean, variance = stats.mean[:, rows], stats.variance[:, rows]
    signal = block_means(mean, block).maximum(mean).clamp(min=0)
    shot, read = (term * factor.to(mean.dtype)[:, None, None] for term, factor in zip(fit, stats.factors, strict=True))
    return (mean < saturation) & (variance <= limit * (shot * signal + read).clamp(min=1e-30))
