"""scikit-image's wavelet and non-local means denoisers, calibrated on pairs of noisy frames.

For a pair, E |f(y1) - y2|^2 = E |f(y1) - x|^2 + noise variance, so the pair error ranks parameters as the error
against the clean image would. A monochrome sensor is denoised as one image, a Bayer sensor plane by plane together.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.bursts import Burst

Image = np.ndarray
Method = Callable[[Image, int | None, float], Image]
"""(image, channel axis, noise deviation) -> denoised image."""

STRENGTHS = (0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.6, 2.0)  # multiples of the noise's deviation
BORDER = 16  # pixels reflected around an image, so that shifts and wavelets meet no edge


def _wavelet(image: Image, channel_axis: int | None, sigma: float, strength: float, wavelet: str, levels: int) -> Image:
    from skimage.restoration import cycle_spin, denoise_wavelet

    shifts = 3 if channel_axis is None else (0, 3, 3)
    options = {"sigma": strength * sigma, "channel_axis": channel_axis, "wavelet": wavelet, "wavelet_levels": levels}
    with warnings.catch_warnings():  # the border that _apply adds takes up what the transform says of borders
        warnings.filterwarnings("ignore", "Level value of")
        return cycle_spin(image, denoise_wavelet, max_shifts=shifts, func_kw=options, workers=1)


def _nl_means(image: Image, channel_axis: int | None, sigma: float, strength: float, share: float) -> Image:
    from skimage.restoration import denoise_nl_means

    options = {"patch_size": 5, "patch_distance": 5, "fast_mode": True, "channel_axis": channel_axis}
    return denoise_nl_means(image, h=strength * sigma, sigma=share * sigma, **options)


def wavelet() -> list[Method]:
    """denoise_wavelet (BayesShrink), averaged over shifts of up to 3 pixels, over wavelets and strengths."""
    kinds = (("db1", 3), ("sym8", 3))
    return [partial(_wavelet, strength=s, wavelet=w, levels=n) for s in STRENGTHS for w, n in kinds]


def nl_means() -> list[Method]:
    """denoise_nl_means, patches of 5 at up to 5 pixels, over h and over the share of the noise it subtracts."""
    return [partial(_nl_means, strength=s, share=share) for s in STRENGTHS for share in (0.0, 0.7, 1.0)]


def _apply(method: Method, burst: Burst, frame: int, sigma: float) -> Tensor:
    """One frame denoised, (4, h, w): MONO as one image, Bayer as four channels, with a reflected border around it."""
    planes = burst.planes(frame)[0].double().numpy()
    mono = burst.cfa == raw.MONO
    image = raw.unpack(planes) if mono else planes
    border = [(0, 0)] * (image.ndim - 2) + [(BORDER, BORDER)] * 2
    denoised = method(np.pad(image, border, mode="reflect"), None if mono else 0, sigma)
    denoised = denoised[..., BORDER:-BORDER, BORDER:-BORDER]
    return torch.from_numpy(raw.pack(denoised) if mono else denoised)


def calibrate(methods: Sequence[Method], bursts: Sequence[Burst]) -> Callable[[Burst], Tensor]:
    """Choose, per camera and ISO, the method with the least pair error; returns a denoiser of whole bursts.

    methods: wavelet() or nl_means(). bursts: training bursts only. The denoiser raises KeyError for a setting that was
    not among them.
    """
    groups: dict[tuple[str, float], list[Burst]] = {}
    for burst in bursts:
        groups.setdefault((burst.camera, burst.iso), []).append(burst)
    chosen = {setting: _choose(methods, group) for setting, group in groups.items()}

    def denoise(burst: Burst) -> Tensor:
        method, sigma = chosen[burst.camera, burst.iso]
        return torch.stack([_apply(method, burst, t, sigma) for t in range(len(burst))]).float()

    return denoise


def _choose(methods: Sequence[Method], bursts: Sequence[Burst], most: int = 3) -> tuple[Method, float]:
    some = bursts[:: max(1, len(bursts) // most)][:most]
    first, second = (torch.cat([b.planes(t) for b in some]).double() for t in (0, 1))
    sigma = float((first - second).square().mean().sqrt() / np.sqrt(2))

    def pair_error(method: Method) -> float:
        errors = [(_apply(method, b, 0, sigma) - b.planes(1)[0]).square().mean() for b in some]
        return float(torch.stack(errors).mean())

    return min(methods, key=pair_error), sigma
