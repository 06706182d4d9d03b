"""Memory and time on large bursts: python -m benchmarks.memory [--json FILE] [--folder FOLDER] [--only TEXT].

Every case is a burst of simulated noise in one file format, written into a temporary folder. Every step runs in a
process of its own, and its peak is that above the interpreter with all its imports. ``seconds`` are those of the
processor, which other work on the machine hardly changes. ``seconds_per_megapixel_frame`` divides them by the
megapixels of all frames.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BLACK, WHITE = 64, 4095


@dataclass(frozen=True)
class Case:
    """``frames`` mosaics of height x width pixels in a file of the type ``suffix``."""

    frames: int
    height: int
    width: int
    suffix: str

    @property
    def name(self) -> str:
        """Such as "2 x 48.8 MP, tif"."""
        return f"{self.frames} x {self.megapixels:.3g} MP, {self.suffix}"

    @property
    def megapixels(self) -> float:
        """Of one frame."""
        return self.height * self.width / 1e6

    def mosaic(self, t: int) -> np.ndarray:
        """Frame ``t``: a ramp with shot noise of gain 1 and read noise of 3 DN."""
        rng = np.random.default_rng(t)
        signal = np.linspace(20, 3000, self.width, dtype=np.float32)
        noise = rng.standard_normal((self.height, self.width), dtype=np.float32) * np.sqrt(signal + 9)
        return np.clip(np.rint(signal + noise + BLACK), 0, WHITE).astype(np.uint16)


STORED = "burst.zarr"
CASES = (
    Case(2, 3024, 4032, STORED), Case(2, 6048, 8064, STORED), Case(10, 2752, 4128, STORED),
    Case(10, 5504, 8256, STORED), Case(200, 1000, 1500, STORED), Case(2, 6048, 8064, "tif"),
    Case(2, 6048, 8064, "npz"), Case(2, 6048, 8064, "dng"),
)  # fmt: skip


def write(case: Case, folder: Path) -> Path:
    """The case's file, or the folder of its files, one per frame."""
    from n2nf_core import raw
    from n2nf_core.bursts import Burst, LazyFrames, write_burst

    path = folder / f"case.{case.suffix}"
    if case.suffix == STORED:
        half = range(case.height // 2), range(case.width // 2)
        frames = LazyFrames(lambda t: raw.pack(case.mosaic(t)), case.frames, np.dtype(np.uint16), *half)
        return write_burst(Burst(frames, BLACK, WHITE, "RGGB", "camera", 100.0, "case"), path)
    if case.suffix == "tif":
        import tifffile

        with tifffile.TiffWriter(path) as file:
            for t in range(case.frames):
                file.write(case.mosaic(t), contiguous=True, photometric="minisblack")
    elif case.suffix == "npz":
        levels = {"black": BLACK, "white": WHITE, "cfa": "RGGB", "camera": "camera", "iso": 100}
        np.savez(path, frames=np.stack([case.mosaic(t) for t in range(case.frames)]), **levels)
    else:
        sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
        from cases.dng import write_dng

        path.mkdir()
        for t in range(case.frames):
            write_dng(path / f"frame_{t}.dng", case.mosaic(t), black=BLACK, white=WHITE)
    return path


def open_case(path: Path):
    """The bursts of a case; levels are given where the format does not state them."""
    from n2nf_core.importers import read_bursts

    return read_bursts(path, **({"black": BLACK, "white": WHITE, "cfa": "RGGB"} if path.suffix == ".tif" else {}))


def check(path: Path) -> None:
    """Read every frame once and check it."""
    from n2nf_core.bursts import check_burst

    for burst in open_case(path):
        check_burst(burst)


def convert(path: Path) -> None:
    """Store the bursts in our own format, as ``n2nf convert`` does."""
    from n2nf_core.bursts import write_burst

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for number, burst in enumerate(open_case(path)):
            write_burst(burst, Path(folder) / f"{number}.{STORED}")


def photon_transfer(path: Path) -> None:
    """The Gaussian line."""
    from n2nf_core import baselines
    from n2nf_core.bursts import recordings

    baselines.fit_photon_transfer(recordings(open_case(path)))


def mixture(path: Path) -> None:
    """The line with heavy tails."""
    from n2nf_core import baselines
    from n2nf_core.bursts import recordings

    baselines.fit_mixture(recordings(open_case(path)))


def scores(path: Path) -> None:
    """Scores of AWGN and of the noisy frames on the held-out rows."""
    from n2nf_core import baselines, evaluation
    from n2nf_core.bursts import train_test_split

    bursts = open_case(path)
    model = baselines.GaussianNoise({b.camera: {b.iso: (1e-4, 1e-5)} for b in bursts})
    _, test = train_test_split(bursts)
    evaluation.score_noise_models({"line": model}, evaluation.held_out_patches(test))
    evaluation.score_denoisers({"noisy": evaluation.noisy}, test)


def training(path: Path) -> None:
    """The recipe in the smoke profile: linear skip, photon transfer, pre-training, joint training."""
    from n2nf_core.bursts import train_test_split
    from n2nf_core.training import PROFILES, Recipe

    train, _ = train_test_split(open_case(path))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        Recipe(train, PROFILES["smoke"], 0, folder).train()


STEPS: dict[str, Callable[[Path], None]] = {
    "check": check, "convert": convert, "photon transfer": photon_transfer, "mixture": mixture, "scores": scores,
    "training": training,
}  # fmt: skip


def child(step: str, path: Path) -> None:
    """Run one step in this process and print its peak in bytes and its seconds."""
    import scipy.stats  # noqa: F401  what the steps import counts as part of the interpreter
    import torchmetrics.functional.image  # noqa: F401
    import zarr  # noqa: F401

    from benchmarks.timing import peak_bytes
    from n2nf_core import baselines, evaluation, importers, training  # noqa: F401

    start = time.process_time()
    peak = peak_bytes(lambda: STEPS[step](path))
    print(json.dumps({"peak_bytes": peak, "seconds": time.process_time() - start}))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(p.stat().st_size for p in ([path] if path.is_file() else path.rglob("*")) if p.is_file())


def measure(case: Case, folder: Path, steps: list[str]) -> list[dict]:
    """One row per step."""
    rows = []
    with tempfile.TemporaryDirectory(dir=folder) as place:
        path = write(case, Path(place))
        for step in steps:
            command = [sys.executable, "-m", "benchmarks.memory", "--child", step, str(path)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{case.name}, {step}: {done.stderr.strip().splitlines()[-1]}")
            found = json.loads(done.stdout.splitlines()[-1])
            rows.append(
                {
                    "case": case.name,
                    "step": step,
                    "file_megabytes": size_of(path) / 1e6,
                    "peak_megabytes": found["peak_bytes"] / 1e6,
                    "seconds": found["seconds"],
                    "seconds_per_megapixel_frame": found["seconds"] / (case.frames * case.megapixels),
                }
            )
            print(" ".join(f"{v:.3g}" if isinstance(v, float) else f"{v:22}" for v in rows[-1].values()), flush=True)
    return rows


def main() -> None:
    """Measure the cases, print a row per case and step, and write the rows where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the rows")
    parser.add_argument("--folder", type=Path, help="where the inputs are written for a while: 1.5 GB")
    parser.add_argument("--only", default="", help="text that the name of a case must contain")
    parser.add_argument("--steps", nargs="*", default=list(STEPS), choices=list(STEPS))
    parser.add_argument("--child", nargs=2, metavar=("STEP", "PATH"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.child[0], Path(args.child[1]))
        return
    rows = []
    for case in (case for case in CASES if args.only in case.name):
        rows += measure(case, args.folder, args.steps)
        if args.json:  # after each case, so that a run that is stopped has been kept
            from n2nf_core.study import results

            command = f"python -m benchmarks.memory --steps {shlex.join(args.steps)} --json FILE"
            source = {"command": command, "commit": results.commit()}
            results.write_json(args.json, {"rows": rows, "provenance": source})


if __name__ == "__main__":
    main()
