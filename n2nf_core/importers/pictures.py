"""A clean picture of one's own as planes, to put noise on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.files import one_line


def read_clean(path: str | Path, cfa: str) -> Tensor:
    """Planes (1, 4, h, w) in [0, 1] of a PNG or TIFF, grey or RGB, any size of at least 2 x 2.

    8 bit is taken as sRGB and made linear (IEC 61966-2-1); 16 bit and float are linear already. RGB is sampled as
    the mosaic of ``cfa`` ("RGGB") would, or averaged for "MONO". An odd last row or column is dropped.
    Errors: FileNotFoundError; ValueError, naming the file, for what is no such picture.
    """
    from skimage.io import imread

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no picture at {path}")
    try:
        image = np.asarray(imread(path))
    except Exception as error:  # every format has errors of its own
        raise ValueError(f"{path}: not a readable picture ({one_line(error, 100)})") from error
    if image.dtype.kind not in "uf" or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (3, 4))):
        raise ValueError(f"{path}: a picture is (H, W) or (H, W, 3), got {image.dtype} {image.shape}")
    if min(image.shape[:2]) < 2:
        raise ValueError(f"{path}: a picture of {image.shape[0]} x {image.shape[1]} pixels has no 2x2 cell")
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
