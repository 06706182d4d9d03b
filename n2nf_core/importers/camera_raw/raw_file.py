"""One camera RAW or DNG file: what it states, and its mosaic, read with LibRaw (rawpy) and from its TIFF tags.

LibRaw rounds the levels of a DNG to whole numbers and averages those of its columns and rows, so they are taken from
the file's tags (:mod:`n2nf_core.importers.camera_raw.dng`). Floating-point mosaics do not go through LibRaw, which
rounds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.files import one_line
from n2nf_core.importers.camera_raw.dng import MOST_PIXELS_PER_BYTE, VERSION, Dng, raw_page, read_dng
from n2nf_core.importers.stated import Stated
from n2nf_core.types import NLF

FLOAT_WHITE = 16383.0
"""White level of a floating-point DNG in DN: its values are multiplied by a constant for this, as in LibRaw."""

_MODEL, _EXIF, _NOISE_PROFILE, _EXPOSURE, _APERTURE = 272, 34665, 51041, 33434, 33437
_SOFTWARE, _WHOLE_NAME = (
    305,
    50708,
)  # the latter is the whole name in our own files
_ISO, _ISO_OF_16_BITS, _LARGE_ISO = 34855, 65535, (34867, 34866)
_EXIF_NAMES = {
    _ISO: "ISOSpeedRatings", 34867: "ISOSpeed", 34866: "RecommendedExposureIndex", _EXPOSURE: "ExposureTime",
    _APERTURE: "FNumber",
}  # fmt: skip


class RawFile(NamedTuple):
    """What is known about a RAW file before its mosaic is decoded.

    Arguments:
        path: the file.
        corner: first (row, column) of the visible area in the stored mosaic.
        size: (H, W) of the visible area, in mosaic pixels.
        stated: its settings and levels, in DN.
        nlf: the DNG tag NoiseProfile, averaged over colours: variances in [0, 1] units squared.
        dng: its raw image if it is a DNG, else None.
        notes: what a user should know.
    """

    path: Path
    corner: tuple[int, int]
    size: tuple[int, int]
    stated: Stated
    nlf: NLF | None
    dng: Dng | None
    notes: tuple[str, ...]

    @property
    def scale(self) -> float:
        """What the stored values are multiplied by to give DN: 1 except for floating-point mosaics."""
        return FLOAT_WHITE / self.dng.white if self.dng and self.dng.floating else 1.0

    def unevenness(self) -> np.ndarray | None:
        """Black level of each visible pixel minus that of its position in the 2x2 cell, (H, W) in DN, or None."""
        uneven = self.dng.unevenness(self.corner, self.size) if self.dng else None
        return None if uneven is None else uneven * np.float32(self.scale)

    def mosaic(self) -> np.ndarray:
        """The visible mosaic (H, W) in DN: uint16, or float32 for a floating-point DNG.

        Errors: BurstError, which names the file, if it cannot be decoded.
        """
        if not (self.dng and self.dng.floating):
            with _opened(self.path) as file:
                mosaic = file.raw_image_visible.copy()
        else:
            with _pages(self.path) as pages:
                rows, columns = (slice(k, k + n) for k, n in zip(self.corner, self.size, strict=True))
                mosaic = raw_page(self.path, pages).asarray()[rows, columns].astype(np.float32)
            mosaic *= np.float32(self.scale)
        if mosaic.shape != self.size:
            raise BurstError(f"{self.path}: its size has changed since it was first read: read it again")
        return mosaic


def look(path: Path) -> RawFile:
    """What a RAW file states. Its mosaic is not decoded.

    Errors: BurstError, one line that names the file, for a file that LibRaw cannot read, for a sensor that is neither
    Bayer nor monochrome, and where :func:`n2nf_core.importers.camera_raw.dng.read_dng` refuses a DNG.
    """
    tags, dng = _tags(path)
    if dng and dng.floating:
        return _float_file(path, tags, dng)
    with _opened(path) as file:
        sizes = file.sizes
        corner, size = (sizes.top_margin, sizes.left_margin), (sizes.height, sizes.width)
        if sizes.raw_height * sizes.raw_width > MOST_PIXELS_PER_BYTE * path.stat().st_size:
            stated = f"{sizes.raw_height} x {sizes.raw_width}"
            raise BurstError(f"{path}: it is too small for the {stated} pixels that it states: copy it again")
        settings = _settings(tags, file.other.iso_speed, file.other.shutter_speed, file.other.aperture)
        if dng is None:
            (cfa, black), (white, notes) = _cell(file, corner, path), _white(file)
            return RawFile(path, corner, size, settings._replace(black=black, white=white, cfa=cfa), None, None, notes)
    inside = all(0 <= a - b <= n - m for a, b, n, m in zip(corner, dng.corner, dng.size, size, strict=True))
    if not inside:
        raise BurstError(f"{path}: its visible area is not within the active area of its tags: copy it again")
    levels = settings._replace(black=dng.levels(corner, size), white=dng.white, cfa=dng.cfa(corner))
    return RawFile(path, corner, size, levels, _nlf(tags), dng, dng.notes)


def _float_file(path: Path, tags: dict, dng: Dng) -> RawFile:
    black = tuple(level * FLOAT_WHITE / dng.white for level in dng.levels(dng.corner, dng.size))
    stated = _settings(tags)._replace(black=black, white=FLOAT_WHITE, cfa=dng.cell)
    note = f"floating-point values were multiplied so that the white level is {FLOAT_WHITE:g}"
    return RawFile(path, dng.corner, dng.size, stated, _nlf(tags), dng, (*dng.notes, note))


def _settings(tags: dict, iso=None, exposure_s=None, aperture=None) -> Stated:
    """Camera, ISO, exposure time and aperture of the tags; where they state none, those that LibRaw reports."""
    camera = tags.get(_WHOLE_NAME if tags.get(_SOFTWARE) == "n2nf" else _MODEL)
    return Stated(
        camera=" ".join(str(camera or "").split()) or None,
        iso=_iso(tags) or _positive(iso),
        exposure_s=_positive(tags.get(_EXPOSURE)) or _positive(exposure_s),
        aperture=_positive(tags.get(_APERTURE)) or _positive(aperture),
    )


def _nlf(tags: dict) -> NLF | None:
    """The tag NoiseProfile, averaged over colours; None where it is not stated, or does not consist of pairs."""
    profile = np.ravel(tags.get(_NOISE_PROFILE, ()))
    if not profile.size or profile.size % 2:
        return None
    return NLF(*profile.astype(np.float64).reshape(-1, 2).mean(0).tolist())


@contextmanager
def _opened(path: Path) -> Iterator:
    """The file in LibRaw; what LibRaw raises while it is used becomes a BurstError that names the file."""
    import rawpy

    try:
        with rawpy.imread(str(path)) as file:
            if file.raw_type != rawpy.RawType.Flat:
                raise BurstError(f"{path}: it has no mosaic (a linear or multi-shot RAW): give a single-shot RAW file")
            yield file
    except (rawpy.LibRawError, OSError) as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else error
        raise BurstError(f"{path}: LibRaw cannot read it; it may be truncated, or no RAW file ({reason})") from error


@contextmanager
def _pages(path: Path) -> Iterator[list]:
    """All image directories of a TIFF file; what tifffile raises while they are used becomes a BurstError."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            tops = [page.aspage() for page in file.pages]
            yield [page.aspage() for top in tops for page in (top, *(top.pages or ()))]
    except BurstError:
        raise
    except Exception as error:  # tifffile raises errors of many types for a damaged file
        raise BurstError(f"{path}: its TIFF tags are damaged ({one_line(error)}): copy it again") from error


