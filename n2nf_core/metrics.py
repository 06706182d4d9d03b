"""Metrics of noise models and denoisers, and confidence intervals for their means.

Most metrics return one value per patch or image, so that an interval of their mean can be computed.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SSIM_WINDOW = 11
"""Side of the window of SSIM, in pixels; an image must be as large."""

BINS = 66
"""Bins of the marginal KL: 64 of width 0.2/64 over [-0.1, 0.1), and one on each side for all values beyond."""


SSIM_REACH = 5
"""Pixels that the window of SSIM reaches in each direction."""


class MarginalKL(NamedTuple):
    """The marginal KL of a model, and its floor: the value of a perfect model at this sample size; (N,) nats each."""

    kl: Tensor
    floor: Tensor


class Interval(NamedTuple):
    """A bootstrap interval. mean, low, high: the mean and the ends of its interval, in the unit of the values."""

    mean: float
    low: float
    high: float


PER_UNIT = 320
"""Inner bins per unit of noise, 64 / 0.2."""

AT_A_TIME = 2**26
"""Number of values that a GPU bins at once; each needs 20 bytes of memory."""


@functools.cache
def _lower_edges(dtype: torch.dtype) -> Tensor:
    """The lower edge of every bin: -inf, then k / 320 for k = -32 ... 32.

    In float32 every edge is rounded up, so that v >= edge holds exactly when it holds in float64. Values on an edge, as
    in quantised noise, are then counted in the same bin as by numpy.histogram.
    """
    edges = np.arange(-32, 33) / PER_UNIT
    if dtype == torch.float32:
        single = edges.astype(np.float32)
        edges = np.where(single < edges, np.nextafter(single, np.float32(np.inf)), single)
    return torch.as_tensor(np.append(-np.inf, edges), dtype=dtype)


def _counts(patches: Tensor) -> Tensor:
    """Histogram of every patch: (N, ...) -> (N, 66) counts."""
    values = patches.reshape(len(patches), -1)
    values = values.to(torch.promote_types(values.dtype, torch.float32))
    if values.device.type == "cpu":
        parts = [_on_cpu(values)]
    else:
        parts = [_on_device(part) for part in values.split(max(1, AT_A_TIME // values.shape[1]))]
    if any(part is None for part in parts):
        raise ValueError("noise has values that are not finite and belong to no bin: check the model or the data")
    return torch.cat(parts)


def _on_cpu(values: Tensor) -> Tensor | None:
    """Counts, or None where a value is not finite; as many threads as PyTorch has share the rows."""
    from n2nf_core.kernels import histogram

    counts = torch.zeros(len(values), BINS, dtype=torch.int64)
    edges, threads = _lower_edges(values.dtype).numpy(), torch.get_num_threads()
    parts = [(v.numpy(), c.numpy()) for v, c in zip(values.chunk(threads), counts.chunk(threads), strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        exact = values.dtype == torch.float32
        work = functools.partial(_count_part, histogram.count, edges, exact)
        finite = list(pool.map(work, parts))
    return counts if all(finite) else None


def _count_part(count, edges: np.ndarray, exact: bool, part: tuple[np.ndarray, np.ndarray]) -> bool:
    values, counts = part
    return count(values, float(PER_UNIT), edges, exact, counts)


def _on_device(values: Tensor) -> Tensor | None:
    """As :func:`_on_cpu`, with tensor operations on the device."""
    if not bool(values.isfinite().all()):
        return None
    edges = _lower_edges(values.dtype).to(values.device)
    index = (values * PER_UNIT).floor_().clamp_(-33, 32).long().add_(33)
    index -= (values < edges[index]).long()  # the product may be rounded up to the next edge
    index += BINS * torch.arange(len(values), device=values.device)[:, None]
    return torch.bincount(index.flatten(), minlength=BINS * len(values)).view(-1, BINS)


def _kl(real: Tensor, model: Tensor) -> Tensor:
    """KL between histograms (..., 66) of counts, each regularised as (count + 1) / (n + 66): (...) nats."""
    p, q = ((c.float() + 1) / (c.sum(-1, keepdim=True) + BINS) for c in (real, model))
    return (p * (p / q).log()).sum(-1)


def _check_same_shape(real: Tensor, model: Tensor, names: str) -> None:
    if real.shape != model.shape or real.dim() < 2 or not real.numel():
        raise ValueError(f"{names} must have one shape (N, ...), got {(*real.shape,)} and {(*model.shape,)}")


def marginal_kl(real: Tensor, model: Tensor, floor: Tensor | None = None) -> Tensor | MarginalKL:
    """KL(P || Q) = sum_k P_k log(P_k / Q_k), P_k = (count_k + 1) / (n + 66), of one histogram per patch.

    Arguments:
        real: (N, C, H, W), noise in [0, 1] units.
        model: (N, C, H, W), one sample of the model for each patch.
        floor: (N, C, H, W), a second, independent sample of the model.

    Returns (N,) nats; with ``floor`` a :class:`MarginalKL`, whose floor is KL(second || first). Compare a KL with the
    floor and not with 0, because the floor depends on n and on the width of the noise. The bins are (-inf, -0.1),
    [-0.1, -0.096875), ..., [0.096875, 0.1), [0.1, inf). ValueError for different shapes and for values that are not
    finite. Source: D_KL of Tables 1, 2 and 4 of Noise2NoiseFlow (Maleky et al., CVPR 2022), as its code computes it.
    Papers with other bins, clipping or regularisation give other values, which cannot be compared with these.

    >>> real, first, second = (torch.randn(3, 100, 4, 32, 32, generator=torch.manual_seed(0)) * 0.01).unbind()
    >>> kl, floor = marginal_kl(real, first, floor=second)
    >>> print(f"{kl.mean():.4f} {floor.mean():.4f}")
    0.0052 0.0052
    """
    _check_same_shape(real, model, "real and model")
    first = _counts(model)
    kl = _kl(_counts(real), first)
    if floor is None:
        return kl
    _check_same_shape(floor, model, "floor and model")
    return MarginalKL(kl, _kl(_counts(floor), first))


def pooled_kl(real: Tensor, model: Tensor) -> Tensor:
    """KL(P || Q) of :func:`marginal_kl`, for one histogram of all patches together; its floor falls as 1 / N.

    real, model: (N, C, H, W), [0, 1] units. Returns a scalar in nats. Errors as for :func:`marginal_kl`.

    >>> real, model = (torch.randn(2, 100, 4, 32, 32, generator=torch.manual_seed(0)) * 0.01).unbind()
    >>> print(f"{pooled_kl(real, model):.5f}")
    0.00005
    """
    _check_same_shape(real, model, "real and model")
    return _kl(_counts(real).sum(0), _counts(model).sum(0))


def _check_images(estimate: Tensor, reference: Tensor, data_range: float) -> None:
    if estimate.shape != reference.shape or estimate.dim() != 4:
        raise ValueError(
            f"estimate and reference must both be (B, C, H, W), got {(*estimate.shape,)} and {(*reference.shape,)}"
        )
    if not data_range > 0:
        raise ValueError(f"data_range must be positive, got {data_range:g}")


def psnr(estimate: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """PSNR = 10 log10(data_range^2 / mean((estimate - reference)^2)), per image.

    Arguments:
        estimate, reference: (B, C, H, W), in one unit.
        data_range: white level minus black level in that unit; 1 for [0, 1] units.

    Returns (B,) in dB, inf where the two are equal. ValueError for other shapes, or a range that is not positive.

    >>> psnr(torch.full((1, 4, 8, 8), 0.1), torch.zeros(1, 4, 8, 8), data_range=1.0)
    tensor([20.])
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    _check_images(estimate, reference, data_range)
    return peak_signal_noise_ratio(estimate, reference, data_range=float(data_range), reduction="none", dim=(1, 2, 3))


