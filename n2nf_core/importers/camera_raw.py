"""Camera RAW and DNG files, read with LibRaw (rawpy): one folder holds the frames of one scene, camera and setting."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import Burst, BurstError, LazyFrames
from n2nf_core.importers.options import Options
from n2nf_core.importers.stack import DEFAULT_CAMERA, DEFAULT_ISO, source_of
from n2nf_core.importers.stated import check_same
from n2nf_core.types import NLF

SUFFIXES = (".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw", ".3fr", ".iiq")
_MODEL, _ISO, _NOISE_PROFILE, _EXIF = 272, 34855, 51041, 34665


class Sensor(NamedTuple):
    """What LibRaw reports about a file. It must be the same for all frames of a burst.

    Arguments:
        size: (H, W) of the visible area, in mosaic pixels.
        cfa: colour filter of the 2x2 cell, one of ``raw.CFAS``.
        black: black level in DN, four values by position in the 2x2 cell.
        white: white level in DN.
    """

    size: tuple[int, int]
    cfa: str
    black: tuple[float, ...]
    white: float


class Tags(NamedTuple):
    """What a file's tags state. A field that they do not state is None.

    Arguments:
        camera: the camera's model.
        iso: ISO setting.
        nlf: the DNG tag NoiseProfile, averaged over colours: variances in [0, 1] units squared.
    """

    camera: str | None = None
    iso: float | None = None
    nlf: NLF | None = None


def read_raws(files: list[Path], folder: Path | None, options: Options) -> Iterator[Burst]:
    """Yield one burst of all ``files``. A frame is decoded when it is used.

    If the height or width of the visible area is odd, its last row or column is cut off, and the provenance notes it.

    Arguments:
        files: the frames, in order.
        folder: the folder that holds them; None for a single file.
        options: settings that replace what the files state.

    Errors: BurstError for damaged files, for frames that differ in size, levels, colour filter, ISO or camera, and for
    sensors that are neither Bayer nor monochrome.
    """
    where, notes = folder or files[0], []
    tags = [_tags(file) for file in files]
    check_same(where, [f"{tag.camera} at ISO {tag.iso}" for tag in tags], files)
    sensor = _open(files[0])[1]
    camera, iso = tags[0].camera or DEFAULT_CAMERA, tags[0].iso or DEFAULT_ISO
    known = options.over(Options(camera, iso, sensor.black, sensor.white, sensor.cfa))
    for name in ("camera", "iso"):
        if getattr(options, name) is None and getattr(tags[0], name) is None:
            notes.append(f"{name} not stated: {getattr(known, name)} assumed")
    height, width = (size // 2 * 2 for size in sensor.size)
    if (height, width) != sensor.size:
        notes.append(f"visible area {sensor.size[0]} x {sensor.size[1]} cropped to {height} x {width}")
    rows, columns = raw.crop_of(known.cfa)
    window = range(height // 2 - rows), range(width // 2 - columns)
    yield Burst(
        LazyFrames(partial(_planes, files, sensor, known.cfa), len(files), np.dtype(np.uint16), *window),
        black=raw.unify_levels(raw.four_levels(known.black), known.cfa),
        white=known.white,
        cfa=raw.unified(known.cfa),
        camera=known.camera,
        iso=float(known.iso),
        scene=folder.name if folder else where.stem,
        nlf=tags[0].nlf if options.black is None and options.white is None else None,
        provenance={**source_of(files, where, "camera_raw"), "crop": [rows, columns], "notes": notes},
    )


def _planes(files: list[Path], sensor: Sensor, cfa: str, t: int) -> np.ndarray:
    mosaic, found = _open(files[t])
    for name, mine, first in zip(Sensor._fields, found, sensor, strict=True):
        check_same(files[t].parent / name, (first, mine), (files[0], files[t]))
    height, width = (size // 2 * 2 for size in sensor.size)
    return raw.pack(raw.unify(mosaic[:height, :width], cfa))


def _open(path: Path) -> tuple[np.ndarray, Sensor]:
    """The visible mosaic (H, W) uint16 and what LibRaw reports about the sensor."""
    import rawpy

    try:
        with rawpy.imread(str(path)) as file:
            if file.raw_type != rawpy.RawType.Flat:
                raise BurstError(f"{path}: it has no mosaic (a linear or multi-shot RAW): give a single-shot RAW file")
            mosaic = file.raw_image_visible.copy()
            if file.num_colors == 1:
                cfa, black = raw.MONO, file.black_level_per_channel[:1] * 4
            else:
                top, left = file.sizes.top_margin, file.sizes.left_margin  # of the visible area
                cell = [file.raw_color(top + i, left + j) for i in (0, 1) for j in (0, 1)]
                cfa = _cfa(file, cell, path)
                black = [file.black_level_per_channel[k] for k in cell]
            return mosaic, Sensor(mosaic.shape, cfa, tuple(map(float, black)), float(file.white_level))
    except (rawpy.LibRawError, OSError) as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else error
        raise BurstError(f"{path}: LibRaw cannot read it; it may be truncated, or no RAW file ({reason})") from error


def _cfa(file, cell: list[int], path: Path) -> str:
    if file.raw_pattern is None or file.raw_pattern.shape != (2, 2):
        raise BurstError(
            f"{path}: its colour filter does not repeat in 2x2 cells (X-Trans, perhaps): only Bayer and monochrome "
            "sensors are supported"
        )
    name = "".join(chr(file.color_desc[k]) for k in cell)
    if name not in raw.CFAS:
        raise BurstError(f"{path}: colour filter {name} is not understood; supported are {', '.join(raw.CFAS)}")
    return name


def _tags(path: Path) -> Tags:
    """What the tags state, if the file has the structure of a TIFF, as DNG, NEF, CR2 and ARW have."""
    import tifffile

    found: dict = {}
    try:
        with tifffile.TiffFile(path) as file:
            for page in (file.pages[0], *(file.pages[0].pages or ())):
                for tag in page.aspage().tags:
                    found.setdefault(tag.code, tag.value)
    except Exception:  # the file is no TIFF, or its tags are damaged: options and defaults are used instead
        return Tags()
    exif = found.get(_EXIF)
    iso = found.get(_ISO) or (exif.get("ISOSpeedRatings") if isinstance(exif, dict) else None)
    profile = found.get(_NOISE_PROFILE)
    return Tags(
        str(found[_MODEL]).strip() if found.get(_MODEL) else None,
        float(np.ravel(iso)[0]) if iso else None,
        None if profile is None else NLF(*np.reshape(profile, (-1, 2)).mean(0).tolist()),
    )
