"""Clean pictures for the page: mosaics as grey PNG files of square roots, 8 bits."""

from __future__ import annotations

import functools
import io

import numpy as np
import torch
from torch import Tensor

from n2nf_core.scenes import WHITE, dead_leaves, photographs

SIDE = 128  # plane pixels, a mosaic of 256 x 256


def png(planes: Tensor) -> bytes:
    """Planes (4, h, w) in [0, 1] as a PNG of 2h x 2w grey pixels, value round(255 sqrt(x)).

    >>> png(torch.rand(4, 3, 5))[1:4]
    b'PNG'
    """
    from PIL import Image

    if planes.dim() != 3 or len(planes) != 4:
        raise ValueError(f"a picture must be planes (4, h, w), got {(*planes.shape,)}")
    mosaic = planes.detach().cpu().unflatten(0, (2, 2)).permute(2, 0, 3, 1).flatten(2).flatten(0, 1)
    grey = (255 * mosaic.clamp(0, 1).sqrt()).round().to(torch.uint8).numpy()
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG", optimize=True)
    return file.getvalue()


def wedge() -> Tensor:
    """Steps of grey, each half a stop above its neighbour from 0.002 on: every signal once, to read variances off."""
    levels = 0.002 * 2 ** (0.5 * np.arange(16)).reshape(4, 4)
    flat = torch.from_numpy(np.kron(levels, np.ones((SIDE // 4, SIDE // 4))))
    white = torch.from_numpy(WHITE[[0, 1, 1, 2]]).float()
    return white[:, None, None] * flat.float().clamp(max=1)


def _photograph(name: str, seed: int) -> Tensor:
    return photographs(1, SIDE, SIDE, seed=seed, blur=0.7, names=[name], level=lambda rng: 0.18)[0]


@functools.cache
def shipped() -> dict[str, Tensor]:
    """Name -> planes (4, 128, 128): photographs inside scikit-image that are free of rights, leaves, grey steps."""
    return {
        "Coffee": _photograph("coffee", 5),
        "Cat": _photograph("chelsea", 3),
        "Rocket": _photograph("rocket", 0),
        "Leaves": dead_leaves(1, SIDE, SIDE, seed=5, blur=0.7)[0],
        "Greys": wedge(),
    }
