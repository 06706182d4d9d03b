"""How fast frames come from disk to patches, and from other files to bursts: python -m benchmarks.data [--json FILE].

Every row compares medians of interleaved calls in one run: ``ratio`` is the reference's time divided by ours, so 1 is
as fast as the reference and more is faster. Rates are decoded frames, 1 MB = 10^6 bytes. Files are in the page cache.
Needs the packages of the tests, whose writers make the files that are read.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import h5py
import numpy as np
import rawpy
import torch
from numcodecs import blosc

from benchmarks.timing import interleaved
from n2nf_core.bursts import Burst, open_burst, write_burst
from n2nf_core.files import durable_replace
from n2nf_core.importers import Part, parts
from n2nf_core.importers.conversion import convert_part
from n2nf_core.pairs import PatchPairs, Reading, Sampling, grid_patches

_ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(_ROOT / "tests"))

from cases.dng import write_dng  # noqa: E402
from cases.sidd import write_instance  # noqa: E402

PATCH = 32
FRAME = (4, 1500, 2000)  # 12 megapixels as packed planes
MAT, DNG = (1500, 2000), (3000, 4000)  # pixels of the files that are imported
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
Row = dict[str, str | float]


def rows(scratch: Path) -> list[Row]:
    """All rows, measured on files written below ``scratch``."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        return [*reading(Path(folder)), *batches(), *streaming(Path(folder)), *imports(Path(folder))]


def mosaic(height: int, width: int, seed: int) -> np.ndarray:
    """A smooth scene with shot noise, 10 bit, uint16 (height, width)."""
    y, x = np.mgrid[0:height, 0:width]
    mean = 64 + 700 * (0.5 + 0.4 * np.sin(x / 300) * np.cos(y / 200))
    noise = np.random.default_rng(seed).standard_normal((height, width), dtype=np.float32)
    return np.clip(np.rint(mean + np.sqrt(mean) * noise), 0, 1023).astype(np.uint16)


def stored(folder: Path, dtype: type, count: int = 4) -> Path:
    """A stored burst of ``count`` frames of 12 megapixels; made once."""
    path = folder / f"{np.dtype(dtype).name}.burst.zarr"
    if not path.exists():
        frames = np.stack([mosaic(4 * FRAME[1], FRAME[2], seed).reshape(FRAME) for seed in range(count)])
        frames = frames if dtype == np.uint16 else (frames / np.float32(1023)).astype(np.float32)
        write_burst(Burst(frames, 0.0, 1023.0 if dtype == np.uint16 else 1.0, "RGGB", "S6", 800.0, path.name), path)
    return path


def row(name: str, unit: str, value: float, ours: Sequence[float], others: Sequence[float], reference: str) -> Row:
    """A row of the table; ``ratio`` from the medians of both."""
    ratio = statistics.median(others) / statistics.median(ours)
    return {"name": name, "value": value, "unit": unit, "ratio": ratio, "reference": reference}


def rates(megabytes: float, seconds: dict[str, list[float]], names: dict[str, str], reference: str) -> list[Row]:
    """Rows in MB/s of some of the timed functions, against one of them. names: timed name -> name of the row."""
    rate = {name: megabytes / statistics.median(times) for name, times in seconds.items()}
    text = f"{reference} at {rate[reference]:.0f} MB/s"
    return [row(shown, "MB/s", rate[key], seconds[key], seconds[reference], text) for key, shown in names.items()]


def reading(folder: Path) -> list[Row]:
    """Stored frames -> frames, planes, patches; against the bare decompressor, a read of the files, a memory copy."""
    found = []
    for dtype in (np.uint16, np.float32):
        path, kind = stored(folder, dtype), np.dtype(dtype).name
        burst = open_burst(path)
        files = sorted(path.glob("frames/c/*/0/0/0"))
        bodies, outs = [f.read_bytes()[:-4] for f in files], [np.empty(FRAME, dtype) for _ in files]
        megabytes = sum(out.nbytes for out in outs) / 1e6

        def each(function: Callable, *arguments: Sequence, workers: int) -> Callable[[], list]:
            return partial(_in_threads, function, arguments, workers)

        count = range(len(burst))
        seconds = interleaved(
            {
                "decompressor, 1 thread": each(blosc.decompress, bodies, outs, workers=1),
                f"decompressor, {CORES} threads": each(blosc.decompress, bodies, outs, workers=CORES),
                "file read": each(Path.read_bytes, files, workers=1),
                "memory copy": each(np.copy, outs, workers=1),
                "frames 1": each(burst.frames.__getitem__, count, workers=1),
                f"frames {CORES}": each(burst.frames.__getitem__, count, workers=CORES),
                f"planes {CORES}": each(burst.planes, count, workers=CORES),
                f"patches {CORES}": each(lambda t, b=burst: grid_patches(b.planes(t), PATCH), count, workers=CORES),
            }
        )
        shown = {"frames": "", "planes": " to planes", "patches": " to patches"}
        many = {f"{key} {CORES}": f"read {kind}{text}, {CORES} threads" for key, text in shown.items()}
        found += rates(megabytes, seconds, {"frames 1": f"read {kind}, 1 thread"}, "decompressor, 1 thread")
        found += rates(megabytes, seconds, many, f"decompressor, {CORES} threads")
        for reference in ("file read", "memory copy"):
            found += rates(megabytes, seconds, {f"frames {CORES}": f"read {kind}, {CORES} threads"}, reference)
    return found


def _in_threads(function: Callable, arguments: Sequence[Sequence], workers: int) -> list:
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, *arguments))


