"""Clean, raw-like scenes of known value, as packed planes (N, 4, h, w) R Gr Gb B in [0, 1].

A plane pixel is one Bayer cell, two mosaic pixels wide. Colours are a camera's before white balance, so green
is brightest; exposures make most of a scene dark, as raw frames are. Scene i depends on (seed, i) only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from n2nf_core.raw import linear_from_srgb

CAMERA_FROM_XYZ = np.array([[0.8198, -0.2239, -0.0724], [-0.4871, 1.2389, 0.2798], [-0.1043, 0.205, 0.7181]])
"""Adobe's D65 colour matrix of the Nikon D7000: one typical camera, not a study of cameras."""

XYZ_FROM_SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]]
)
"""IEC 61966-2-1, linear light, D65."""

CAMERA_FROM_SRGB = CAMERA_FROM_XYZ @ XYZ_FROM_SRGB / (CAMERA_FROM_XYZ @ XYZ_FROM_SRGB).sum(1).max()
"""Linear sRGB to camera colours, not white-balanced; green of white is 1."""

WHITE = CAMERA_FROM_SRGB.sum(1)
"""What the camera sees of white in daylight, R G B."""

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle")
"""Colour photographs inside the scikit-image package, free to use, by their names in skimage.data."""

SHARPEST_UNSAMPLED = 0.75  # plane pixels: a blur from which on the edges of discs need no finer grid
REACH = 3.5  # deviations at which a Gaussian is cut


def expose(planes: Tensor, exposure: float | Tensor) -> Tensor:
    """min(exposure * x, 1): a scene at another exposure, saturated where it reaches the white level.

    planes: (N, 4, h, w) or (4, h, w), not negative. exposure: a positive number, or (N,) one per image.
    Errors: ValueError for an exposure that is not positive and finite, or of another length.

    >>> expose(torch.full((2, 4, 1, 1), 0.4), torch.tensor([0.5, 4.0])).flatten(1)[:, 0]
    tensor([0.2000, 1.0000])
    """
    factor = torch.as_tensor(exposure, dtype=planes.dtype, device=planes.device)
    if not bool((factor.isfinite() & (factor > 0)).all()):
        raise ValueError(f"exposure must be positive and finite, got {exposure}")
    if factor.dim() and factor.shape != planes.shape[:1]:
        raise ValueError(f"{len(planes)} images but exposures of shape {(*factor.shape,)}")
    return (planes * factor.reshape(-1, *[1] * (planes.dim() - 1) if factor.dim() else ())).clamp(max=1)


def optics(blur: float, pitch: int) -> np.ndarray:
    """What a site collects: a Gaussian of ``blur`` plane pixels convolved with the site's width; sums to 1.

    In samples, ``2 * pitch`` of them to a plane pixel. Errors: ValueError for a negative or infinite blur.

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
    """How many samples along one side :func:`sample_planes` takes for so many plane pixels."""
    return 2 * pitch * (pixels - 1) + pitch + len(optics(blur, pitch))


def sample_planes(rgb: np.ndarray, shape: tuple[int, int], blur: float, pitch: int = 1) -> np.ndarray:
    """Optics and mosaic: the light around every site, weighted by :func:`optics` along rows and columns.

    rgb: (3, H, W) linear light, ``2 * pitch`` samples per plane pixel, H and W as :func:`samples_for` says:
    no border is made up. shape: (h, w). Returns R Gr Gb B of the Bayer cell, (4, h, w).
    """
    weights, cell = optics(blur, pitch).tolist(), 2 * pitch

    def collect(light: np.ndarray, parity: int, count: int) -> np.ndarray:
        reach = cell * (count - 1) + 1
        return sum(w * light[start : start + reach : cell] for start, w in enumerate(weights, parity * pitch))

    sites = ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1))  # channel, row and column of R, Gr, Gb, B
    return np.stack([collect(collect(rgb[c], y, shape[0]).T, x, shape[1]).T for c, y, x in sites])


def mostly_dark(rng: np.random.Generator) -> float:
    """Mean signal of a scene: log-normal about 0.15, a factor 2 to either side, within 0.01 to 0.4."""
    return float(np.clip(0.15 * 2 ** rng.standard_normal(), 0.01, 0.4))


Level = Callable[[np.random.Generator], float]


def _as_raw(
    rgb: np.ndarray, shape: tuple[int, int], blur: float, pitch: int, rng: np.random.Generator, level: Level
) -> Tensor:
    """Linear sRGB (3, H, W) -> planes (4, h, w): camera colours, illuminant, optics, mosaic, exposure."""
    warmth = 0.15 * rng.standard_normal()
    camera = CAMERA_FROM_SRGB * np.exp([warmth, 0, -warmth])[:, None]
    light = np.tensordot(camera.astype(np.float32), rgb, 1)
    planes = sample_planes(light, shape, blur, pitch)
    return torch.from_numpy((planes * (level(rng) / max(planes.mean(), 1e-6))).clip(0, 1))


def _check_size(count: int, height: int, width: int) -> None:
    if min(count, height, width) < 1:
        raise ValueError(f"count, height and width must be at least 1, got {count}, {height}, {width}")


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
    """Discs that hide one another, radii p(r) ~ r^-3, so that the picture looks alike at every scale.

    A disc has a colour, correlated as in natural scenes, and a gradient of shade; a slow gradient of light
    lies over all. Stationary: large discs enter from outside as often as they should.
    count, height, width: N, h, w in plane pixels. blur, radius: plane pixels. The defaults are as smooth as
    a full-resolution raw frame; a blur of 0.5 and radii from 1 are the harder option, with finer texture.
    level: draws the mean signal of a scene; a few highlights above 1 are cut there.
    Returns (N, 4, h, w) float32 in [0, 1]. Errors: ValueError for sizes, radii or a blur that make no sense.
    Source: Lee, Mumford, Huang, Occlusion Models for Natural Images, IJCV 2001.

    >>> dead_leaves(2, 16, 24, seed=0).shape
    torch.Size([2, 4, 16, 24])
    """
    _check_size(count, height, width)
    if not 0 < radius[0] < radius[1]:
        raise ValueError(f"radius must be two growing positive numbers, got {radius}")
    pitch = 1 if blur >= SHARPEST_UNSAMPLED else 2
    sides = (samples_for(height, blur, pitch), samples_for(width, blur, pitch))
    scenes = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        rgb = _leaves(rng, sides, [2 * pitch * r for r in radius])
        scenes.append(_as_raw(rgb, (height, width), blur, pitch, rng, level))
    return torch.stack(scenes)


COVERAGE = 4.0  # discs over an average pixel: what 2 % of them do not cover shows one colour behind


def _leaves(rng: np.random.Generator, sides: tuple[int, int], radius: Sequence[float]) -> np.ndarray:
    """Dead leaves in linear sRGB, (3, H, W) float32; all lengths in samples."""
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
    """Centres y, x and radii of the discs that touch a picture, back to front.

    A disc of radius r touches it from an area of (H + 2r)(W + 2r), so such discs count in that proportion.
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
    """Linear sRGB reflectances (3, count): log-normal along grey, yellow-blue and red-green.

    The axes, of falling spread, are those of Ruderman, Cronin, Chiao, JOSA A 1998.
    """
    axes = np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]])
    spread = np.array([1.2, 0.28, 0.12])
    logs = (spread * rng.standard_normal((count, 3))) @ axes
    return (0.18 * np.exp(logs.T)).clip(0.01, 1)


