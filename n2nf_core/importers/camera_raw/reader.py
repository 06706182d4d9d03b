"""Camera RAW and DNG files as bursts: one folder holds the frames of one scene."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import Burst, LazyFrames
from n2nf_core.importers.camera_raw.raw_file import RawFile, look
from n2nf_core.importers.options import Options
from n2nf_core.importers.provenance import source_of
from n2nf_core.importers.stack import DEFAULT_CAMERA, DEFAULT_ISO
from n2nf_core.importers.stated import Setting, by_setting, check_same

SUFFIXES = (".dng", ".nef", ".cr2", ".cr3", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw", ".3fr", ".iiq")


def read_raws(files: list[Path], folder: Path | None, options: Options) -> Iterator[Burst]:
    """Yield a burst for every setting of ``files``. A frame is decoded when it is used.

    If the height or width of the visible area is odd, its last row or column is cut off, and the provenance notes it.
    If a DNG states black levels that differ between rows or columns, the difference is subtracted from the frames.

    Arguments:
        files: the frames, in order.
        folder: the folder that holds them; None for a single file.
        options: settings that replace what the files state.

    Errors: BurstError for damaged files, for frames of different size, for settings that :func:`by_setting` refuses,
    for sensors that are neither Bayer nor monochrome, and for mosaics that were interpolated or compressed with loss.
    """
    where = folder or files[0]
    found = [look(file) for file in files]
    check_same(where, [file.size for file in found], files, "size")
    for setting in by_setting(where, [file.stated for file in found], files, options):
        yield _burst([found[t] for t in setting.frames], setting, folder, options)


def _burst(files: list[RawFile], setting: Setting, folder: Path | None, options: Options) -> Burst:
    known, first = setting.stated, files[0]
    notes = [*dict.fromkeys(note for file in files for note in file.notes), *setting.notes]
    for name, default in (("camera", DEFAULT_CAMERA), ("iso", DEFAULT_ISO)):
        if getattr(known, name) is None:
            notes.append(f"{name} not stated: {default} assumed")
    if any(file.nlf != first.nlf for file in files):
        notes.append("the tag NoiseProfile differs between frames: that of the first one is kept")
    height, width = (size // 2 * 2 for size in first.size)
    if (height, width) != first.size:
        notes.append(f"visible area {first.size[0]} x {first.size[1]} cropped to {height} x {width}")
    uneven = options.black is None and any(file.unevenness() is not None for file in files)
    if uneven:
        notes.append("the black level differs between rows or columns: its difference from the mean is subtracted")
    exact = uneven or any(file.dng and file.dng.floating for file in files)
    rows, columns = raw.crop_of(known.cfa)
    window = range(height // 2 - rows), range(width // 2 - columns)
    paths = [file.path for file in files]
    source = source_of(paths, folder or paths[0], "camera_raw")
    name = f"{source['name']} {setting.label}".strip()
    dtype = np.dtype(np.float32) if exact else setting.dtype(np.dtype(np.uint16))
    return Burst(
        LazyFrames(partial(_planes, files, setting, uneven), len(files), dtype, *window),
        black=raw.unify_levels(raw.four_levels(known.black), known.cfa),
        white=known.white,
        cfa=raw.unified(known.cfa),
        camera=known.camera or DEFAULT_CAMERA,
        iso=float(known.iso or DEFAULT_ISO),
        scene=name,
        nlf=first.nlf if options.black is None and options.white is None else None,
        provenance={**source, "name": name, "crop": [rows, columns], "notes": notes},
    )


def _planes(files: list[RawFile], setting: Setting, uneven: bool, t: int) -> np.ndarray:
    """Frame ``t`` as planes (4, h, w) in DN, with the black level that the whole burst has."""
    mosaic = files[t].mosaic()
    if uneven and (excess := files[t].unevenness()) is not None:
        mosaic = np.where(mosaic >= setting.stated.white, mosaic, mosaic - excess)  # a clipped pixel stays clipped
    return setting.levelled(t, raw.pack(raw.unify(raw.even(mosaic), setting.stated.cfa)))