def ssim(estimate: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """SSIM = (2 m_e m_r + c1)(2 s_er + c2) / ((m_e^2 + m_r^2 + c1)(s_e^2 + s_r^2 + c2)), mean over an image.

    m are local means and s local (co)variances in a Gaussian window of 11 pixels (sigma 1.5). c1 = (0.01 data_range)^2,
    c2 = (0.03 data_range)^2. The image is mirrored at its border; scikit-image leaves the border out instead.

    Arguments:
        estimate, reference: (B, C, H, W) with H, W >= 11, in one unit.
        data_range: white level minus black level in that unit; 1 for [0, 1] units.

    Returns (B,). ValueError for other shapes, or a range that is not positive. Source: Wang, Bovik, Sheikh, Simoncelli,
    IEEE TIP 2004, as torchmetrics computes it.

    >>> ssim(torch.full((1, 4, 16, 16), 0.2), torch.full((1, 4, 16, 16), 0.1), data_range=1.0)
    tensor([0.8004])
    """
    return ssim_map(estimate, reference, data_range=data_range).mean((1, 2, 3))


def ssim_map(estimate: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """The SSIM of every pixel, (B, C, H, W), whose mean over an image is :func:`ssim`.

    A pixel depends on those at most :data:`SSIM_REACH` away; an image is mirrored at its border.

    Arguments:
        estimate, reference: (B, C, H, W) with H, W >= 11, in one unit.
        data_range: white level minus black level in that unit; 1 for [0, 1] units.

    ValueError for other shapes, or a range that is not positive.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _check_images(estimate, reference, data_range)
    if min(estimate.shape[2:]) < SSIM_WINDOW:
        size = f"{SSIM_WINDOW}x{SSIM_WINDOW}"
        raise ValueError(f"SSIM needs images of at least {size} pixels, got {(*estimate.shape[2:],)}")
    options = {"data_range": float(data_range), "reduction": "none", "return_full_image": True}
    return structural_similarity_index_measure(estimate, reference, **options)[1]


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
