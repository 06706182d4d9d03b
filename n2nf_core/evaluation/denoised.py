"""What a denoiser makes of a burst: every frame, or the best estimate of the scene from all of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.bursts import Burst
from n2nf_core.tiles import denoise
from n2nf_core.types import Denoiser


def scene_estimate(denoiser: Denoiser, burst: Burst) -> tuple[Tensor, float]:
    """(x, w) with x = mean_t y_t + w mean_t d_t,  d_t = D(y_t) - y_t: the scene from all frames, (4, h, w) float32.

    With few frames the mean of the denoised frames is better (w = 1). With many, the plain mean is (w = 0), because its
    noise is low and it keeps what the denoiser takes away from the scene. The frames themselves choose the weight: it
    minimises the squared difference between frame t and the estimate from all other frames, whose noise is independent,
    summed over t. This is the Noise2Noise loss with a single parameter, and its minimum is

        w = (<S_d, S_y> - T sum_t <d_t, y_t>) / ((T - 2) |S_d|^2 + sum_t |d_t|^2),  S_y = sum_t y_t, S_d = sum_t d_t,

    cut to [0, 1]. A single frame has w = 1. One frame at a time is in memory.

    denoiser: D, in evaluation mode. burst: T frames of the scene.

    ValueError where the estimate is not finite.
    """
    total = torch.zeros(burst.shape[1:], dtype=torch.float64)
    change = torch.zeros_like(total)
    inner = squares = 0.0
    for t in range(len(burst)):
        noisy = burst.planes(t)
        part = (denoise(denoiser, noisy) - noisy)[0].double()
        noisy = noisy[0].double()
        total += noisy
        change += part
        inner += float((part * noisy).sum())
        squares += float(part.square().sum())
    count = len(burst)
    below = (count - 2) * float(change.square().sum()) + squares
    weight = 1.0
    if count > 1 and below > 0:
        weight = min(max((float((change * total).sum()) - count * inner) / below, 0.0), 1.0)
    return _finite(((total + weight * change) / count).float(), burst), weight


def denoised_frames(denoiser: Denoiser, burst: Burst) -> Iterator[Tensor]:
    """D(y_t) of every frame, (4, h, w) in [0, 1] units, one at a time; ValueError for a frame that is not finite."""
    for t in range(len(burst)):
        yield _finite(denoise(denoiser, burst.planes(t))[0], burst)


def mosaic_in_dn(planes: Tensor, burst: Burst) -> np.ndarray:
    """The mosaic (H, W) float32 in DN of the burst, of planes (4, h, w) in [0, 1] units."""
    return raw.unpack(raw.denormalise(planes, burst.black, burst.white)).numpy()


def _finite(planes: Tensor, burst: Burst) -> Tensor:
    if not bool(torch.isfinite(planes).all()):
        raise ValueError(f"{burst.scene}: the denoised frames are not finite: the burst holds NaN or infinite values")
    return planes
