"""Files of supported formats -> bursts. Every format has its own module; ``stack`` holds what they share.

A new format is a module with a function path -> stacks, as ``fits`` has it, and an entry in :data:`READERS`. A
:class:`Stack` holds frames (T, H, W) in DN and what the file states about each of them, as :class:`Stated`. Everything
that reads bursts then reads the format, compares the frames' settings, and asks for a white level that is not stated.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from numbers import Real
from pathlib import Path
from typing import NamedTuple

from n2nf_core.bursts import SUFFIX, Burst, BurstError, BurstWarning, check_burst, check_size, open_burst
from n2nf_core.bursts.checks.findings import warn
from n2nf_core.importers import camera_raw, fits, npz, sidd, tiff
from n2nf_core.importers.embedded import located
from n2nf_core.importers.options import Options
from n2nf_core.importers.stack import Stack, read_stacks
from n2nf_core.importers.stated import Stated
from n2nf_core.importers.texts import options_of
from n2nf_core.raw import crop_of, four_levels

__all__ = [
    "READERS", "Options", "Part", "Reader", "Stack", "Stated", "iter_bursts", "iter_trainable", "iter_unchecked",
    "located", "options_of", "parts", "read_bursts", "read_stacks",
]  # fmt: skip

Reader = Callable[[list[Path], Path | None, Options], Iterable[Burst]]
"""(files, the folder that they are all of or None for a single file, options) -> bursts, unchecked."""

_PICTURES = (".jpg", ".jpeg", ".png", ".heic", ".webp")
_PROCESSED = "Such a picture is processed: its noise is no longer that of the sensor. "

READERS: dict[str, Reader] = {
    ".npz": partial(read_stacks, read=npz.read_npz, importer="npz"),
    ".npy": partial(read_stacks, read=npz.read_npy, importer="npy"),
    **dict.fromkeys(tiff.SUFFIXES, partial(read_stacks, read=tiff.read_tiff, importer="tiff")),
    **dict.fromkeys(fits.SUFFIXES, partial(read_stacks, read=fits.read_fits, importer="fits")),
    **dict.fromkeys(camera_raw.SUFFIXES, camera_raw.read_raws),
}
"""Suffix, in lower case and with its dot -> what reads such files."""


def read_bursts(
    path: str | Path,
    *,
    camera: str | None = None,
    iso: float | None = None,
    black: float | Sequence[float] | None = None,
    white: float | None = None,
    cfa: str | None = None,
) -> list[Burst]:
    """All bursts that ``path`` holds, after the checks of :func:`n2nf_core.bursts.check_burst`.

    Arguments that are given replace what the file states.

    Arguments:
        path: a file or folder of a supported format, or the name of an embedded burst, ``esis`` or ``esis-dark``.
        camera: name of the camera.
        iso: ISO setting.
        black: black level in DN, one value or four by position in the sensor's 2x2 cell.
        white: white level in DN.
        cfa: colour filter of the 2x2 cell, one of ``raw.CFAS``.

    Errors: BurstError, one line that names the file, for a format that is not supported and for frames that fail the
    checks.
    """
    return list(iter_bursts(path, Options(camera, iso, black, white, cfa)))


def iter_bursts(path: str | Path, options: Options = Options()) -> Iterator[Burst]:  # noqa: B008 (immutable)
    """:func:`read_bursts`, one burst at a time, for sources that do not fit into memory together.

    A stored burst that was checked when it was written is not checked again. What was found then is said again.
    """
    for burst in iter_unchecked(path, options):
        known = burst.provenance
        same = "checked_sha256" in known and known["checked_sha256"] == known.get("frames_sha256")
        if same and options.black is None and options.white is None:
            warn(burst.scene, known["findings"])
            yield burst
        else:
            yield check_burst(burst)


def iter_trainable(path: str | Path, options: Options = Options()) -> Iterator[Burst]:  # noqa: B008 (immutable)
    """:func:`iter_bursts` for a training, so a burst that is too small to be split is refused, too."""
    for burst in iter_bursts(path, options):
        check_size(burst)
        yield burst


def iter_unchecked(path: str | Path, options: Options = Options()) -> Iterator[Burst]:  # noqa: B008 (immutable)
    """:func:`iter_bursts` without the checks.

    It is for a caller that checks the frames itself, as ``write_burst(..., check=)`` does.
    """
    for part in parts(path, options):
        yield from part.read()


class Part(NamedTuple):
    """A part of a source that can be read on its own, also in another process.

    Arguments:
        label: the part's name in messages.
        read: () -> its bursts, which have not been checked. It can be pickled.
        name: name of its single burst, where it is known before reading, else None.
        frames: number of frames of its single burst, where it is known before reading, else None.
    """

    label: str
    read: Callable[[], Iterable[Burst]]
    name: str | None = None
    frames: int | None = None


def parts(path: str | Path, options: Options = Options()) -> list[Part]:  # noqa: B008 (immutable)
    """The parts of ``path``, each of which can be read on its own.

    Errors: BurstError for a path that does not exist, a format that is not supported, and options out of range.
    """
    path, options = located(path), _checked(options)
    try:
        if not path.exists():
            raise BurstError(f"{path}: no such file or folder: check the name (esis is a burst that is built in)")
        found = _folder(path, options) if path.is_dir() else _file(path, options)
        if not found:
            why = _inner(path) if path.is_dir() else _PROCESSED if path.suffix.lower() in _PICTURES else ""
            raise BurstError(f"{path}: nothing here is understood. {why}Give one of: {_understood()}")
    except OSError as error:
        raise BurstError(f"{path}: cannot be read ({error.strerror}): check its name and its permissions") from error
    return found


def _checked(options: Options) -> Options:
    for name in ("iso", "white"):
        value = getattr(options, name)
        if value is not None and not (isinstance(value, Real) and math.isfinite(value) and value > 0):
            raise BurstError(f"{name} must be a number above 0, got {value!r}")
    try:
        if options.black is not None:
            four_levels(options.black)
        if options.cfa is not None:
            options = options._replace(cfa=str(options.cfa).strip().upper())
            crop_of(options.cfa)
    except ValueError as error:
        raise BurstError(str(error)) from None
    return options


def _inner(path: Path) -> str:
    """A sentence that names the subfolders of ``path`` that hold files of a supported format."""
    inner = sorted(one for one in path.iterdir() if one.is_dir())
    names = [one.name for one in inner if any(_reader(file) for file in one.iterdir())]
    return f"Its subfolders are not searched: give one of them ({', '.join(names[:5])}). " if names else ""


def _file(path: Path, options: Options) -> list[Part]:
    if path.suffix.lower() == ".mat":
        sidd.reject_single(path)
    reader = _reader(path)
    if reader:
        _check_content(path)
    return [Part(path.name, partial(reader, [path], None, options))] if reader else []


def _reader(path: Path) -> Reader | None:
    """What reads a file of this name; a suffix may have two parts, such as .fits.gz."""
    last, both = path.suffix.lower(), "".join(path.suffixes[-2:]).lower()
    return READERS.get(both) or READERS.get(last)


def _check_content(path: Path) -> None:
    if not path.is_file():
        raise BurstError(f"{path}: it is not a regular file but a pipe or a device: give a file, or remove it")
    if not os.access(path, os.R_OK):
        raise BurstError(f"{path}: cannot be read (Permission denied): check its permissions")
    if path.stat().st_size == 0:
        raise BurstError(f"{path}: the file is empty: copy it again, or remove it")


def _frame_files(folder: Path) -> list[Path]:
    """The files of a folder that a reader exists for, numbers in their names counted: frame_2 before frame_10.

    Folders and files whose name begins with a dot are left out, and links to nowhere with a warning.
    """
    found = []
    for path in sorted(folder.iterdir(), key=_natural):
        if path.name.startswith(".") or path.is_dir() or _reader(path) is None:
            continue
        if not path.exists():
            warnings.warn(f"{path}: a link to a file that does not exist: left out", BurstWarning, stacklevel=2)
            continue
        _check_content(path)
        found.append(path)
    return found


def _natural(path: Path) -> tuple[list, str]:
    words = re.split(r"(\d+)", path.name.lower())
    return [int(word) if word.isdecimal() else word for word in words], path.name


def _folder(path: Path, options: Options) -> list[Part]:
    stores = [path] if path.name.endswith(SUFFIX) else sorted(path.glob(f"*{SUFFIX}"))
    if stores:
        return [Part(store.name, partial(_stored, store, options)) for store in stores]
    if instances := sidd.instances(path):
        return [Part(one.name, partial(_sidd, one, options), one.name, len(one.files)) for one in instances]
    files = _frame_files(path)
    kinds = {_reader(file): file.name for file in files}
    if len(kinds) > 1:
        raise BurstError(
            f"{path}: frames of several kinds ({', '.join(kinds.values())}): keep one kind of file per folder"
        )
    return [Part(path.name, partial(read, files, path, options)) for read in kinds]


def _stored(path: Path, options: Options) -> list[Burst]:
    return [options.applied(open_burst(path))]


def _sidd(instance: sidd.Instance, options: Options) -> list[Burst]:
    return [sidd.read_instance(instance, options)]


def _understood() -> str:
    single = [suffix for suffix in READERS if suffix not in camera_raw.SUFFIXES]
    return (
        f"a *{SUFFIX} store or a folder of them, a {', '.join(single[:-1])} or {single[-1]} file, a folder of camera "
        "RAW or DNG files, a folder of single frames of one kind, an SIDD instance folder or SIDD's Data folder"
    )
