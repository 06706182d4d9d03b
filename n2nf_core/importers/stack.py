"""What the importers share: the user's options, and a stack of mosaics (T, H, W) made into a burst."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from n2nf_core import raw
from n2nf_core.bursts import Burst, BurstError, BurstWarning

DEFAULT_CAMERA = "camera"
DEFAULT_ISO = 100.0


class Options(NamedTuple):
    """What a user says, or a file states, about its frames; None where nothing is known.

    black: DN, one value or four by position in the sensor's 2x2 cell. white: DN. cfa: one of raw.CFAS.
    """

    camera: str | None = None
    iso: float | None = None
    black: float | Sequence[float] | None = None
    white: float | None = None
    cfa: str | None = None

    def over(self, stated: Options) -> Options:
        """These options, and what ``stated`` knows where they are None."""
        return Options(*(mine if mine is not None else its for mine, its in zip(self, stated, strict=True)))

    def applied(self, burst: Burst) -> Burst:
        """``burst`` with what is set here in place of its own.

        BurstError for another CFA, and for new levels where clean or NLF are in units of the old ones.
        """
        if self.cfa is not None and self.cfa != burst.cfa:
            raise BurstError(f"{burst.scene}: a stored burst is {burst.cfa}; its CFA cannot become {self.cfa}")
        levels = self.black is not None or self.white is not None
        if levels and not (burst.clean is None and burst.nlf is None):
            raise BurstError(f"{burst.scene}: its clean reference and NLF fix its black and white level")
        given = {name: value for name, value in self._asdict().items() if value is not None}
        return replace(burst, **given) if given else burst


def stack_burst(
    frames: np.ndarray,
    options: Options,
    stated: Options,
    provenance: dict,
    *,
    scene: str,
    clean: np.ndarray | None = None,
) -> Burst:
    """A burst from mosaics (T, H, W), DN of any number type that uint16 or float32 holds.

    Options win over what the file states; defaults are noted in the provenance. clean: (H, W) in DN.
    BurstError for other shapes, odd sizes, and float frames without a white level.
    """
    where = provenance["source"]
    if frames.ndim != 3 or frames.dtype.kind not in "uif":
        raise BurstError(f"{where}: frames must be numbers (T, H, W), got {frames.dtype} {frames.shape}")
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
    """Bursts from files that ``read`` turns into (T, H, W): one per file, or one of a folder of single frames."""
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


def check_same(where: Path, values: Iterable[object], places: Iterable[object]) -> None:
    """BurstError, naming both places, when a value differs from the first: frames of a burst agree."""
    pairs = list(zip(values, places, strict=True))
    for value, place in pairs:
        if value != pairs[0][0]:
            first, there = map(_text, pairs[0])
            raise BurstError(f"{where}: frames differ, {first} in {there}, {_text(value)} in {_text(place)}")


def _text(value: object) -> str:
    if isinstance(value, Path):
        return value.name
    return " x ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def source_of(paths: Sequence[Path], source: Path, importer: str) -> dict:
    """The provenance of files: source, SHA-256 of their bytes (in order), importer, name for the burst."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    name = source.name if source.is_dir() else source.stem
    return {"source": source.name, "sha256": digest.hexdigest(), "importer": importer, "name": name}


def working_range(limit: float, black: float, brightest: float) -> float:
    """White level for frames that use less than 1/8 of their container: black + next of 1, 2, 5, 10, 20, ... DN.

    Otherwise ``limit``. Noise comparable with the unit interval is what KL bins and learning assume.

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
    """The white level: the option, what the file states, or the container's limit with its working range."""
    if option is not None:
        return float(option)
    if frames.dtype.kind == "f":
        if stated is None:
            raise BurstError(f"{where}: frames of {frames.dtype} without a white level: give white (and black)")
        return float(stated)
    limit = float(np.iinfo(frames.dtype).max)
    if stated is not None and stated != limit:
        return float(stated)
    white = working_range(limit, float(np.min(black)), float(frames.max()))
    if white != limit:
        note = f"white level {white:g} from the brightest pixel {frames.max():g}, not the container's {limit:g}"
        notes.append(note)
        warnings.warn(f"{where}: {note}; white= sets another", BurstWarning, stacklevel=3)
    return white


def _or_default(value, default, what: str, notes: list[str]):
    if value is None:
        notes.append(f"{what} not stated: {default} assumed")
        return default
    return value


def _storable(frames: np.ndarray, where: str) -> np.ndarray:
    """uint16 where that holds the values, else float32 where that does; BurstError for integers beyond 2^24."""
    if frames.dtype.kind == "f":
        return frames.astype(np.float32)
    low, high = int(frames.min()), int(frames.max())
    if low >= 0 and high <= np.iinfo(np.uint16).max:
        return frames.astype(np.uint16)
    if max(-low, high) > 2**24:
        raise BurstError(f"{where}: values from {low} to {high} do not fit into float32 exactly: scale them down")
    return frames.astype(np.float32)
