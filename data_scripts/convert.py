"""Convert sources that the importers read to stored bursts: python data_scripts/convert.py IN [IN ...] OUT [options].

IN is a stack (.npz, .npy, .tif, .fits), a folder of camera RAW or DNG files, an SIDD folder, or stored bursts. OUT is a
folder, in which every burst becomes OUT/NAME.burst.zarr. Sources and SIDD instances are converted by --jobs processes
at the same time. Bursts that were converted before are kept, so the same call continues after it was stopped. If a
source fails, the others are still converted. Then the exit status is 1, and standard error has one line per failure.
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


def convert(sources: Sequence[Part], out: Path, *, jobs: int = CORES, overwrite: bool = False) -> Converted:
    """Write the bursts of all sources to ``out``, with several processes and a progress bar.

    A burst that exists and was made of the same source with the same settings is kept.

    Arguments:
        sources: parts of sources, as ``importers.parts`` gives them.
        out: the folder to write to.
        jobs: largest number of processes.
        overwrite: whether to replace bursts that exist.

    Errors: BurstError with one line per source that failed. It is raised after the others are converted.
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
        several = f"{len(failed)} of {len(sources)} sources failed, the others are converted:\n  "
        several += "\n  ".join(sorted(failed))
        raise BurstError(failed[0].removeprefix(f"{sources[0].label}: ") if single else several)
    return done


def _each(
    work: Callable[[Part], Converted], sources: Sequence[Part], processes: int
) -> Iterator[tuple[Part, Callable[[], Converted]]]:
    """Yield each part with a function that returns or raises the outcome of ``work`` for it, as they complete."""
    if processes < 2:
        yield from ((part, partial(work, part)) for part in sources)
        return
    context = multiprocessing.get_context("spawn")  # a forked process would inherit the locks of threads
    with ProcessPoolExecutor(processes, context, initializer=_start_worker) as pool:
        futures: dict[Future, Part] = {pool.submit(work, part): part for part in sources}
        try:
            yield from ((futures[future], future.result) for future in as_completed(futures))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _start_worker() -> None:
    """Print warnings in one line each, and end this process when its parent ends, in whatever way that happened."""
    warnings.showwarning = _show_warning
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def convert_part(part: Part, out: Path, overwrite: bool, threads: int) -> Converted:
    """Convert one part. If its name is known and a burst of that name is stored, the source is not even opened.

    Arguments:
        part: the part.
        out: the folder to write to.
        overwrite: whether to replace bursts that exist.
        threads: number of frames to write at the same time.

    Errors: BurstError for a source that cannot be read, FileExistsError for a stored burst of another source.
    """
    if part.name and not overwrite and (target := _target(out, part.name)).exists():
        _check_count(target, part)
        return Converted([], [target])
    done = Converted([], [])
    for burst in part.read():
        target = _target(out, burst.provenance.get("name") or burst.scene)
        if target.exists() and not overwrite and _same(burst, target):
            done.kept.append(target)
            continue
        for leftover in out.glob(f".{target.name}.*"):  # of a call that was killed
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
            "or replace the burst with --overwrite"
        )


def _same(burst: Burst, target: Path) -> bool:
    """Whether the burst stored at ``target`` was made of the same files with the same settings."""
    stored = open_burst(target)
    source = burst.provenance.get("sha256")
    return (
        source is not None
        and source == stored.provenance.get("sha256")
        and all(getattr(burst, name) == getattr(stored, name) for name in _SETTINGS)
    )


def reason(error: Exception) -> str:
    """What went wrong and where, in words for a user."""
    told = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"{error.filename}: {told}" if isinstance(error, OSError) and error.filename else str(told)


def _show_warning(message, *_, **__) -> None:
    print(f"warning: {message}", file=sys.stderr)


def run(main: Callable[[], None]) -> None:
    """Call ``main``.

    An error that the user can correct becomes one line and exit status 1, a warning becomes one line.
    """
    warnings.showwarning = _show_warning
    try:
        main()
    except (BurstError, OSError) as error:
        sys.exit(f"error: {reason(error)}")
    except KeyboardInterrupt:
        sys.exit("interrupted; no incomplete file has a final name: run the same command again to continue")


def report(done: Converted) -> None:
    """Print the paths written, and how many bursts were kept."""
    for path in sorted(done.written):
        print(path)
    if done.kept:
        print(
            f"{len(done.kept)} bursts were converted already and are kept; --overwrite converts them again",
            file=sys.stderr,
        )


def main() -> None:
    """Run the script with the arguments of the command line."""
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
