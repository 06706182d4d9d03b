"""Sources that the importers read -> stored bursts, with several processes.

Every burst becomes OUT/NAME.burst.zarr. Bursts that were converted before are kept, so the same call continues after it
was stopped. If a source fails, in whatever way, the others are still converted. Two sources of one name are refused
before anything is written. A second call with the same OUT waits for the first.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from n2nf_core.bursts import SUFFIX, Burst, BurstCheck, BurstError, open_burst, write_burst
from n2nf_core.files import clear_leftovers, lock_of, locked, printable, reason
from n2nf_core.importers import READERS, Options, Part, parts
from n2nf_core.importers.conversion.processes import claim, claims, each

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_SETTINGS = ("black", "white", "cfa", "camera", "iso", "shape")


class Converted(NamedTuple):
    """Paths of bursts.

    Arguments:
        written: those that this call wrote.
        kept: those that an earlier call wrote.
    """

    written: list[Path]
    kept: list[Path]


def store(bursts: Iterable[Burst], out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Write each burst as out/NAME.burst.zarr and yield its path. NAME is from its provenance, or else its scene.

    Arguments:
        bursts: the bursts.
        out: the folder to write to.
        overwrite: whether to replace bursts that exist.

    Errors: FileExistsError for a burst that exists, unless it may be replaced.
    """
    for burst in bursts:
        yield write_burst(burst, _target(out, burst.provenance.get("name") or burst.scene), overwrite=overwrite)


class SourcesFailed(BurstError):
    """Some of several sources failed, and the others are converted; the message has one line for each that failed."""

    def __init__(self, failed: Sequence[str], count: int):
        super().__init__(f"{len(failed)} of {count} sources failed, the others are converted:")
        self.failed = sorted(map(printable, failed))

    def __str__(self) -> str:
        return "\n  ".join([super().__str__(), *self.failed])


def convert(
    sources: Sequence[Part], out: Path, *, jobs: int = CORES, overwrite: bool = False, failed: Sequence[str] = ()
) -> Converted:
    """Write the bursts of all sources to ``out``, with several processes and a progress bar.

    A burst that exists and was made of the same source with the same settings is kept. One that exists and cannot be
    opened is converted again, with a warning.

    Arguments:
        sources: parts of sources, as ``importers.parts`` gives them.
        out: the folder to write to.
        jobs: largest number of processes.
        overwrite: whether to replace bursts that exist.
        failed: one line for each source that has no parts because it cannot be read.

    Errors: BurstError before anything is written, if two sources have one name; SourcesFailed at the end.
    """
    _refuse_equal_names(sources)
    done, failed, count = Converted([], []), list(failed), len(sources) + len(failed)
    processes = min(jobs, len(sources))
    lock = lock_of(out)
    with (
        locked(lock, f"another process converts to {out}; waiting for it"),
        claims(lock.with_suffix(".names")) as names,
    ):
        clear_leftovers(out)
        options = {"overwrite": overwrite, "threads": max(1, jobs // max(processes, 1)), "names": names}
        with tqdm(total=len(sources), desc="converting", unit="source", disable=len(sources) < 2) as bar:
            for part, result in each(partial(convert_part, out=out, **options), sources, processes):
                if isinstance(result, Exception):
                    failed.append(_line(part.label, result))
                else:
                    done.written.extend(result.written)
                    done.kept.extend(result.kept)
                bar.update()
    if failed and count > 1:
        raise SourcesFailed(failed, count)
    if failed:
        raise BurstError(failed[0])
    return done


def parts_of(paths: Iterable[str | Path], options: Options) -> tuple[list[Part], list[str]]:
    """(parts of all sources, a line for each source that cannot be read).

    paths: files and folders. options: what the user gives about all of them.
    """
    found, failed = [], []
    for path in paths:
        try:
            for part in parts(path, options):
                found.append(part._replace(label=str(path)) if part.label == Path(path).name else part)
        except Exception as error:  # the others are still converted
            failed.append(_line(str(path), error))
    return found, failed


def _line(label: str, error: Exception) -> str:
    told = reason(error)
    return told if told.startswith(label) else f"{label}: {told}"


def _refuse_equal_names(sources: Sequence[Part]) -> None:
    """BurstError if two parts will have the same name. What a file of several bursts calls them is not known yet."""
    first: dict[str, Part] = {}
    for part in sources:
        suffixes = [suffix for suffix in (SUFFIX, *READERS) if part.label.lower().endswith(suffix)]
        name = part.name or Path(part.label).name[: -max(map(len, suffixes), default=0) or None]
        other = first.setdefault(_target(Path(), name).name, part)
        if other is not part:
            raise BurstError(
                f"{other.label} and {part.label} would both become {_target(Path(), name)}: rename one of them, or "
                "convert them to different folders"
            )


def convert_part(part: Part, out: Path, overwrite: bool, threads: int, names: Path | None = None) -> Converted:
    """Convert one part. If its name is known and a burst of that name is stored, the source is not even opened.

    Arguments:
        part: the part.
        out: the folder to write to.
        overwrite: whether to replace bursts that exist.
        threads: number of frames to write at the same time.
        names: a folder in which the parts of one call claim the names of their bursts; None for a single part.

    Errors: BurstError for a source that cannot be read, FileExistsError for a stored burst of another source, and for a
    name that another part of the same call has.
    """
    if part.name and not overwrite and (stored := _stored(target := _target(out, part.name))):
        _check_count(target, len(stored), part)
        return Converted([], [target])
    done = Converted([], [])
    for burst in part.read():
        target = _target(out, burst.provenance.get("name") or burst.scene)
        if names and not claim(names, target.name):
            raise FileExistsError(f"another source of this call became {target}: convert this one to another folder")
        stored = None if overwrite else _stored(target)
        if stored and _same(burst, stored):
            done.kept.append(target)
            continue
        damaged, check = target.exists() and not stored, BurstCheck(burst)
        written = write_burst(burst, target, overwrite=overwrite or damaged, check=check, workers=threads)
        done.written.append(written)
    return done


def _stored(target: Path) -> Burst | None:
    """The burst at ``target``; None if there is none, and with a warning if it is damaged."""
    if not target.exists():
        return None
    try:
        return open_burst(target)
    except BurstError as error:
        warnings.warn(f"{reason(error)}; it is converted again now", stacklevel=2)
        return None


def _target(out: Path, name: str) -> Path:
    plain = re.sub(r"[^\w.-]+", "_", name.removesuffix(SUFFIX))
    return out / f"{plain}{SUFFIX}"


def _check_count(target: Path, count: int, part: Part) -> None:
    if part.frames not in (None, count):
        raise FileExistsError(
            f"{target} exists already with {count} frames, this source has {part.frames}: choose another folder, "
            "or replace the burst with --overwrite"
        )


def _same(burst: Burst, stored: Burst) -> bool:
    """Whether the stored burst was made of the same files with the same settings."""
    source = burst.provenance.get("sha256")
    return (
        source is not None
        and source == stored.provenance.get("sha256")
        and all(getattr(burst, name) == getattr(stored, name) for name in _SETTINGS)
    )
