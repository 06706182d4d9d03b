"""A clean picture from a file, as packed planes to which noise can be added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.files import one_line


def read_clean(path: str | Path, cfa: str) -> Tensor:
    """Planes (1, 4, h, w) in [0, 1] of a PNG or TIFF file, grey or RGB, of at least 2 x 2 pixels.

    A picture of 8 bits is taken as sRGB and made linear (IEC 61966-2-1). A picture of 16 bits or of floats is taken as
    linear. A last row or column of odd number is cut off.

    Arguments:
        path: the file.
        cfa: for "RGGB", RGB is sampled as that mosaic would sample it; for "MONO", the three colours are averaged.

    Errors: FileNotFoundError; ValueError, which names the file, for a file that is not such a picture.
    """
    from skimage.io import imread

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no picture at {path}")
    try:
        image = np.asarray(imread(path))
    except Exception as error:  # the reader of every format raises other errors
        raise ValueError(f"{path}: not a readable picture ({one_line(error, 100)})") from error
    if image.dtype.kind not in "uf" or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
        raise ValueError(
            f"{path}: a picture must be (H, W) or (H, W, 3), unsigned integer or float, got {image.dtype} {image.shape}"
        )
    if min(image.shape[:2]) < 2:
        raise ValueError(f"{path}: a picture needs at least 2 x 2 pixels, got {image.shape[0]} x {image.shape[1]}")
    light = np.nan_to_num(image if image.dtype.kind == "f" else image / np.iinfo(image.dtype).max).clip(0, 1)
    if image.dtype == np.uint8:
        light = raw.linear_from_srgb(light)
    light = light[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    if light.ndim == 2:
        light = light[..., None].repeat(3, 2)
    cells = raw.pack(torch.from_numpy(light[..., :3].astype(np.float32)).permute(2, 0, 1))
    if cfa == raw.MONO:
        return cells.mean(0)[None]
    return torch.stack([cells[0, 0], cells[1, 1], cells[1, 2], cells[2, 3]])[None]