def photographs(
    count: int,
    height: int,
    width: int,
    *,
    seed: int,
    blur: float = 1.75,
    names: Sequence[str] = PHOTOGRAPHS,
    level: Level = mostly_dark,
) -> Tensor:
    """Photographs taken back to linear raw: tone curve and sRGB gamma undone, camera colours, optics, mosaic.

    Random crops, mirrored at random; scene i comes from ``names[i % len(names)]``, so scenes can be split by
    photograph. A photograph too small for the crop is enlarged. With a blur well below the default its own
    noise and compression show.
    count, height, width: N, h, w in plane pixels. blur: plane pixels. level: draws the mean of a scene.
    Returns (N, 4, h, w) float32 in [0, 1]. Errors: ValueError for sizes or a name that do not exist.
    Source: after Brooks et al., Unprocessing Images for Learned Raw Denoising, CVPR 2019.

    >>> photographs(2, 16, 24, seed=0).shape
    torch.Size([2, 4, 16, 24])
    """
    _check_size(count, height, width)
    unknown = sorted(set(names) - set(PHOTOGRAPHS))
    if unknown or not names:
        raise ValueError(f"no photograph {', '.join(unknown)}: choose from {', '.join(PHOTOGRAPHS)}")
    loaded = {name: _linear_photograph(name) for name in names}
    sides = (samples_for(height, blur, 1), samples_for(width, blur, 1))
    scenes = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        rgb = _crop(loaded[names[index % len(names)]], sides, rng)
        scenes.append(_as_raw(rgb, (height, width), blur, 1, rng, level))
    return torch.stack(scenes)


def linearise(srgb: np.ndarray) -> np.ndarray:
    """Undo a smoothstep tone curve t -> 3 t^2 - 2 t^3, then the sRGB gamma; any shape, [0, 1] to [0, 1].

    >>> linearise(np.array([0.0, 0.5, 1.0])).round(3)
    array([0.   , 0.214, 1.   ])
    """
    untoned = 0.5 - np.sin(np.arcsin(1 - 2 * srgb) / 3)
    return linear_from_srgb(untoned)


def _linear_photograph(name: str) -> np.ndarray:
    """(3, H, W) float32 linear sRGB of a photograph in skimage.data."""
    from skimage import data

    image = getattr(data, name)()
    image = image[0] if isinstance(image, tuple) else image  # a stereo pair comes with its disparity
    return linearise(np.arange(256) / 255).astype(np.float32)[image.transpose(2, 0, 1)]


def _crop(rgb: np.ndarray, sides: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random part (3, *sides), mirrored half of the time; enlarged first where the picture is too small."""
    factor = max(side / have for side, have in zip(sides, rgb.shape[1:], strict=True))
    if factor > 1:
        from skimage.transform import resize

        rgb = resize(rgb, (3, *(math.ceil(have * factor) for have in rgb.shape[1:])), order=1)
    top, left = (int(rng.integers(have - side + 1)) for side, have in zip(sides, rgb.shape[1:], strict=True))
    part = rgb[:, top : top + sides[0], left : left + sides[1]]
    return part[:, :, ::-1] if rng.random() < 0.5 else part
