"""Raw mosaics and packed planes: colour filter array (CFA), packing, black and white level; and the sRGB curve.

A mosaic (..., H, W) has one colour per pixel, in a pattern that repeats every 2x2 pixels. Its packed planes
(..., 4, H/2, W/2) are the four positions of this cell in raster order: (0,0) (0,1) (1,0) (1,1). Every Bayer pattern is
brought to R Gr Gb B by cropping. A flip would also mirror the scene and the sensor's row noise. DN are the digital
numbers of a file. Functions with the type Array take and return either numpy arrays or torch tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

Array = TypeVar("Array", np.ndarray, Tensor)

MONO = "MONO"
_CROP = {"RGGB": (0, 0), "GRBG": (0, 1), "GBRG": (1, 0), "BGGR": (1, 1)}
CFAS = (*_CROP, MONO)
"""The known patterns, named by the colours of the 2x2 cell in raster order; MONO is a sensor without a CFA."""


def pack(mosaic: Array) -> Array:
    """planes[..., 2 i + j, r, c] = mosaic[..., 2 r + i, 2 c + j]; (..., H, W) -> (..., 4, H/2, W/2).

    ValueError for an odd height or width.

    >>> pack(torch.arange(4).reshape(2, 2)).flatten()
    tensor([0, 1, 2, 3])
    """
    *lead, height, width = mosaic.shape
    check_even(height, width)
    cells = mosaic.reshape(*lead, height // 2, 2, width // 2, 2)
    cells = cells.swapaxes(-4, -3).swapaxes(-2, -1).swapaxes(-3, -2)
    return cells.reshape(*lead, 4, height // 2, width // 2)


def unpack(planes: Array) -> Array:
    """mosaic[..., 2 r + i, 2 c + j] = planes[..., 2 i + j, r, c]; (..., 4, h, w) -> (..., 2 h, 2 w).

    The inverse of :func:`pack`. ValueError for another number of planes than 4.
    """
    *lead, count, height, width = planes.shape
    if count != 4:
        raise ValueError(f"a mosaic is unpacked from 4 planes (..., 4, h, w), got {count} in {tuple(planes.shape)}")
    cells = planes.reshape(*lead, 2, 2, height, width)
    cells = cells.swapaxes(-3, -2).swapaxes(-2, -1).swapaxes(-4, -3)
    return cells.reshape(*lead, 2 * height, 2 * width)


def even(mosaic: Array) -> Array:
    """A mosaic (..., H, W) without its last row or column where their number is odd; its pattern stays the same.

    ValueError where there is no 2x2 cell.
    """
    height, width = mosaic.shape[-2:]
    _check_cell(height, width)
    return mosaic[..., : height // 2 * 2, : width // 2 * 2]


def check_even(height: int, width: int) -> None:
    """ValueError where a size is odd, which says how to crop, and where there is no 2x2 cell."""
    _check_cell(height, width)
    if height % 2 or width % 2:
        raise ValueError(
            f"a mosaic of {height} x {width} pixels cannot be packed into 2x2 cells: sizes must be even, "
            f"crop the frames to {height // 2 * 2} x {width // 2 * 2}"
        )


def _check_cell(height: int, width: int) -> None:
    if height < 2 or width < 2:
        raise ValueError(f"a mosaic of {height} x {width} pixels has no 2x2 cell: give larger frames")


def unify(mosaic: Array, cfa: str) -> Array:
    """Crop a mosaic (..., H, W) of pattern ``cfa`` so that its 2x2 cells become R Gr / Gb B.

    RGGB and MONO are not changed. GRBG loses its first and last column, GBRG its first and last row, and BGGR both, so
    that the sizes stay even. ValueError for odd sizes and unknown patterns.
    """
    rows, columns = crop_of(cfa)
    height, width = mosaic.shape[-2:]
    check_even(height, width)
    check_even(height - 2 * rows, width - 2 * columns)
    return mosaic[..., rows : height - rows, columns : width - columns]


def unify_levels(levels: Sequence[float], cfa: str) -> tuple[float, float, float, float]:
    """Four levels in the raster order of pattern ``cfa`` -> the same levels in the order of the unified planes."""
    rows, columns = crop_of(cfa)
    if len(levels) != 4:
        raise ValueError(f"give 4 levels, one for each position of the 2x2 cell, got {len(levels)}")
    return tuple(float(levels[2 * ((i + rows) % 2) + (j + columns) % 2]) for i in (0, 1) for j in (0, 1))


def crop_of(cfa: str) -> tuple[int, int]:
    """(rows, columns) that :func:`unify` removes at each end; ValueError for a pattern that is not in :data:`CFAS`."""
    if cfa == MONO:
        return 0, 0
    if cfa not in _CROP:
        raise ValueError(f"CFA pattern {cfa!r} is not understood; known are {', '.join(CFAS)}")
    return _CROP[cfa]


def unified(cfa: str) -> str:
    """Name of the pattern after :func:`unify`: RGGB, or MONO."""
    return MONO if cfa == MONO else "RGGB"


def cfa_name(pattern: Sequence[int]) -> str:
    """Name of the pattern in TIFF tag 33422 (CFAPattern: 0 = R, 1 = G, 2 = B); ValueError where it is not Bayer.

    >>> cfa_name([1, 0, 2, 1])
    'GRBG'
    """
    values = [int(v) for v in pattern]
    name = "".join("RGB"[v] if 0 <= v <= 2 else "?" for v in values)
    if name not in _CROP:
        raise ValueError(f"CFA pattern {values} is not a 2x2 Bayer pattern; known are {', '.join(_CROP)}")
    return name


def four_levels(black: float | Sequence[float]) -> tuple[float, float, float, float]:
    """The black level of each plane in DN, from one level or four; ValueError for anything else."""
    levels = np.asarray(black, dtype=np.float64).reshape(-1)
    if levels.size not in (1, 4) or not np.isfinite(levels).all():
        raise ValueError(f"the black level must be one number or four (one per plane), got {black}")
    return tuple(float(v) for v in np.broadcast_to(levels, 4))


def normalise(planes: Array, black: float | Sequence[float], white: float) -> Array:
    """(planes - black) / (white - black): DN -> [0, 1] units. Values below the black level become negative.

    Arguments:
        planes: (..., 4, h, w) in DN; integers become float32.
        black: black level in DN, one value or one per plane.
        white: white level in DN.

    ValueError where the white level is not above the black level.
    """
    if isinstance(planes, np.ndarray):
        planes = planes.astype(planes.dtype if planes.dtype.kind == "f" else np.float32)
        low, span = (level.numpy() for level in _levels(torch.from_numpy(planes), black, white))
    else:
        planes = planes.clone() if planes.is_floating_point() else planes.to(torch.float32)
        low, span = _levels(planes, black, white)
    planes -= low  # in place, because allocating memory would take longer than the arithmetic
    planes /= span
    return planes


def denormalise(planes: Tensor, black: float | Sequence[float], white: float) -> Tensor:
    """planes * (white - black) + black: [0, 1] units -> DN, not rounded.

    Arguments:
        planes: (..., 4, h, w) in [0, 1] units.
        black: black level in DN, one value or one per plane.
        white: white level in DN.

    ValueError where the white level is not above the black level.
    """
    low, span = _levels(planes, black, white)
    return planes * span + low


def _levels(planes: Tensor, black: float | Sequence[float], white: float) -> tuple[Tensor, Tensor]:
    levels = four_levels(black)
    if not white > max(levels):
        raise ValueError(f"the white level {white:g} must lie above the black level {max(levels):g}: correct one")
    low = torch.tensor(levels, dtype=planes.dtype, device=planes.device)[:, None, None]
    return low, white - low


def linear_from_srgb(srgb: np.ndarray) -> np.ndarray:
    """s / 12.92 where s <= 0.04045, ((s + 0.055) / 1.055)^2.4 above: sRGB values -> linear light.

    srgb: any shape, in [0, 1]; the result has the same shape and range. The inverse of :func:`srgb_from_linear`.
    Source: IEC 61966-2-1.

    >>> linear_from_srgb(np.array([0.0, 0.5, 1.0])).round(3)
    array([0.   , 0.214, 1.   ])
    """
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(light: np.ndarray) -> np.ndarray:
    """12.92 x where x <= 0.0031308, 1.055 x^(1 / 2.4) - 0.055 above: linear light -> sRGB values.

    light: any shape, in [0, 1]; the result has the same shape and range. The inverse of :func:`linear_from_srgb` to
    1e-5, because the standard rounds the two thresholds.
    Source: IEC 61966-2-1.

    >>> srgb_from_linear(np.array([0.0, 0.214, 1.0])).round(3)
    array([0. , 0.5, 1. ])
    """
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
