"""Convert anything the importers read to stored bursts: python data_scripts/convert.py IN [IN ...] OUT [options].

IN: a stack (.npz, .tif, .fits), a folder of camera RAW/DNG, an SIDD folder, bursts. OUT: a folder; every burst
becomes OUT/NAME.burst.zarr. Sources and SIDD instances are converted by --jobs processes at the same time. What is
converted already is kept, so that the same call goes on where a killed one stopped. A source that fails does not stop
the others. Exit status 1 and a line per failure on standard error when something does not work.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from n2nf_core.bursts import SUFFIX, Burst, BurstCheck, BurstError, open_burst, write_burst
from n2nf_core.importers import Options, Part, parts
from n2nf_core.raw import CFAS

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
_SETTINGS = ("black", "white", "cfa", "camera", "iso", "shape")


class Converted(NamedTuple):
    """Paths of the bursts written now, and of those kept from an earlier call."""

    written: list[Path]
    kept: list[Path]


def store(bursts: Iterable[Burst], out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Write each burst as out/NAME.burst.zarr, NAME from its provenance or scene, and yield the path."""
    for burst in bursts:
        yield write_burst(burst, _target(out, burst.provenance.get("name") or burst.scene), overwrite=overwrite)


def convert(sources: Sequence[Part], out: Path, *, jobs: int = CORES, overwrite: bool = False) -> Converted:
    """Write the bursts of all ``sources`` to ``out``, by up to ``jobs`` processes, with a bar of progress.

    A burst that is there already, of the same source and settings, is kept. BurstError at the end, a line per
    failure, when sources failed; the bursts of the others are written.
    """
    done, failed = Converted([], []), []
    processes = min(jobs, len(sources))
    work = partial(convert_part, out=out, overwrite=overwrite, threads=max(1, jobs // max(processes, 1)))
    with tqdm(total=len(sources), desc="converting", unit="source", disable=len(sources) < 2) as bar:
        for part, result in _each(work, sources, processes):
            try:
                written, kept = result()
            except (BurstError, OSError) as error:
                failed.append(f"{part.label}: {reason(error)}")
            else:
                done.written.extend(written)
                done.kept.extend(kept)
            bar.update()
    if failed:
        single = len(sources) == 1
        several = f"{len(failed)} of {len(sources)} failed, the others are converted:\n  " + "\n  ".join(sorted(failed))
        raise BurstError(failed[0].removeprefix(f"{sources[0].label}: ") if single else several)
    return done


def _each(
    work: Callable[[Part], Converted], sources: Sequence[Part], processes: int
) -> Iterator[tuple[Part, Callable[[], Converted]]]:
    """(part, function that returns or raises what ``work`` did for it), as they are done."""
    if processes < 2:
        yield from ((part, partial(work, part)) for part in sources)
        return
    context = multiprocessing.get_context("spawn")  # a fork would inherit threads' locks
    with ProcessPoolExecutor(processes, context, initializer=_start_worker) as pool:
        futures: dict[Future, Part] = {pool.submit(work, part): part for part in sources}
        try:
            yield from ((futures[future], future.result) for future in as_completed(futures))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _start_worker() -> None:
    """Warnings in one line each; the process ends with the one that started it, however that ended."""
    warnings.showwarning = _show_warning
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def convert_part(part: Part, out: Path, overwrite: bool, threads: int) -> Converted:
    """Convert one part, ``threads`` frames at a time; a name that is known and stored is not even opened."""
    if part.name and not overwrite and (target := _target(out, part.name)).exists():
        _check_count(target, part)
        return Converted([], [target])
    done = Converted([], [])
    for burst in part.read():
        target = _target(out, burst.provenance.get("name") or burst.scene)
        if target.exists() and not overwrite and _same(burst, target):
            done.kept.append(target)
            continue
        for leftover in out.glob(f".{target.name}.*"):  # of a killed call
            shutil.rmtree(leftover)
        check = BurstCheck(burst)
        done.written.append(write_burst(burst, target, overwrite=overwrite, check=check, workers=threads))
    return done


def _target(out: Path, name: str) -> Path:
    plain = re.sub(r"[^\w.-]+", "_", name.removesuffix(SUFFIX))
    return out / f"{plain}{SUFFIX}"


def _check_count(target: Path, part: Part) -> None:
    count = len(open_burst(target))
    if part.frames not in (None, count):
        raise FileExistsError(
            f"{target} exists already with {count} frames, this source has {part.frames}: choose another folder, "
            "or overwrite it on purpose"
        )


def _same(burst: Burst, target: Path) -> bool:
    """Whether the burst stored at ``target`` was made of the same files with the same settings."""
    stored = open_burst(target)
    source = burst.provenance.get("sha256")
    return source is not None and source == stored.provenance.get("sha256") and all(
        getattr(burst, name) == getattr(stored, name) for name in _SETTINGS
    )


def reason(error: Exception) -> str:
    """What went wrong, and where, for a user."""
    told = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{error.filename}: {told}" if isinstance(error, OSError) and error.filename else str(told)


def _show_warning(message, *_, **__) -> None:
    print(f"warning: {message}", file=sys.stderr)


def run(main: Callable[[], None]) -> None:
    """Call ``main``; what a user can mend becomes one line and exit status 1, warnings one line each."""
    warnings.showwarning = _show_warning
    try:
        main()
    except (BurstError, OSError) as error:
        sys.exit(f"error: {reason(error)}")
    except KeyboardInterrupt:
        sys.exit("interrupted; nothing half-written stands under a final name, run again to go on")


def report(done: Converted) -> None:
    """Print the paths written, and how many were kept."""
    for path in sorted(done.written):
        print(path)
    if done.kept:
        print(f"{len(done.kept)} converted already and kept; --overwrite converts them again", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path, nargs="+", metavar="IN")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--camera", help="name of the camera")
    parser.add_argument("--iso", type=float, help="ISO setting")
    parser.add_argument("--black", type=float, nargs="+", help="black level in DN: one value, or four by CFA position")
    parser.add_argument("--white", type=float, help="white level in DN")
    parser.add_argument("--cfa", choices=CFAS, help="colour filter of the 2x2 cell")
    parser.add_argument("--jobs", type=int, default=CORES, help=f"processes ({CORES}, the cores of this machine)")
    parser.add_argument("--overwrite", action="store_true", help="replace bursts that exist")
    args = parser.parse_args()
    options = Options(args.camera, args.iso, args.black, args.white, args.cfa)
    found = [part for source in args.sources for part in parts(source, options)]
    report(convert(found, args.out, jobs=args.jobs, overwrite=args.overwrite))


if __name__ == "__main__":
    run(main)