def batches() -> list[Row]:
    """Milliseconds per batch of patch pairs from bursts in memory, against slices of float32 planes, stacked."""
    frames = [np.stack([mosaic(1600, 500, 2 * k + t).reshape(4, 400, 500) for t in range(2)]) for k in range(12)]
    bursts = [Burst(f, 0.0, 1023.0, "RGGB", "S6", 800.0, f"scene {k}") for k, f in enumerate(frames)]
    planes = [burst.planes(slice(None)) for burst in bursts]
    found, step = [], iter(range(10**9))
    for batch in (32, 138):
        pairs = PatchPairs(bursts, ["S6"], Sampling(PATCH, batch))

        def plain(size: int = batch) -> None:
            rng = np.random.default_rng(next(step))
            scene, top, left = (rng.integers(0, high, size) for high in (12, 400 - PATCH, 500 - PATCH))
            for t in (0, 1):
                cut = [planes[s][t, :, y : y + PATCH, x : x + PATCH] for s, y, x in zip(scene, top, left, strict=True)]
                torch.stack(cut)

        for k in range(60):
            pairs.batch(k)
        seconds = interleaved({"ours": lambda p=pairs: p.batch(next(step)), "plain": plain}, repeats=41)
        value = 1e3 * statistics.median(seconds["ours"])
        reference = f"slices of float32 planes at {1e3 * statistics.median(seconds['plain']):.2f} ms"
        found.append(row(f"batch of {batch} patch pairs", "ms", value, *seconds.values(), reference))
    return found


def streaming(folder: Path) -> list[Row]:
    """Frames that pass through a window of pairs while patches are cut, against the decompressor on as many threads."""
    bursts = [open_burst(stored(folder, np.uint16)) for _ in range(6)]
    cache, steps = 3 * 2 * 2 * int(np.prod(FRAME)), 60

    def stream(workers: int) -> PatchPairs:
        return PatchPairs(bursts, ["S6"], Sampling(PATCH, batch=138), Reading(cache, 0.5, workers, ahead=6))

    def read(workers: int) -> None:
        taken = stream(workers).batches(0, "cpu")
        for _ in islice(taken, steps):
            pass
        taken.close()

    window = stream(0).in_memory
    frames = 2 * (window.count + (steps - 1) // window.batches_per_pair)
    bodies = [f.read_bytes()[:-4] for f in sorted(stored(folder, np.uint16).glob("frames/c/*/0/0/0"))]
    bodies = [bodies[k % len(bodies)] for k in range(frames)]
    outs = [np.empty(FRAME, np.uint16) for _ in bodies]
    decompressor = f"decompressor, {CORES} threads"
    timed = {"stream": partial(read, CORES), "caller": partial(read, 0)}
    timed[decompressor] = partial(_in_threads, blosc.decompress, (bodies, outs), CORES)
    names = {"stream": f"stream to patches, {CORES} threads", "caller": "stream to patches, no threads"}
    return rates(frames * 2e-6 * float(np.prod(FRAME)), interleaved(timed), names, decompressor)


def imports(folder: Path) -> list[Row]:
    """SIDD .MAT and DNG to stored bursts, by 1 and 2 processes that run already; against a bare read in one."""
    mats = [folder / "sidd" / f"{k:04d}_001_S6_00800_00350_5500_N" for k in range(4)]
    for k, instance in enumerate(mats):
        frames = [(mosaic(*MAT, 10 * k + t) / np.float32(1023)).astype(np.float32) for t in range(3)]
        write_instance(instance, f"{k:04d}", frames, "GRBG", 800)
    dngs = [folder / f"dng {k}" for k in range(2)]
    for k, one in enumerate(dngs):
        one.mkdir()
        for t in range(3):
            write_dng(one / f"{t}.dng", mosaic(*DNG, 10 * k + t), black=(0,) * 4, white=1023)
    mat_files = [path for instance in mats for path in instance.glob("*NOISY*")]
    dng_files = [path for one in dngs for path in one.glob("*.dng")]
    found = []
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        for kind, sources, read, files, size in (
            (".MAT", parts(folder / "sidd"), _h5, mat_files, 4e-6 * np.prod(MAT)),
            ("DNG", [part for one in dngs for part in parts(one)], _raw_image, dng_files, 2e-6 * np.prod(DNG)),
        ):
            names = {str(jobs): f"import {kind}, {jobs} process{'es' if jobs > 1 else ''}" for jobs in (1, 2)}
            reference = f"{read.__doc__} in one process"
            seconds = interleaved(
                {
                    "1": partial(_convert, sources, folder / "out", map),
                    "2": partial(_convert, sources, folder / "out", pool.map),
                    reference: lambda read=read, files=files: [read(path) for path in files],
                }
            )
            found += rates(size * len(files), seconds, names, reference)
    return found


def _convert(sources: Sequence[Part], out: Path, mapped: Callable) -> None:
    list(mapped(partial(convert_part, out=out, overwrite=True, threads=1), sources))


def _h5(path: Path) -> np.ndarray:
    """h5py"""
    with h5py.File(path) as file:
        return file["x"][()]


def _raw_image(path: Path) -> np.ndarray:
    """rawpy"""
    with rawpy.imread(str(path)) as file:
        return file.raw_image.copy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the rows to this file too")
    parser.add_argument("--scratch", type=Path, help="folder for about 1 GB of files; they are removed")
    args = parser.parse_args()
    found = rows(args.scratch or Path(tempfile.gettempdir()))
    print(f"{'':38}{'value':>10} {'':6}{'ratio':>6}  against")
    for one in found:
        print(f"{one['name']:38}{one['value']:10.2f} {one['unit']:6}{one['ratio']:6.2f}  {one['reference']}")
    if args.json:
        with durable_replace(args.json) as new:
            new.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
