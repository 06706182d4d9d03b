"""How stacks of mosaics (T, H, W) become bursts; the importers of TIFF, FITS and NumPy files share it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from n2nf_core import raw
from n2nf_core.bursts import Burst, BurstError, BurstWarning, LazyFrames
from n2nf_core.importers.amplifiers import amplifier_note
from n2nf_core.importers.frames import Frames, JoinedFrames
from n2nf_core.importers.options import Options
from n2nf_core.importers.provenance import source_of, stem_of
from n2nf_core.importers.stated import Setting, Stated, by_setting, check_same, worded
from n2nf_core.importers.white import Extent, extent_of, join, white_of

DEFAULT_CAMERA = "camera"
DEFAULT_ISO = 100.0
HELD = 2**28
"""Bursts of at most this many bytes are read into memory; the frames of larger ones are read when they are used."""

_KEPT = ("exposure_s", "aperture", "gain", "offset", "filter", "kind", "mode")


class Stack(NamedTuple):
    """Frames that belong together, as an importer reads them from a file.

    Arguments:
        frames: (T, H, W) in DN, of any number type whose values uint16 or float32 can hold.
        stated: what the file states, once for all frames or frame by frame.
        name: what distinguishes the stack from others of its file, such as the name of a position; it may be empty.
        key: the same for the names of stored bursts; the name if it is empty.
        clean: (H, W) in DN, or None.
        notes: what a user should know about the reading.
        files: the files that hold the frames, if they are not the one that was asked for alone.
    """

    frames: Frames
    stated: Stated | Sequence[Stated] = Stated()
    name: str = ""
    key: str = ""
    clean: np.ndarray | None = None
    notes: Sequence[str] = ()
    files: Sequence[Path] = ()


class Source(NamedTuple):
    """A stack with what is known about its files.

    Arguments:
        stack: the frames.
        where: the file or folder that messages name.
        provenance: as :func:`n2nf_core.importers.provenance.source_of` gives it.
        scene: name of the scene.
        places: name of every frame in messages; empty for "frame t".
    """

    stack: Stack
    where: str | Path
    provenance: dict
    scene: str
    places: Sequence[object] = ()


def read_stacks(
    paths: Sequence[Path],
    folder: Path | None,
    options: Options,
    *,
    read: Callable[[Path], Sequence[Stack]],
    importer: str,
) -> Iterator[Burst]:
    """The bursts of files: one per stack and setting, or those of a folder whose files hold one frame each.

    Arguments:
        paths: the files, in order.
        folder: the folder that holds them; None for a single file.
        options: settings that the user gave.
        read: file -> its stacks.
        importer: name of the importer, for the provenance.

    Errors: BurstError as in :func:`bursts_of`, and for files of a folder that differ in size or type of numbers.
    """
    found: dict[tuple, tuple[Path, Stack]] = {}
    for path in paths:
        for k, stack in enumerate(read(path)):  # a file set is read from each of its files, and used once
            found.setdefault((tuple(stack.files or [path]), k), (path, stack))
    if folder is not None and len(found) > 1 and all(stack.frames.shape[0] == 1 for _, stack in found.values()):
        yield from bursts_of([_joined(list(found.values()), folder, importer)], options)
        return
    sources = []
    for path, stack in found.values():
        source = source_of(stack.files or [path], path, importer)
        if stack.name:
            source["name"] += f"_{stack.key or stack.name}"
        sources.append(Source(stack, path, source, f"{stem_of(path)} {stack.name}".strip()))
    yield from bursts_of(sources, options)


def _joined(found: list[tuple[Path, Stack]], folder: Path, importer: str) -> Source:
    """One source of the single frames of a folder's files."""
    paths, stacks = zip(*found, strict=True)
    check_same(folder, [stack.frames.shape[1:] for stack in stacks], paths)
    check_same(folder, [np.dtype(stack.frames.dtype).newbyteorder("=") for stack in stacks], paths)
    stated = [one for stack in stacks for one in _each(stack)]
    notes = list(dict.fromkeys(note for stack in stacks for note in stack.notes))
    frames = JoinedFrames([stack.frames for stack in stacks])
    joined = Stack(frames, stated, notes=notes, clean=next((s.clean for s in stacks if s.clean is not None), None))
    return Source(joined, folder, source_of(list(dict.fromkeys(paths)), folder, importer), folder.name, paths)


def _each(stack: Stack) -> list[Stated]:
    return [stack.stated] * len(stack.frames) if isinstance(stack.stated, Stated) else list(stack.stated)


def bursts_of(sources: Sequence[Source], options: Options) -> Iterator[Burst]:
    """One burst for every setting of every source. Options replace what the files state; notes say what is assumed.

    All bursts whose white level is not stated get the same one. A last row or column of odd number is cut off, with a
    note.

    Errors: BurstError for frames that are not (T, H, W), for settings that cannot be told apart
    (:func:`n2nf_core.importers.stated.by_setting`), and for a white level that cannot be known.
    """
    groups = []
    for source in sources:
        _check_shape(source)
        places = source.places or [f"frame {t}" for t in range(len(source.stack.frames))]
        settings = by_setting(source.where, _each(source.stack), places, options)
        groups.extend((source, setting) for setting in settings)
    silent = {id(source): source for source, setting in groups if setting.stated.white is None}
    extents = {key: extent_of(source.stack.frames) for key, source in silent.items()}
    stated = {setting.stated.white for _, setting in groups} - {None}
    white, note = None, ""
    if silent and len(stated) == 1:
        (white,), note = stated, "white level not stated: that of the source's other bursts assumed"
    elif silent:
        places = {source.where: None for source in sources}
        where = sources[0].where if len(places) == 1 else Path(sources[0].where).parent
        white, note = white_of(join(extents.values()), where)
    for source, setting in _told_apart(groups, options):
        if setting.stated.white is None:
            setting.notes.append(note)
            setting = setting._replace(stated=setting.stated._replace(white=white))
        yield _burst(source, setting, extents.get(id(source)))


