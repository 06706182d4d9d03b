"""Clean scenes from photographs: processed pictures are taken back to linear raw.

The photographs are those inside the scikit-image package, so no network is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from n2nf_core.raw import linear_from_srgb
from n2nf_core.simulation.optics import Level, as_raw, check_size, mostly_dark, samples_for

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket", "stereo_motorcycle")
"""Names in skimage.data of colour photographs that are free to use."""


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
    """Photographs as linear raw: tone curve and sRGB gamma undone, then camera colours, optics and mosaic.

    The scenes are random crops, mirrored at random. Scene i comes from the photograph ``names[i % len(names)]``, so
    scenes can be split by photograph. A photograph that is too small for the crop is enlarged. With a blur well below
    the default, the photograph's own noise and compression become visible.

    Arguments:
        count: number of scenes N.
        height: rows h of a plane.
        width: columns w of a plane.
        seed: fixes all scenes.
        blur: standard deviation of the optical blur, in plane pixels.
        names: which of :data:`PHOTOGRAPHS` to use.
        level: draws the mean signal of a scene, in [0, 1] units.

    Returns (N, 4, h, w) float32 in [0, 1]. Errors: ValueError for sizes or a blur out of range, for unknown names, and
    for no names.
    Source: after Brooks et al., Unprocessing Images for Learned Raw Denoising, CVPR 2019.

    >>> photographs(2, 16, 24, seed=0).shape
    torch.Size([2, 4, 16, 24])
    """
    check_size(count, height, width)
    unknown = sorted(set(names) - set(PHOTOGRAPHS))
    if unknown or not names:
        wrong = f"there is no photograph {', '.join(unknown)}" if unknown else "names is empty"
        raise ValueError(f"{wrong}: choose from {', '.join(PHOTOGRAPHS)}")
    loaded = {name: _linear_photograph(name) for name in names}
    sides = (samples_for(height, blur, 1), samples_for(width, blur, 1))
    scenes = []
    for index in range(count):
        rng = np.random.default_rng([seed, index])
        rgb = _crop(loaded[names[index % len(names)]], sides, rng)
        scenes.append(as_raw(rgb, (height, width), blur, 1, rng, level))
    return torch.stack(scenes)


def linearise(srgb: np.ndarray) -> np.ndarray:
    """Undo the smoothstep tone curve t -> 3 t^2 - 2 t^3 and then the sRGB gamma.

    Arguments:
        srgb: any shape, in [0, 1].

    Returns linear light of the same shape, in [0, 1].

    >>> linearise(np.array([0.0, 0.5, 1.0])).round(3)
    array([0.   , 0.214, 1.   ])
    """
    untoned = 0.5 - np.sin(np.arcsin(1 - 2 * srgb) / 3)
    return linear_from_srgb(untoned)


def _linear_photograph(name: str) -> np.ndarray:
    """(3, H, W) float32 linear sRGB of a photograph in skimage.data."""
    from skimage import data

    image = getattr(data, name)()
    image = image[0] if isinstance(image, tuple) else image  # a stereo pair comes as a tuple with its disparity
    return linearise(np.arange(256) / 255).astype(np.float32)[image.transpose(2, 0, 1)]


def _crop(rgb: np.ndarray, sides: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A random part (3, *sides), mirrored in half of the cases. A picture that is too small is enlarged first."""
    factor = max(side / have for side, have in zip(sides, rgb.shape[1:], strict=True))
    if factor > 1:
        from skimage.transform import resize

        rgb = resize(rgb, (3, *(math.ceil(have * factor) for have in rgb.shape[1:])), order=1)
    top, left = (int(rng.integers(have - side + 1)) for side, have in zip(sides, rgb.shape[1:], strict=True))
    part = rgb[:, top : top + sides[0], left : left + sides[1]]
    return part[:, :, ::-1] if rng.random() < 0.5 else part
