"""Damaged files: what reading makes of files in which bytes were changed, cut off, removed or added at random.

    python -m benchmarks.fuzz [--count 300] [--seed 0] [--formats npz tiff ...] [--json FILE]

Every damaged file is read in another process, with at most 10 s and 1 GiB of memory beyond the interpreter's. The
process reads many files, and a new one is started where it ended. A file that is read gives either the same burst or
model as the undamaged file, or one that differs with a word (a warning, or a note that the original has not), or one
that differs in silence. Formats without a checksum cannot tell a changed pixel, so differences in pixels alone are
counted apart from differences in settings, levels or shape.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.timing import kilobytes

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
LIMIT_S, LIMIT_BYTES = 10.0, 2**30
OUTCOMES = ("refused", "equal", "flagged", "pixels", "silent", "traceback", "crash", "hang")
"""refused: one line; pixels, silent: a difference in pixels alone, or in more, without a word."""


class Format(NamedTuple):
    """A format that is damaged.

    Arguments:
        write: folder -> the files that may be damaged; the folder is what is read, or it holds a single file.
        single: whether the only file of the folder is read, and not the folder.
    """

    write: Callable[[Path], list[Path]]
    single: bool


def _frames(count: int = 3) -> np.ndarray:
    rng = np.random.default_rng(7)
    ramp = np.linspace(100, 3000, 48 * 64).reshape(48, 64)
    return (ramp + rng.normal(0, 20, (count, 48, 64))).clip(0, 4095).astype(np.uint16)


def _npz(folder: Path) -> list[Path]:
    about = {"black": 64, "white": 4095, "cfa": "RGGB", "camera": "cam", "iso": 400}
    np.savez_compressed(folder / "s.npz", frames=_frames(), **about)
    return [folder / "s.npz"]


def _tiff(folder: Path) -> list[Path]:
    import tifffile

    tags = [(272, "s", 0, "Cam", True), (33421, "H", 2, (2, 2), True), (33422, "B", 4, (0, 1, 1, 2), True)]
    tags += [(34855, "H", 1, 800, True), (50714, "H", 1, 64, True), (50717, "H", 1, 4095, True)]
    with tifffile.TiffWriter(folder / "s.tif") as file:
        for frame in _frames():
            file.write(frame, photometric=32803, metadata=None, contiguous=False, extratags=tags)
    return [folder / "s.tif"]


def _fits(folder: Path) -> list[Path]:
    from astropy.io import fits

    hdu = fits.PrimaryHDU(_frames())
    hdu.header.update(INSTRUME="CAM", ISOSPEED=400, BAYERPAT="RGGB")
    hdu.writeto(folder / "s.fits", checksum=True)
    return [folder / "s.fits"]


def _zarr(folder: Path) -> list[Path]:
    from n2nf_core import raw
    from n2nf_core.bursts import Burst, write_burst

    planes = raw.pack(_frames())
    clean = planes.mean(0).astype(np.float32) / 4095
    burst = Burst(planes, 64.0, 4095.0, "RGGB", "cam", 400.0, "desk", clean)
    path = write_burst(burst, folder / "s.burst.zarr")
    return sorted(file for file in path.rglob("*") if file.is_file())


def _sidd(folder: Path) -> Path:
    """An instance whose folder has a name, as those of SIDD have, with which the metadata are compared."""
    from cases import sidd

    mosaics, instance = (_frames() / 4095).astype(np.float32), folder / "0001_001_S6_00100_00060_3200_L"
    sidd.write_instance(instance, "0001", mosaics, "GRBG", 100, clean=mosaics[:1])
    return instance


def _sidd_v5(folder: Path) -> list[Path]:
    return sorted(_sidd(folder).glob("*METADATA*"))


def _sidd_v73(folder: Path) -> list[Path]:
    return sorted(path for path in _sidd(folder).iterdir() if "METADATA" not in path.name)


def _dng(folder: Path) -> list[Path]:
    from cases.dng import write_dng

    for t, frame in enumerate(_frames()):
        how = {"compression": "jpeg", "compressionargs": {"lossless": True}} if t == 2 else {}
        write_dng(folder / f"f{t}.dng", frame, tiff=how)
    return sorted(folder.iterdir())


def _model(folder: Path) -> list[Path]:
    import torch

    from n2nf_core.denoisers import DnCNN
    from n2nf_core.export import save_model
    from n2nf_core.flow import noise_flow

    torch.manual_seed(0)
    about = {"camera": "cam", "iso": 400.0, "black": 64.0, "white": 4095.0}
    return [save_model(folder / "m.safetensors", noise_flow(["cam"], [400]), DnCNN(layers=3, features=4), about)]


FORMATS = {
    "npz": Format(_npz, True), "tiff": Format(_tiff, True), "fits": Format(_fits, True), "zarr": Format(_zarr, False),
    "sidd_v5": Format(_sidd_v5, False), "sidd_v73": Format(_sidd_v73, False), "dng": Format(_dng, False),
    "model": Format(_model, True),
}  # fmt: skip


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """``data`` after one damage at random: truncated, a bit or bytes changed, a block zeroed, removed or added."""
    size = len(data)
    kind, start = rng.integers(8), int(rng.integers(size))
    stop = min(size, start + int(rng.integers(1, 600)))
    changed = bytearray(data)
    if kind == 0:
        return data[:start]
    if kind == 1:
        changed[start] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        for k in rng.integers(0, size, int(rng.integers(1, 16))):
            changed[k] = int(rng.integers(256))
    elif kind == 3:
        changed[start:stop] = bytes(stop - start)
    elif kind == 4:
        changed[start:stop] = rng.bytes(stop - start)
    elif kind == 5:
        del changed[start:stop]
    elif kind == 6:
        changed[start:start] = rng.bytes(stop - start)
    else:  # in the first part of the file, where most formats have their structure
        changed[int(rng.integers(min(size, 1500)))] = int(rng.integers(256))
    return bytes(changed)


# The process that reads


def _outcome(path: Path) -> dict:
    """What reading ``path`` gives: its digests of pixels and of all else, with its notes and warnings, or the error."""
    from n2nf_core.bursts import BurstError
    from n2nf_core.files import CheckpointError

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            pixels, other, notes = _model_read(path) if path.suffix == ".safetensors" else _bursts_read(path)
        except (BurstError, CheckpointError) as error:
            return {"refused": str(error)}
        except Exception:
            return {"traceback": traceback.format_exc()[-1500:]}
    return {"pixels": pixels, "other": other, "notes": notes, "warnings": len(heard)}


def _bursts_read(path: Path) -> tuple[str, str, int]:
    from n2nf_core.importers import read_bursts

    pixels, other, notes = hashlib.sha256(), [], 0
    stated = {"white": 4095} if path.suffix == ".fits" else {}  # a header does not state it
    for burst in read_bursts(path, **stated):
        for t in range(len(burst)):
            pixels.update(np.ascontiguousarray(burst.frames[t]))
        pixels.update(b"" if burst.clean is None else np.ascontiguousarray(burst.clean))
        levels = [burst.black, burst.white, burst.cfa, burst.camera, burst.iso, burst.nlf]
        other.append([*levels, burst.shape, burst.clean is None])
        notes += len(burst.provenance.get("notes", ()))
    return pixels.hexdigest(), repr(other), notes


def _model_read(path: Path) -> tuple[str, str, int]:
    from n2nf_core.export import load_model

    denoiser, noise_model, about = load_model(path)
    values = hashlib.sha256()
    for model in (denoiser, noise_model):
        for tensor in model.state_dict().values():
            values.update(tensor.numpy())
    return values.hexdigest(), repr([about, str(denoiser), noise_model.isos]), 0


def child() -> None:
    """Answer each path on standard input with a line of JSON; at most 1 GiB of memory beyond the libraries'."""
    from n2nf_core import export, importers  # noqa: F401

    _outcome(Path("none.safetensors.npz"))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        answer = _outcome(Path(json.loads(line)))
        # VmHWM is of this program alone; what getrusage says includes the process that started it.
        answer["peak_mb"] = kilobytes(Path("/proc/self/status"), "VmHWM") // 1024
        print(json.dumps(answer), file=answers, flush=True)