def _check_shape(source: Source) -> None:
    shape, kind = source.stack.frames.shape, source.stack.frames.dtype.kind
    if len(shape) != 3 or kind not in "uif":
        raise BurstError(
            f"{source.where}: frames must be numbers (T, H, W), got {source.stack.frames.dtype} of shape "
            f"{tuple(shape)}: save one array of integers or floats with three axes"
        )
    clean = source.stack.clean
    if clean is not None and (clean.shape != tuple(shape[1:]) or clean.dtype.kind not in "uif"):
        raise BurstError(
            f"{source.where}: clean is {clean.dtype} {clean.shape}, but a frame is {tuple(shape[1:])}: save one image "
            "of that shape"
        )
    if min(shape) == 0:
        raise BurstError(f"{source.where}: it holds no frames, its shape is {' x '.join(map(str, shape))}")


def _told_apart(groups: list[tuple[Source, Setting]], options: Options) -> Iterator[tuple[Source, Setting]]:
    """The groups; if one camera and ISO would stand for several gains, the gain becomes a part of the camera's name.

    Noise models know camera and ISO only.
    """
    gains: dict[tuple, set] = {}
    for _, setting in groups:
        one = setting.stated
        gains.setdefault((one.camera, one.iso), set()).add((one.gain, one.mode))
    for source, setting in groups:
        one = setting.stated
        if len(gains[one.camera, one.iso]) > 1 and options.iso is None:
            told = [f"gain {worded(one.gain)}"] if one.gain is not None else []
            name = ", ".join([one.camera or DEFAULT_CAMERA, *told, *([one.mode] if one.mode else [])])
            setting.notes.append(f"camera named {name!r}, because the source has several gains or modes at one ISO")
            setting = setting._replace(stated=one._replace(camera=name))
        yield source, setting


def _burst(source: Source, setting: Setting, extent: Extent | None) -> Burst:
    stack, known, notes = source.stack, setting.stated, [*source.stack.notes, *setting.notes]
    black = _or_default(known.black, 0.0, "black level", notes)
    cfa = _or_default(known.cfa, raw.MONO, "CFA", notes)
    camera = _or_default(known.camera, DEFAULT_CAMERA, "camera", notes)
    iso = _or_default(known.iso, DEFAULT_ISO, "ISO", notes)
    stored = _stored_type(stack.frames, extent, source.where)
    size = tuple(stack.frames.shape[1:])
    try:
        even = raw.even(np.empty(size, np.uint8))
        height, width = (side // 2 for side in raw.unify(even, cfa).shape)
        levels, clean = raw.unify_levels(raw.four_levels(black), cfa), stack.clean
        rows, columns = raw.crop_of(cfa)
        if clean is not None:
            clean = raw.pack(raw.unify(raw.even(torch.from_numpy(np.asarray(clean, dtype=np.float32))), cfa))
            clean = raw.normalise(clean, levels, known.white).numpy()
    except ValueError as error:
        raise BurstError(f"{source.where}: {error}") from None
    if even.shape != size:
        notes.append(f"frames of {worded(size)} cropped to {worded(even.shape)}, into 2x2 cells")
    planes = partial(_planes, stack.frames, setting, cfa, stored)
    frames = LazyFrames(planes, len(setting.frames), setting.dtype(stored), range(height), range(width))
    for note in amplifier_note(frames[0]):
        notes.append(note)
        warnings.warn(f"{source.where}: {note}", BurstWarning, stacklevel=2)
    if math.prod(frames.shape) * frames.dtype.itemsize <= HELD:
        frames = frames[:]
    provenance = {**source.provenance, "crop": [rows, columns], "notes": notes}
    if setting.label:
        provenance["name"] += f"_{setting.label}"
    provenance |= {name: value for name in _KEPT if (value := getattr(known, name)) is not None}
    return Burst(
        frames, levels, known.white, raw.unified(cfa), camera, float(iso), source.scene, clean, provenance=provenance
    )


def _planes(frames: Frames, setting: Setting, cfa: str, stored: np.dtype, k: int) -> np.ndarray:
    mosaic = raw.even(np.asarray(frames[setting.frames[k]])).astype(stored)
    return setting.levelled(k, raw.pack(raw.unify(mosaic, cfa)))


def _or_default(value, default, what: str, notes: list[str]):
    if value is None:
        notes.append(f"{what} not stated: {default} assumed")
        return default
    return value


def _stored_type(frames: Frames, extent: Extent | None, where: str | Path) -> np.dtype:
    """uint16 if it holds the values of ``frames``, else float32. BurstError for integers beyond 2^24."""
    if frames.dtype.kind == "f":
        return np.dtype(np.float32)
    if frames.dtype.kind == "u" and frames.dtype.itemsize <= 2:
        return np.dtype(np.uint16)
    low, high = (extent or extent_of(frames))[:2]
    if max(-low, high) > 2**24:
        raise BurstError(
            f"{where}: values from {low} to {high} do not fit into float32 without loss: divide them by a constant"
        )
    return np.dtype(np.uint16 if low >= 0 and high <= np.iinfo(np.uint16).max else np.float32)
