"""scikit-image's wavelet and non-local means denoisers, calibrated on pairs of noisy frames.

For a pair, E |f(y1) - y2|^2 = E |f(y1) - x|^2 + noise variance, so the pair error ranks parameters as the error
against the clean image would. A monochrome sensor is denoised as one image, a Bayer sensor plane by plane together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.bursts import Burst

Image = np.ndarray
STRENGTHS = (0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)  # multiples of the noise's deviation


def wavelet(image: Image, sigma: float, channel_axis: int | None) -> Image:
    """denoise_wavelet, BayesShrink, averaged over shifts of up to 3 pixels (cycle spinning)."""
    from skimage.restoration import cycle_spin, denoise_wavelet

    shifts = 3 if channel_axis is None else (0, 3, 3)
    options = {"sigma": sigma, "channel_axis": channel_axis, "rescale_sigma": True}
    return cycle_spin(image, denoise_wavelet, max_shifts=shifts, func_kw=options, num_workers=1)


def nl_means(image: Image, sigma: float, channel_axis: int | None) -> Image:
    """denoise_nl_means with patches of 5 and distances up to 6 pixels, h = 0.8 sigma."""
    from skimage.restoration import denoise_nl_means

    return denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=channel_axis
    )


def _apply(method: Callable, burst: Burst, frame: int, sigma: float) -> Tensor:
    planes = burst.planes(frame)[0].double().numpy()
    if burst.cfa == raw.MONO:
        return torch.from_numpy(raw.pack(method(raw.unpack(planes), sigma, None)))
    return torch.from_numpy(method(planes, sigma, 0))


def calibrate(
    method: Callable[[Image, float, int | None], Image], bursts: Sequence[Burst]
) -> Callable[[Burst], Tensor]:
    """Choose, per camera and ISO, the strength with the least pair error; returns a denoiser of whole bursts.

    bursts: training bursts only. Raises KeyError later for a setting that was not among them.
    """
    groups: dict[tuple[str, float], list[Burst]] = {}
    for burst in bursts:
        groups.setdefault((burst.camera, burst.iso), []).append(burst)
    sigma = {setting: _best_sigma(method, group) for setting, group in groups.items()}

    def denoise(burst: Burst) -> Tensor:
        level = sigma[burst.camera, burst.iso]
        return torch.stack([_apply(method, burst, t, level) for t in range(len(burst))]).float()

    return denoise


def _best_sigma(method: Callable, bursts: Sequence[Burst], most: int = 3) -> float:
    chosen = bursts[:: max(1, len(bursts) // most)][:most]
    first, second = (torch.cat([b.planes(t) for b in chosen]).double() for t in (0, 1))
    deviation = float((first - second).square().mean().sqrt() / np.sqrt(2))

    def pair_error(sigma: float) -> float:
        error = partial(_apply, method, frame=0, sigma=sigma)
        return float(torch.stack([(error(b) - b.planes(1)[0]).square().mean() for b in chosen]).mean())

    return min((deviation * s for s in STRENGTHS), key=pair_error)