class Child:
    """The process that reads; it is started again where it has ended."""

    def __init__(self):
        self.process = None

    def read(self, path: Path) -> dict:
        """The answer for ``path``, or ``crash`` or ``hang``."""
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, "-m", "benchmarks.fuzz", "--child"]
            quiet = {
                "stderr": subprocess.DEVNULL,
                "text": True,
                "cwd": ROOT,
                "env": {**os.environ, "OMP_NUM_THREADS": "1"},
            }
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **quiet)
            self.read_first()
        late = threading.Event()
        timer = threading.Timer(LIMIT_S, lambda: (late.set(), self.process.kill()))
        timer.start()
        try:
            print(json.dumps(str(path)), file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except OSError:
            answer = ""
        timer.cancel()
        if answer:
            return json.loads(answer)
        self.close()
        return {"hang": True} if late.is_set() else {"crash": self.process.returncode}

    def read_first(self) -> None:
        """Wait until the process has imported what it needs."""
        print(json.dumps("nowhere.npz"), file=self.process.stdin, flush=True)
        self.process.stdout.readline()

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def classified(answer: dict, original: dict) -> str:
    """One of :data:`OUTCOMES`."""
    for name in ("traceback", "crash", "hang"):
        if name in answer:
            return name
    if "refused" in answer:
        return "refused" if "\n" not in answer["refused"] else "traceback"
    if all(answer[name] == original[name] for name in ("pixels", "other")):
        return "equal"
    if answer["warnings"] > original["warnings"] or answer["notes"] > original["notes"]:
        return "flagged"
    return "pixels" if answer["other"] == original["other"] else "silent"


def fuzz(name: str, count: int, seed: int, child: Child, examples: list[str]) -> tuple[Counter, float, int]:
    """How often each outcome occurs, the longest time in seconds, and the largest memory in MB.

    Arguments:
        name: of the format.
        count: number of damaged files.
        seed: of the damages.
        child: reads the files.
        examples: is given what a reader of the table wants to see: silent differences and failures.
    """
    rng, found, longest, peak = np.random.default_rng([seed, *name.encode()]), Counter(), 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        whole, broken = Path(folder, "whole"), Path(folder, "broken")
        whole.mkdir()
        files = FORMATS[name].write(whole)
        target = files[0].relative_to(whole) if FORMATS[name].single else Path("s.burst.zarr" if name == "zarr" else "")
        original = child.read(whole / target)
        if "pixels" not in original:
            raise RuntimeError(f"{name}: the undamaged file is not read: {original}")
        for k in range(count):
            shutil.rmtree(broken, ignore_errors=True)
            shutil.copytree(whole, broken)
            file = broken / files[int(rng.integers(len(files)))].relative_to(whole)
            file.write_bytes(damaged(file.read_bytes(), rng))
            start = time.monotonic()
            answer = child.read(broken / target)
            longest = max(longest, time.monotonic() - start)
            peak = max(peak, answer.get("peak_mb", 0))
            outcome = classified(answer, original)
            found[outcome] += 1
            if outcome in OUTCOMES[4:]:
                examples.append(
                    f"{name} {k} {file.name} {outcome}: {json.dumps(answer)[-700:]} / {original['other'][:300]}"
                )
    return found, longest, peak


def table(run: dict) -> str:
    """The rows of a run as a Markdown table."""
    names = [*OUTCOMES, "longest_s", "peak_mb"]
    lines = [f"| format | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(str(row[one]) for one in names)} |" for name, row in run["formats"].items()]
    return "\n".join(lines)


def main() -> None:
    """Run the script with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", nargs="+", choices=sorted(FORMATS), default=list(FORMATS))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child()
        return
    reader, examples, rows = Child(), [], {}
    for name in args.formats:
        found, longest, peak = fuzz(name, args.count, args.seed, reader, examples)
        rows[name] = {
            **{outcome: found[outcome] for outcome in OUTCOMES},
            "longest_s": round(longest, 2),
            "peak_mb": peak,
        }
        print(name, rows[name], flush=True)
    reader.close()
    print("\n".join(examples))
    run = {"count": args.count, "seed": args.seed, "formats": rows}
    print(table(run))
    if args.json:
        from n2nf_core.study import results

        command = f"python -m benchmarks.fuzz --count {args.count} --seed {args.seed} --json FILE"
        source = {"command": command, "commit": results.commit()}
        results.write_json(args.json, run | {"provenance": source})


if __name__ == "__main__":
    main()
