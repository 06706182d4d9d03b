"""Clean scenes: dead leaves, and how a scene looks at another exposure.

Scenes are packed planes (N, 4, h, w) in the order R Gr Gb B, in units of [0, 1]. One pixel of a plane is one Bayer
cell, which is two mosaic pixels wide. Colours are a camera's before white balance, so green is the brightest. Most of
a scene is dark, as in a raw frame. Scene i depends on the seed and on i only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from n2nf_core.simulation.optics import Level, as_raw, check_size, mostly_dark, samples_for

SHARPEST_UNSAMPLED = 0.75  # plane pixels; below this blur, the edges of discs need a finer grid


def expose(planes: Tensor, exposure: float | Tensor) -> Tensor:
    """min(exposure * x, 1): a scene at another exposure, saturated where it reaches the white level.

    Arguments:
        planes: (N, 4, h, w) or (4, h, w), not negative, in [0, 1] units.
        exposure: a positive factor, or (N,) with one factor per image.

    Errors: ValueError for an exposure that is not positive and finite, or that does not have one value per image.

    >>> expose(torch.full((2, 4, 1, 1), 0.4), torch.tensor([0.5, 4.0])).flatten(1)[:, 0]
    tensor([0.2000, 1.0000])
    """
    factor = torch.as_tensor(exposure, dtype=planes.dtype, device=planes.device)
    if not bool((factor.isfinite() & (factor > 0)).all()):
        raise ValueError(f"the exposure must be positive and finite, got {exposure}")
    if factor.dim() and factor.shape != planes.shape[:1]:
        raise ValueError(
            f"the exposure must be one number or one per image: there are {len(planes)} images, "
            f"and the exposures have the shape {(*factor.shape,)}"
        )
    return (planes * factor.reshape(-1, *[1] * (planes.dim() - 1) if factor.dim() else ())).clamp(max=1)


def dead_leaves(
    count: int,
    height: int,
    width: int,
    *,
    seed: int,
    blur: float = 1.75,
    radius: tuple[float, float] = (2.5, 250.0),
    level: Level = mostly_dark,
) -> Tensor:
    """Discs that hide one another, with radii drawn from p(r) ~ r^-3, so that the picture looks alike at every scale.

    A disc has one colour, with the correlations of natural scenes, and a gradient of shade. A slow gradient of light
    covers the whole scene. The statistics are the same everywhere in the picture, because large discs that begin
    outside it are included in the right proportion. The defaults are as smooth as a full-resolution raw frame. A blur
    of 0.5 and radii from 1 give finer texture, which is harder to denoise.

    Arguments:
        count: number of scenes N.
        height: rows h of a plane.
        width: columns w of a plane.
        seed: fixes all scenes.
        blur: standard deviation of the optical blur, in plane pixels.
        radius: smallest and largest radius of a disc, in plane pixels.
        level: draws the mean signal of a scene, in [0, 1] units. A few highlights above 1 are set to 1.

    Returns (N, 4, h, w) float32 in [0, 1]. Errors: ValueError for sizes, radii or a blur out of range.
    Source: Lee, Mumford, Huang, Occlusion Models for Natural Images, IJCV 2001.

    >>> dead_leaves(2, 16, 24, seed=0).shape
    torch.Size([2, 4, 16, 24])
    """
    check_size(count, height, width)
    if not 0 < radius[0] < radius[1]:
        raise ValueError(f"radius must be two positive numbers, the smaller one first, got {radius}")
    pitch = 1 if blur >= SHARPEST_UNSAMPLED else 2
    sides = (samples_for(height, blur, pitch), samples_for(width, blur, pitch))
    scenes = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        rgb = _leaves(rng, sides, [2 * pitch * r for r in radius])
        scenes.append(as_raw(rgb, (height, width), blur, pitch, rng, level))
    return torch.stack(scenes)


COVERAGE = 4.0  # discs over an average pixel; about 2 % of the pixels have none and show the background colour


def _leaves(rng: np.random.Generator, sides: tuple[int, int], radius: Sequence[float]) -> np.ndarray:
    """Dead leaves in linear sRGB, (3, H, W) float32. All lengths are in samples."""
    y, x, r = _discs(rng, sides, radius)
    label = np.zeros(sides, dtype=np.int32)
    rows, columns = (np.arange(n, dtype=np.float32) for n in sides)
    for k, (cy, cx, s) in enumerate(zip(y, x, r, strict=True), start=1):
        top, left = max(int(cy - s), 0), max(int(cx - s), 0)
        bottom, right = int(cy + s) + 2, int(cx + s) + 2
        inside = (rows[top:bottom, None] - cy) ** 2 + (columns[left:right] - cx) ** 2 < s * s
        label[top:bottom, left:right][inside] = k
    reflectance = _colours(rng, len(r) + 1)
    slope = 0.25 * rng.standard_normal((2, len(r) + 1)) / np.append(max(sides), r)
    centre = np.stack([np.append(0, y), np.append(0, x)])
    offset = 1 - (slope * centre).sum(0)
    light = 0.3 * rng.standard_normal(2) / max(sides)
    shade = offset[label] + slope[0][label] * rows[:, None] + slope[1][label] * columns
    shade = shade.clip(0.1) * np.exp(light[0] * rows[:, None] + light[1] * columns)
    return (reflectance[:, label] * shade).astype(np.float32)


def _discs(
    rng: np.random.Generator, sides: tuple[int, int], radius: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centres y and x and radii of the discs that touch a picture, those at the back first.

    A disc of radius r touches the picture if its centre lies in an area of (H + 2r)(W + 2r), so discs of that radius
    are drawn in proportion to it.
    """
    height, width = sides
    grid = np.geomspace(*radius, 400)
    touching = grid**-3 * (height + 2 * grid) * (width + 2 * grid)
    steps = (touching[1:] + touching[:-1]) / 2 * np.diff(grid)
    share = np.append(0, steps.cumsum()) / steps.sum()
    sample = np.interp(rng.random(4096), share, grid)
    covered = (np.pi * sample**2 / ((height + 2 * sample) * (width + 2 * sample))).mean()
    r = np.interp(rng.random(math.ceil(COVERAGE / covered)), share, grid)
    y, x = (rng.uniform(-r, n + r) for n in sides)
    return y, x, r


def _colours(rng: np.random.Generator, count: int) -> np.ndarray:
    """Linear sRGB reflectances (3, count), log-normal along the axes grey, yellow-blue and red-green.

    The axes are those of Ruderman, Cronin, Chiao, JOSA A 1998; the spread falls from the first to the last.
    """
    axes = np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]])
    spread = np.array([1.2, 0.28, 0.12])
    logs = (spread * rng.standard_normal((count, 3))) @ axes
    return (0.18 * np.exp(logs.T)).clip(0.01, 1)
