"""What the tags of a DNG file state about its raw image: black level of every pixel, white level, colour filter.

The black level of pixel (r, c), counted from the corner of the active area, is

    BlackLevel[r mod R, c mod C] + BlackLevelDeltaV[r] + BlackLevelDeltaH[c]

with fractions of a DN. Source: Adobe Digital Negative Specification 1.7, chapter 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.importers.tiff.tags import numbers

VERSION = 50706
_CFA, _LINEAR = 32803, 34892
_SUBFILE, _ACTIVE_AREA = 254, 50829
_CFA_SIZE, _CFA_PATTERN, _CFA_LAYOUT = 33421, 33422, 50711
_REPEAT, _BLACK, _DELTA_H, _DELTA_V, _WHITE = 50713, 50714, 50715, 50716, 50717
_JPEG, _NO_FRAME_HEADER = 7, (0xC4, 0xC8, 0xCC)
_LOSSY = {34892: "lossy JPEG", 50002: "JPEG XL", 52546: "JPEG XL"}
MOST_PIXELS_PER_BYTE = 50
"""Noise cannot be compressed this much without loss, so a file of more pixels is damaged."""


class Dng(NamedTuple):
    """The raw image of a DNG file.

    Arguments:
        corner: (row, column) of the stored image at which the active area, and with it every pattern, begins.
        size: (H, W) of the active area.
        cell: name of the colour filter at the corner, one of ``raw.CFAS``.
        black: (R, C) black levels that repeat from the corner, DN.
        rows: (H,) what is added to the black level of every row of the active area, DN.
        columns: (W,) what is added to the black level of every column of the active area, DN.
        white: white level in DN, the least of its channels.
        floating: whether the samples are floating-point numbers.
        notes: what a user should know.
    """

    corner: tuple[int, int]
    size: tuple[int, int]
    cell: str
    black: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    white: float
    floating: bool
    notes: tuple[str, ...]

    def cfa(self, corner: tuple[int, int]) -> str:
        """Name of the colour filter of a window whose first pixel is ``corner``, (row, column) of the stored image."""
        if self.cell == raw.MONO:
            return raw.MONO
        down, right = (start - first for start, first in zip(corner, self.corner, strict=True))
        return "".join(self.cell[2 * ((i + down) % 2) + (j + right) % 2] for i in (0, 1) for j in (0, 1))

    def levels(self, corner: tuple[int, int], size: tuple[int, int]) -> tuple[float, float, float, float]:
        """The mean black level at each position of the 2x2 cell, in DN.

        Arguments:
            corner: first (row, column) of a window of the stored image, within the active area.
            size: (H, W) of the window.
        """
        pixels = self._pixels(corner, (2, 2) if self._even() else size, np.float64)
        return tuple(round(float(pixels[i::2, j::2].mean()), 9) for i in (0, 1) for j in (0, 1))

    def unevenness(self, corner: tuple[int, int], size: tuple[int, int]) -> np.ndarray | None:
        """The black level of each pixel minus :meth:`levels`, (H, W) float32 in DN; None where it is zero everywhere.

        Arguments:
            corner: first (row, column) of a window of the stored image, within the active area.
            size: (H, W) of the window.
        """
        if self._even():
            return None
        pixels = self._pixels(corner, size, np.float32)
        for k, level in enumerate(self.levels(corner, size)):
            pixels[k // 2 :: 2, k % 2 :: 2] -= level
        return pixels

    def _even(self) -> bool:
        """Whether four levels describe the black level of all pixels."""
        flat = (np.ptp(added[k::2]) == 0 for added in (self.rows, self.columns) for k in (0, 1) if added[k::2].size)
        return max(self.black.shape) <= 2 and all(flat)

    def _pixels(self, corner: tuple[int, int], size: tuple[int, int], dtype: type) -> np.ndarray:
        inside = [start - first for start, first in zip(corner, self.corner, strict=True)]
        rows, columns = (np.arange(start, start + length) for start, length in zip(inside, size, strict=True))
        pixels = self.black[rows % self.black.shape[0]][:, columns % self.black.shape[1]].astype(dtype)
        pixels += self.rows[rows, None]
        pixels += self.columns[columns]
        return pixels


def read_dng(path: Path, pages: Sequence) -> Dng:
    """The raw image of a DNG file.

    Arguments:
        path: the file, for messages.
        pages: all its image directories, as tifffile gives them.

    Errors: BurstError, one line that names the file, for a file without a mosaic, for one whose mosaic is compressed
    with loss or laid out in another way than in rows and columns of 2x2 cells, for a truncated file, and for levels
    that contradict one another.
    """
    page = raw_page(path, pages)
    tags = {tag.code: tag for tag in page.tags}
    length = path.stat().st_size
    ends = (start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False))
    if max(ends, default=math.inf) > length:
        raise BurstError(f"{path}: the file is truncated, its mosaic lies beyond its end: copy it again")
    if page.imagelength * page.imagewidth > MOST_PIXELS_PER_BYTE * length:
        stated = f"{page.imagelength} x {page.imagewidth}"
        raise BurstError(f"{path}: it is too small for the {stated} pixels that it states: copy it again")
    lossy = _LOSSY.get(page.compression)
    if lossy or (page.compression == _JPEG and not _is_lossless_jpeg(path, page.dataoffsets[0])):
        raise BurstError(
            f"{path}: its mosaic is compressed as {lossy or 'lossy JPEG'}, which changes the noise or cannot be read "
            "here: give a DNG that is uncompressed or compressed without loss"
        )
    try:
        return _described(page, tags, _cell(path, page, tags))
    except BurstError:
        raise
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise BurstError(f"{path}: its tags of levels or colour filter are damaged ({error}): copy it again") from error


def raw_page(path: Path, pages: Sequence):
    """The image directory of the mosaic; the first one of a DNG is often a preview.

    path: the file, for the message. pages: all its image directories, as tifffile gives them. BurstError if none of
    them is a mosaic.
    """
    whole = [page for page in pages if page.subfiletype == 0]
    for photometric in (_CFA, _LINEAR):
        found = [page for page in whole if page.photometric == photometric]
        if found:
            page = max(found, key=lambda page: page.imagelength * page.imagewidth)
            if page.samplesperpixel == 1:
                return page
    raise BurstError(f"{path}: it has no mosaic (a linear DNG, whose colours are interpolated): give the original RAW")


def _is_lossless_jpeg(path: Path, start: int) -> bool:
    """Whether the JPEG stream at byte ``start`` is lossless: its frame header is SOF3 (ITU T.81, table B.1)."""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(1 << 16)
    place = 2
    while place + 4 <= len(data):
        marker = data[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADER:
            return marker == 0xC3
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    return False


def _cell(path: Path, page, tags: dict) -> str:
    """Name of the colour filter; BurstError where it does not repeat in 2x2 cells of rows and columns."""
    if page.photometric == _LINEAR:
        return raw.MONO
    if _CFA_LAYOUT in tags and tags[_CFA_LAYOUT].value != 1:
        layout = tags[_CFA_LAYOUT].value
        raise BurstError(f"{path}: its mosaic is staggered (CFALayout {layout}): only rows and columns are supported")
    height, width = _numbers(tags[_CFA_SIZE]).astype(int)
    pattern = np.frombuffer(bytes(tags[_CFA_PATTERN].value), np.uint8).reshape(height, width)
    cells = np.tile(pattern, (2, 2))
    if not (np.array_equal(cells, np.roll(cells, 2, 0)) and np.array_equal(cells, np.roll(cells, 2, 1))):
        raise BurstError(
            f"{path}: its colour filter repeats in {height}x{width} cells (X-Trans or quad Bayer, perhaps): only "
            "Bayer and monochrome sensors are supported"
        )
    return raw.cfa_name(cells[:2, :2].ravel())


def _described(page, tags: dict, cell: str) -> Dng:
    stored = page.imagelength, page.imagewidth
    top, left, bottom, right = _numbers(tags[_ACTIVE_AREA]).astype(int) if _ACTIVE_AREA in tags else (0, 0, *stored)
    if not (0 <= top < bottom <= stored[0] and 0 <= left < right <= stored[1]):
        raise ValueError("the active area is not within the image")
    notes = []
    if _BLACK not in tags:
        notes.append("black level not stated: 0 assumed, as in the DNG specification")
    black = _numbers(tags[_BLACK]) if _BLACK in tags else np.zeros(1)
    repeat = _numbers(tags[_REPEAT]).astype(int) if _REPEAT in tags else (2, 2) if black.size == 4 else (1, 1)
    floating = page.sampleformat == 3
    white = _numbers(tags[_WHITE]) if _WHITE in tags else np.array([1.0 if floating else 2.0**page.bitspersample - 1])
    if _WHITE not in tags:
        notes.append(f"white level not stated: {white[0]:g} assumed, as in the DNG specification")
    if np.ptp(white) > 0:
        notes.append(f"white levels from {white.min():g} to {white.max():g}: the least is used")
    return Dng(
        (int(top), int(left)),
        (int(bottom - top), int(right - left)),
        cell,
        black.reshape(*repeat),
        _added(tags, _DELTA_V, bottom - top),
        _added(tags, _DELTA_H, right - left),
        float(white.min()),
        floating,
        tuple(notes),
    )


def _added(tags: dict, code: int, length: int) -> np.ndarray:
    added = _numbers(tags[code]) if code in tags else np.zeros(length)
    if added.size != length:
        raise ValueError(f"{added.size} black levels for {length} rows or columns")
    return added


def _numbers(tag) -> np.ndarray:
    """The values of a tag as (n,) float64; ValueError for values that are not finite."""
    values = numbers(tag)
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"{tag.name} has values that are no numbers")
    return values