def _tags(path: Path) -> tuple[dict, Dng | None]:
    """The tags of all image directories and of EXIF by number, and the raw image of a DNG.

    RAW files that have not the structure of a TIFF, such as RAF and CR3, have no tags.
    """
    try:
        with path.open("rb") as file:
            if file.read(4) not in (b"II*\0", b"MM\0*"):
                return {}, None
    except OSError as error:
        raise BurstError(f"{path}: it cannot be opened ({error.strerror})") from error
    found: dict = {}
    with _pages(path) as pages:
        for page in pages:
            for tag in page.tags:
                found.setdefault(tag.code, tag.value)
        exif = found.get(_EXIF)
        for code, name in _EXIF_NAMES.items() if isinstance(exif, dict) else ():
            found.setdefault(code, exif.get(name))
        return found, read_dng(path, pages) if VERSION in found else None


def _iso(tags: dict) -> float | None:
    """The ISO setting; a tag of 16 bits cannot hold a large one, which is then in another tag."""
    iso = _positive(tags.get(_ISO))
    if iso == _ISO_OF_16_BITS:
        return next((large for code in _LARGE_ISO if (large := _positive(tags.get(code)))), iso)
    return iso


def _positive(value) -> float | None:
    """A number, the first of several, or a fraction (numerator, denominator), if it is positive and finite."""
    try:
        numbers = np.ravel(value).astype(np.float64)
    except (TypeError, ValueError):
        return None
    number = numbers[0] / numbers[1] if isinstance(value, tuple) and len(numbers) == 2 and numbers[1] else numbers[0]
    return float(f"{number:.6g}") if np.isfinite(number) and number > 0 else None


def _cell(file, corner: tuple[int, int], path: Path) -> tuple[str, tuple[float, ...]]:
    """Name of the colour filter of the visible area, and LibRaw's black level at each position of its 2x2 cell."""
    levels = [float(level) for level in file.black_level_per_channel]
    if file.num_colors == 1:
        return raw.MONO, (levels[0],) * 4
    if file.raw_pattern is None or file.raw_pattern.shape != (2, 2):
        raise BurstError(
            f"{path}: its colour filter does not repeat in 2x2 cells (X-Trans, perhaps): only Bayer and monochrome "
            "sensors are supported"
        )
    top, left = corner
    cell = [file.raw_color(top + i, left + j) for i in (0, 1) for j in (0, 1)]
    name = "".join(chr(file.color_desc[k]) for k in cell)
    if name not in raw.CFAS:
        raise BurstError(f"{path}: colour filter {name} is not understood; supported are {', '.join(raw.CFAS)}")
    return name, tuple(levels[k] for k in cell)


def _white(file) -> tuple[float, tuple[str, ...]]:
    """LibRaw's white level, or the least of the channels' where the file states them, with a note."""
    channels = [float(level) for level in file.camera_white_level_per_channel or () if level > 0]
    white = min([float(file.white_level), *channels])
    if white == file.white_level:
        return white, ()
    return white, (f"white levels of the channels from {white:g} to {max(channels):g}: the least is used",)
