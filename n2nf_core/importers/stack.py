"""What the importers share: the user's options, and how a stack of mosaics (T, H, W) becomes a burst."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from n2nf_core import raw
from n2nf_core.bursts import Burst, BurstError, BurstWarning
from n2nf_core.importers.options import Options
from n2nf_core.importers.stated import check_same

DEFAULT_CAMERA = "camera"
DEFAULT_ISO = 100.0


def stack_burst(
    frames: np.ndarray,
    options: Options,
    stated: Options,
    provenance: dict,
    *,
    scene: str,
    clean: np.ndarray | None = None,
) -> Burst:
    """A burst made of mosaics. Options replace what the file states, and the provenance notes which defaults were used.

    Arguments:
        frames: (T, H, W) in DN, of any number type whose values uint16 or float32 can hold.
        options: settings that the user gave.
        stated: settings that the file states.
        provenance: where the frames come from, as :func:`source_of` gives it.
        scene: name of the scene.
        clean: (H, W) in DN, or None.

    Errors: BurstError for other shapes, for odd sizes, and for float frames without a white level.
    """
    where = provenance["source"]
    if frames.ndim != 3 or frames.dtype.kind not in "uif":
        raise BurstError(f"{where}: frames must be numbers (T, H, W), got {frames.dtype} of shape {frames.shape}")
    known, notes = options.over(stated), list(provenance.get("notes", ()))
    black = _or_default(known.black, 0.0, "black level", notes)
    white = _white(frames, options.white, stated.white, black, where, notes)
    cfa = _or_default(known.cfa, raw.MONO, "CFA", notes)
    try:
        levels = raw.unify_levels(raw.four_levels(black), cfa)
        planes = raw.pack(raw.unify(_storable(frames, where), cfa))
        if clean is not None:
            clean = raw.pack(raw.unify(torch.from_numpy(np.asarray(clean, dtype=np.float32)), cfa))
            clean = raw.normalise(clean, levels, white).numpy()
    except ValueError as error:
        raise BurstError(f"{where}: {error}") from None
    camera = _or_default(known.camera, DEFAULT_CAMERA, "camera", notes)
    iso = float(_or_default(known.iso, DEFAULT_ISO, "ISO", notes))
    provenance = {**provenance, "crop": list(raw.crop_of(cfa)), "notes": notes}
    return Burst(planes, levels, white, raw.unified(cfa), camera, iso, scene, clean, provenance=provenance)


def read_stacks(
    paths: Sequence[Path],
    folder: Path | None,
    options: Options,
    *,
    read: Callable[[Path], tuple[np.ndarray, Options]],
    importer: str,
) -> Iterator[Burst]:
    """The bursts of files: one burst per file, or one burst of a folder whose files hold one frame each.

    Arguments:
        paths: the files, in order.
        folder: the folder that holds them; None for a single file.
        options: settings that the user gave.
        read: file -> frames (T, H, W) in DN, and the settings that the file states.
        importer: name of the importer, for the provenance.
    """
    if folder is None:
        frames, stated = read(paths[0])
        source = source_of(paths, paths[0], importer)
        yield stack_burst(frames, options, stated, source, scene=paths[0].stem)
        return
    parts = [read(path) for path in paths]
    if all(len(frames) == 1 for frames, _ in parts):
        check_same(folder, [frames.shape[1:] for frames, _ in parts], paths)
        frames, stated = np.concatenate([frames for frames, _ in parts]), parts[0][1]
        yield stack_burst(frames, options, stated, source_of(paths, folder, importer), scene=folder.name)
        return
    for path, (frames, stated) in zip(paths, parts, strict=True):
        yield stack_burst(frames, options, stated, source_of([path], path, importer), scene=path.stem)


def source_of(paths: Sequence[Path], source: Path, importer: str) -> dict:
    """The provenance of files: source, SHA-256 of their bytes in order, importer, and a name for the burst.

    Arguments:
        paths: the files, in order.
        source: the file or folder that the burst is named after.
        importer: name of the importer.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    name = source.name if source.is_dir() else source.stem
    return {"source": source.name, "sha256": digest.hexdigest(), "importer": importer, "name": name}


def working_range(limit: float, black: float, brightest: float) -> float:
    """A white level for frames that use less than 1/8 of their container: black + the next of 1, 2, 5, 10, 20, ... DN.

    Otherwise it is ``limit``. The bins of the marginal KL and the training assume noise that is not
    tiny against the unit interval.

    Arguments:
        limit: largest value of the container, DN.
        black: black level, DN.
        brightest: largest value of the frames, DN.

    >>> working_range(65535, 100, 181)
    200.0
    """
    span = brightest - black
    if span <= 0 or span >= (limit - black) / 8:
        return float(limit)
    decade = 10.0 ** math.floor(math.log10(span))
    return float(black + next(step * decade for step in (1, 2, 5, 10) if step * decade >= span))


def _white(
    frames: np.ndarray, option: float | None, stated: float | None, black, where: str, notes: list[str]
) -> float:
    """The white level: the option, else what the file states, else that of :func:`working_range`."""
    if option is not None:
        return float(option)
    if frames.dtype.kind == "f":
        if stated is None:
            raise BurstError(
                f"{where}: frames of {frames.dtype} without a white level: give white, and black if it is not 0"
            )
        return float(stated)
    limit = float(np.iinfo(frames.dtype).max)
    if stated is not None and stated != limit:
        return float(stated)
    white = working_range(limit, float(np.min(black)), float(frames.max()))
    if white != limit:
        note = f"white level {white:g} from the brightest pixel {frames.max():g}, not the container's {limit:g}"
        notes.append(note)
        warnings.warn(f"{where}: {note}; give white to set another", BurstWarning, stacklevel=3)
    return white


def _or_default(value, default, what: str, notes: list[str]):
    if value is None:
        notes.append(f"{what} not stated: {default} assumed")
        return default
    return value


def _storable(frames: np.ndarray, where: str) -> np.ndarray:
    """The frames as uint16 if it holds their values, else as float32. BurstError for integers beyond 2^24."""
    if frames.dtype.kind == "f":
        return frames.astype(np.float32)
    low, high = int(frames.min()), int(frames.max())
    if low >= 0 and high <= np.iinfo(np.uint16).max:
        return frames.astype(np.uint16)
    if max(-low, high) > 2**24:
        raise BurstError(
            f"{where}: values from {low} to {high} do not fit into float32 without loss: divide them by a constant"
        )
    return frames.astype(np.float32)
