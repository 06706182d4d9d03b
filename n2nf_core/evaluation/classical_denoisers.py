"""Wavelet and non-local means denoisers of scikit-image, with parameters chosen on pairs of noisy frames.

For a pair, E |f(y1) - y2|^2 = E |f(y1) - x|^2 + noise variance. The error of a pair therefore ranks parameters in the
same order as the error against the clean image. Frames of a monochrome sensor are denoised as one image, and those of a
Bayer sensor as four planes together. Every method is tried on the frames as they are, whose noise it takes for equally
strong everywhere, and on frames whose variance is stabilised by the generalised Anscombe transform.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.baselines import fit_photon_transfer
from n2nf_core.bursts import Burst, recordings
from n2nf_core.types import NLF

Image = np.ndarray
Method = Callable[[Image, int | None, float], Image]
"""(image, channel axis or None, standard deviation of the noise) -> denoised image."""

STRENGTHS = (0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.6, 2.0)  # multiples of the noise's standard deviation
MIDDLE = 512  # side in plane pixels of the part of a frame that parameters are chosen on
BORDER = 16  # pixels reflected around an image, so that shifts and wavelets do not reach its edge


def stabilise(frames: Tensor, noise: NLF) -> Tensor:
    """f(y) = 2/a sqrt(max(a y + 3/8 a^2 + b, 0)): frames whose noise has a standard deviation near 1 everywhere.

    This is the generalised Anscombe transform for noise of variance a x + b.

    frames: y in [0, 1] units, of any shape. noise: its shot a > 0 and read b >= 0.
    """
    shot, read = map(float, noise)
    return (shot * frames + 0.375 * shot**2 + read).clamp(min=0).sqrt() * (2 / shot)


def back(stabilised: Tensor, noise: NLF) -> Tensor:
    """The signal x that the mean of :func:`stabilise` belongs to: E f(y) is not f(E y).

    The closed form of Makitalo and Foi ("Optimal Inversion of the Generalized Anscombe Transformation for
    Poisson-Gaussian Noise", IEEE Transactions on Image Processing 22, 2013): with D = E f(y) and q = sqrt(3/2),

        x / a = D^2/4 + q/4 D^-1 - 11/8 D^-2 + 5/8 q D^-3 - 1/8 - b/a^2,  D at least that of no light.

    stabilised: denoised values of f, of any shape. noise: as in :func:`stabilise`.
    """
    shot, read = map(float, noise)
    variance, q = read / shot**2, math.sqrt(1.5)
    d = stabilised.clamp(min=2 * math.sqrt(0.375 + variance))
    return shot * (d.square() / 4 + q / 4 / d - 11 / 8 / d.square() + 5 / 8 * q / d**3 - 0.125 - variance)


def _wavelet(image: Image, channel_axis: int | None, sigma: float, strength: float, wavelet: str, levels: int) -> Image:
    from skimage.restoration import cycle_spin, denoise_wavelet

    shifts = 3 if channel_axis is None else (0, 3, 3)
    options = {"sigma": strength * sigma, "channel_axis": channel_axis, "wavelet": wavelet, "wavelet_levels": levels}
    with warnings.catch_warnings():  # the warning is about borders, and _apply has added a border
        warnings.filterwarnings("ignore", "Level value of")
        return cycle_spin(image, denoise_wavelet, max_shifts=shifts, func_kw=options, workers=1)


def _nl_means(image: Image, channel_axis: int | None, sigma: float, strength: float, share: float) -> Image:
    from skimage.restoration import denoise_nl_means

    options = {"patch_size": 5, "patch_distance": 5, "fast_mode": True, "channel_axis": channel_axis}
    return denoise_nl_means(image, h=strength * sigma, sigma=share * sigma, **options)


def wavelet(strengths: Sequence[float] = STRENGTHS) -> list[Method]:
    """denoise_wavelet (BayesShrink), averaged over shifts of up to 3 pixels: one method per wavelet and strength.

    strengths: multiples of the noise's standard deviation.
    """
    kinds = (("db1", 3), ("sym8", 3))
    return [partial(_wavelet, strength=s, wavelet=w, levels=n) for s in strengths for w, n in kinds]


def nl_means(strengths: Sequence[float] = STRENGTHS) -> list[Method]:
    """denoise_nl_means with patches of 5 pixels, up to 5 pixels apart: a method per h and share of noise subtracted.

    strengths: h, in multiples of the noise's standard deviation.
    """
    return [partial(_nl_means, strength=s, share=share) for s in strengths for share in (0.0, 0.7, 1.0)]


class _Chosen(NamedTuple):
    """What one camera and ISO is denoised with: a method, the noise's standard deviation, its line if stabilised."""

    method: Method
    sigma: float
    line: NLF | None

    def __call__(self, burst: Burst, frame: int) -> Tensor:
        """One frame, (4, h, w): MONO as one image, Bayer as four channels. A border is reflected around it."""
        planes, mono = burst.planes(frame)[0].double(), burst.cfa == raw.MONO
        if self.line is not None:
            planes = stabilise(planes, self.line)
        image = raw.unpack(planes.numpy()) if mono else planes.numpy()
        border = [(0, 0)] * (image.ndim - 2) + [(BORDER, BORDER)] * 2
        denoised = self.method(np.pad(image, border, mode="reflect"), None if mono else 0, self.sigma)
        denoised = denoised[..., BORDER:-BORDER, BORDER:-BORDER]
        found = torch.from_numpy(raw.pack(denoised) if mono else denoised)
        return found if self.line is None else back(found, self.line)


def calibrate(methods: Sequence[Method], bursts: Sequence[Burst]) -> Callable[[Burst], Tensor]:
    """The method with the least error on pairs, stabilised or not, chosen for every camera and ISO.

    Arguments:
        methods: :func:`wavelet` or :func:`nl_means`.
        bursts: training bursts only.

    Returns a function from a burst to its denoised frames (T, 4, h, w) in [0, 1] units. It raises KeyError for a camera
    and ISO that are not among ``bursts``.
    """
    groups: dict[tuple[str, float], list[Burst]] = {}
    for burst in bursts:
        groups.setdefault((burst.camera, burst.iso), []).append(burst)
    chosen = {setting: _choose(methods, group) for setting, group in groups.items()}

    def denoise(burst: Burst) -> Tensor:
        method = chosen[burst.camera, burst.iso]
        return torch.stack([method(burst, t) for t in range(len(burst))]).float()

    return denoise


def _choose(methods: Sequence[Method], bursts: Sequence[Burst], most: int = 3) -> _Chosen:
    some = [_middle(burst) for burst in bursts[:: max(1, len(bursts) // most)][:most]]
    first, second = (torch.cat([b.planes(t) for b in some]).double() for t in (0, 1))
    sigma = float((first - second).square().mean().sqrt() / np.sqrt(2))
    line = fit_photon_transfer(recordings(bursts))[1][bursts[0].camera][bursts[0].iso].nlf()
    ways = [_Chosen(method, *of) for of in ((sigma, None), (1.0, line)) for method in methods]

    def pair_error(way: _Chosen) -> float:
        errors = [(way(b, 0) - b.planes(1)[0]).square().mean() for b in some]
        return float(torch.stack(errors).mean())

    return min(ways, key=pair_error)


def _middle(burst: Burst) -> Burst:
    """The centre of the planes, at most :data:`MIDDLE` pixels a side."""
    starts = [max((length - MIDDLE) // 2, 0) for length in burst.shape[2:]]
    return burst.crop(*(slice(start, start + MIDDLE) for start in starts))
