"""How far a noise model's histogram is from that of real noise: the marginal KL, per patch and pooled."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

BINS = 66
"""Bins of the marginal KL: 64 of width 0.2/64 over [-0.1, 0.1), and one on each side for all values beyond."""


class MarginalKL(NamedTuple):
    """The marginal KL of a model, and its floor: the value of a perfect model at this sample size; (N,) nats each."""

    kl: Tensor
    floor: Tensor


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
