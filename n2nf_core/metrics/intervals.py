"""Confidence intervals for the mean of a metric."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Interval(NamedTuple):
    """A bootstrap interval. mean, low, high: the mean and the ends of its interval, in the unit of the values."""

    mean: float
    low: float
    high: float


def _per_group(values: Tensor, groups: Tensor | None) -> tuple[Tensor, Tensor]:
    """Sum and size of every group, (G,) each. Without ``groups`` every value is a group."""
    if groups is None:
        return values, torch.ones_like(values)
    if groups.shape != values.shape:
        raise ValueError(f"{len(values)} values but groups of shape {(*groups.shape,)}: give one group per value")
    names, index = groups.cpu().unique(return_inverse=True)
    if len(names) < 2:
        raise ValueError("all values belong to one group: an interval over groups needs at least 2")
    sums = values.new_zeros(len(names)).index_add(0, index, values)
    return sums, index.bincount().to(values.dtype)


def bootstrap_interval(
    values: Tensor, *, level: float = 0.95, resamples: int = 2000, seed: int = 0, groups: Tensor | None = None
) -> Interval:
    """Percentile bootstrap of a mean: the (1 - level) / 2 and (1 + level) / 2 quantiles over resamples.

    Arguments:
        values: (N,), one per patch or image.
        level: probability that the interval contains the mean, between 0 and 1.
        resamples: number of resamples.
        seed: of the random resampling.
        groups: (N,) long, the scene of each value. Scenes are then resampled, as patches of one are not independent.

    One value, or equal values, give low = high = mean, although little is known about the mean. With fewer than about
    10 groups the interval is too narrow. ValueError for no values, values that are not finite, or one group. Source:
    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

    >>> bootstrap_interval(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    Interval(mean=2.5, low=1.5, high=3.5)
    """
    values = torch.as_tensor(values).detach().to("cpu", torch.float64)
    if values.dim() != 1 or not len(values) or not bool(values.isfinite().all()):
        raise ValueError(f"values must be one or more finite numbers (N,), got shape {(*values.shape,)}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level:g}")
    mean = values.mean()
    sums, sizes = _per_group(values - mean, groups)
    generator = torch.Generator().manual_seed(seed)
    rows = max(1, 2**22 // len(sums))  # at most about 100 MB at a time
    parts = []
    for count in (len(part) for part in torch.arange(resamples).split(rows)):
        drawn = torch.randint(len(sums), (count, len(sums)), generator=generator)
        parts.append(sums[drawn].sum(1) / sizes[drawn].sum(1))
    tails = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = (mean + torch.cat(parts).quantile(tails)).tolist()
    return Interval(mean.item(), low, high)
