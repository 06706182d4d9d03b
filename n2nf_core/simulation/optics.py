"""From linear light to raw-like planes: camera colours, optics, the Bayer mosaic and the exposure.

Scenes are packed planes (N, 4, h, w) in the order R Gr Gb B, in units of [0, 1]. One pixel of a plane is one Bayer
cell, which is two mosaic pixels wide. Light is sampled on a finer grid: ``pitch`` samples per mosaic pixel, and so
``2 * pitch`` samples per plane pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

CAMERA_FROM_XYZ = np.array([[0.8198, -0.2239, -0.0724], [-0.4871, 1.2389, 0.2798], [-0.1043, 0.205, 0.7181]])
"""Adobe's colour matrix of the Nikon D7000 for the illuminant D65. It stands for a typical camera."""

XYZ_FROM_SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
"""From linear sRGB to XYZ for the illuminant D65 (IEC 61966-2-1)."""

CAMERA_FROM_SRGB = CAMERA_FROM_XYZ @ XYZ_FROM_SRGB / (CAMERA_FROM_XYZ @ XYZ_FROM_SRGB).sum(1).max()
"""From linear sRGB to camera colours before white balance. The green value of white is 1."""

WHITE = CAMERA_FROM_SRGB.sum(1)
"""The camera's colours R, G, B of white in daylight."""

REACH = 3.5  # the Gaussian is cut off at this many standard deviations


def optics(blur: float, pitch: int) -> np.ndarray:
    """Weights with which a mosaic pixel collects light: a Gaussian convolved with the pixel's width; their sum is 1.

    Arguments:
        blur: standard deviation of the Gaussian, in plane pixels.
        pitch: samples per mosaic pixel.

    Returns one weight per sample. Errors: ValueError for a negative or infinite blur.

    >>> optics(0.0, 2)
    array([0.5, 0.5])
    """
    if not 0 <= blur < math.inf:
        raise ValueError(f"blur must be at least 0 plane pixels, got {blur:g}")
    sigma = 2 * pitch * blur
    reach = math.ceil(REACH * sigma)
    offsets = np.arange(-reach, reach + 1)
    gaussian = np.exp(-0.5 * (offsets / sigma) ** 2) if sigma else np.ones(1)
    kernel = np.convolve(gaussian, np.ones(pitch))
    return kernel / kernel.sum()


def samples_for(pixels: int, blur: float, pitch: int) -> int:
    """Samples along one side that :func:`sample_planes` needs: 2 pitch (pixels - 1) + pitch + len(optics).

    Arguments:
        pixels: plane pixels along that side.
        blur: standard deviation of the optical blur, in plane pixels.
        pitch: samples per mosaic pixel.

    >>> samples_for(16, blur=0.0, pitch=1)
    32
    """
    return 2 * pitch * (pixels - 1) + pitch + len(optics(blur, pitch))


def sample_planes(rgb: np.ndarray, shape: tuple[int, int], blur: float, pitch: int = 1) -> np.ndarray:
    """Optics and mosaic: the light around every mosaic pixel, weighted by :func:`optics` along rows and columns.

    Arguments:
        rgb: (3, H, W) linear light. H and W are those that :func:`samples_for` gives, so that no border is needed.
        shape: (h, w) of a plane, in plane pixels.
        blur: standard deviation of the optical blur, in plane pixels.
        pitch: samples per mosaic pixel.

    Returns (4, h, w), the planes R Gr Gb B of the Bayer cell, in the unit of ``rgb``.
    """
    weights, cell = optics(blur, pitch).tolist(), 2 * pitch

    def collect(light: np.ndarray, parity: int, count: int) -> np.ndarray:
        reach = cell * (count - 1) + 1
        return sum(w * light[start : start + reach : cell] for start, w in enumerate(weights, parity * pitch))

    sites = ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1))  # channel, row and column of R, Gr, Gb, B
    return np.stack([collect(collect(rgb[c], y, shape[0]).T, x, shape[1]).T for c, y, x in sites])


Level = Callable[[np.random.Generator], float]
"""A function that draws the mean signal of a scene, in [0, 1] units, from a random generator."""


def mostly_dark(rng: np.random.Generator) -> float:
    """Draw the mean signal of a scene: 0.15 * 2^N(0, 1), limited to the range from 0.01 to 0.4, in [0, 1] units.

    Most raw frames are dark like this.
    """
    return float(np.clip(0.15 * 2 ** rng.standard_normal(), 0.01, 0.4))


def as_raw(
    rgb: np.ndarray, shape: tuple[int, int], blur: float, pitch: int, rng: np.random.Generator, level: Level
) -> Tensor:
    """Linear sRGB -> planes: camera colours, a random colour of the light, optics, mosaic, exposure.

    Arguments:
        rgb: (3, H, W) linear sRGB, with H and W as :func:`samples_for` gives them.
        shape: (h, w) of a plane, in plane pixels.
        blur: standard deviation of the optical blur, in plane pixels.
        pitch: samples per mosaic pixel.
        rng: draws the colour of the light and the exposure.
        level: draws the mean signal of the scene, in [0, 1] units.

    Returns (4, h, w) in [0, 1]. Values above 1 are set to 1.
    """
    warmth = 0.15 * rng.standard_normal()
    camera = CAMERA_FROM_SRGB * np.exp([warmth, 0, -warmth])[:, None]
    light = np.tensordot(camera.astype(np.float32), rgb, 1)
    planes = sample_planes(light, shape, blur, pitch)
    return torch.from_numpy((planes * (level(rng) / max(planes.mean(), 1e-6))).clip(0, 1))


def check_size(count: int, height: int, width: int) -> None:
    """Raise ValueError unless the number of scenes and their size are at least 1.

    Arguments:
        count: number of scenes.
        height: rows of a plane.
        width: columns of a plane.
    """
    if min(count, height, width) < 1:
        raise ValueError(f"count, height and width must be at least 1, got {count}, {height}, {width}")
