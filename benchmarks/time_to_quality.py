"""PSNR against computing time, ours beside others: python -m benchmarks.time_to_quality FILE [--peers PYTHON]

Two sets. FILE is acsn_scmos_tirf_200hz.npz, 20 frames of a static scene on an sCMOS sensor (Mandracchia et al., Nature
Communications 11, 2020): rows 0 to 183 are for training, rows 192 to 255 are scored, each frame against the mean of the
other 19, whose own noise is subtracted, in a data range of 100 DN. The other set is simulated: a phone camera of known
noise, smooth scenes, bursts of 8 frames, scored on other scenes against the clean signal.

Every training gets a budget in seconds of the processor, on one thread, and its learning rate falls over that budget.
--peers names the Python of an environment with the packages of benchmarks/peers/requirements.txt; without it, only ours
run. BM3D gets the frames as they are, and with their variance stabilised by the line of photon transfer. Results are
kept in --out as they come: the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.timing import processor
from n2nf_core import evaluation, losses, raw
from n2nf_core.baselines import fit_photon_transfer
from n2nf_core.bursts import Burst, recordings, train_test_split
from n2nf_core.denoisers import UNet
from n2nf_core.evaluation import classical_denoisers
from n2nf_core.evaluation.classical_denoisers import back, stabilise
from n2nf_core.flow import nlf_flow
from n2nf_core.importers import read_bursts
from n2nf_core.simulation import known_worlds
from n2nf_core.study import results
from n2nf_core.training import FitConfig, Profile, Recipe, cosine
from n2nf_core.training.recipe import dncnn

BUDGETS, SEEDS = (60, 180, 600), (0,)
PLACE = 16  # side of a place, in pixels of a plane
MANY = 10**7  # steps, more than any budget allows
PEERS = Path(__file__).parent / "peers"
CAREAMICS = "CAREamics Noise2Noise"


class Task(NamedTuple):
    """What is denoised: bursts to train on, bursts to score, and the data range of the PSNR in [0, 1] units."""

    train: list[Burst]
    test: list[Burst]
    data_range: float


def acsn(file: Path) -> Task:
    """A real sCMOS sensor; one burst, of which the last rows are scored."""
    train, test = train_test_split(read_bursts(file))
    return Task(train, test, 100.0 / float(test[0].white - test[0].black[0]))


def simulated() -> Task:
    """A Galaxy S6 at ISO 1600 in a world of smooth scenes."""
    world = known_worlds(scenes=["smooth"])["nlf, smooth"]
    sets = (world.bursts(scenes=n, size=96, frames=8, seed=seed) for n, seed in ((6, 0), (3, 1000)))
    train, test = ([burst for burst in bursts if burst.camera == "S6"] for bursts in sets)
    return Task(train, test, 1.0)


class Way(NamedTuple):
    """A denoiser: (task, budget, seed, folder) -> denoised bursts (T, 4, h, w) and seconds; whether it is trained."""

    run: Callable[[Task, float, int, Path], tuple[list[Tensor], dict[str, float]]]
    trained: bool = True


def until(begin: float, end: float) -> dict[str, Callable]:
    """``schedule`` and ``stop`` of a training that ends at ``end`` on time.process_time(), with rates that fall from
    ``begin`` on."""

    def share() -> float:
        return (time.process_time() - begin) / (end - begin)

    return {"schedule": lambda steps: cosine(min(share(), 1.0)), "stop": lambda history: share() > 1.0}


def network(
    build: Callable, features: int, patch: int, batch: int, task: Task, budget: float, seed: int, folder: Path
) -> tuple[list[Tensor], dict[str, float]]:
    """A network of ours, trained on the Noise2Noise term for the budget."""
    start = time.process_time()
    profile = Profile(scenes=1, size=0, patch=patch, batch=batch, features=features, pretrain=MANY, joint=MANY)
    recipe = Recipe(task.train, profile, seed, folder, denoiser=build, skip_size=7)
    config = FitConfig(steps=MANY, pretrain_steps=MANY, precision="32-true", log_every=100, checkpoint_every=MANY)

    def used() -> float:
        return time.process_time() - start

    how, untouched = until(start, start + budget), nlf_flow(list(recipe.isos), recipe.isos)
    trained = recipe.fit(recipe.new_denoiser(), untouched, losses.denoiser_loss, config, "training", **how)
    took, denoise = used(), evaluation.network(trained.denoiser)
    denoised = [denoise(burst) for burst in task.test]
    return denoised, {"training_seconds": took, "denoising_seconds": used() - took}


def unet(skip, profile) -> nn.Module:
    """A U-Net of depth 3."""
    return UNet(features=profile.features, depth=3, skip=skip)


def linear(task: Task, seed: int, folder: Path) -> evaluation.Denoise:
    """The linear skip alone: a filter of 7x7 planes by least squares."""
    profile = Profile(scenes=1, size=0, patch=32, batch=16, features=1, pretrain=1, joint=1)
    return evaluation.network(Recipe(task.train, profile, seed, folder, skip_size=7).linear_skip)


def wavelet(task: Task, seed: int, folder: Path) -> evaluation.Denoise:
    """A denoiser of scikit-image, with its parameters chosen on pairs."""
    return classical_denoisers.calibrate(classical_denoisers.wavelet(), task.train)


def untrained(
    prepare: Callable, task: Task, budget: float, seed: int, folder: Path
) -> tuple[list[Tensor], dict[str, float]]:
    """A denoiser that ``prepare`` makes at once, without a budget."""
    start = time.process_time()
    denoise = prepare(task, seed, folder)
    took = time.process_time() - start
    denoised = [denoise(burst) for burst in task.test]
    return denoised, {"training_seconds": took, "denoising_seconds": time.process_time() - start - took}


def planes_of(bursts: list[Burst]) -> Tensor:
    """(bursts, T, C, h, w): the mosaic of a monochrome sensor as one plane, or the four planes of a Bayer sensor."""
    frames = torch.stack([burst.planes(slice(None)) for burst in bursts])
    return raw.unpack(frames)[:, :, None] if bursts[0].cfa == raw.MONO else frames


def peer(
    script: str, python: str, stabilised: bool, task: Task, budget: float, seed: int, folder: Path
) -> tuple[list[Tensor], dict[str, float]]:
    """The same by a script of benchmarks/peers, which gets the planes in DN, or stabilised, and leaves a file."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    first = task.test[0]
    line = fit_photon_transfer(recordings(task.train))[1][first.camera][first.iso].nlf()
    unit = float(first.white - first.black[0])
    sets = {"train": planes_of(task.train), "test": planes_of(task.test)}
    ready = {key: (stabilise(x, line) if stabilised else unit * x).numpy() for key, x in sets.items()}
    np.savez(folder / "in.npz", **ready)
    command = [python, str(PEERS / script), str(folder / "in.npz"), str(folder / "out.npz"), str(budget), str(seed)]
    subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)
    with np.load(folder / "out.npz") as found:
        took = {key: float(found[key]) for key in ("training_seconds", "denoising_seconds")}
        planes = torch.from_numpy(found["denoised"])
    planes = back(planes, line) if stabilised else planes / unit
    return list(raw.pack(planes[:, :, 0]) if first.cfa == raw.MONO else planes), took


def squared_errors(denoised: list[Tensor], task: Task) -> list[float]:
    """Mean squared error of every place over its frames, without the reference's own noise, over the data range^2."""
    errors = []
    for estimate, burst in zip(denoised, task.test, strict=True):
        frames = burst.planes(slice(None))
        own = 0.0 if burst.clean is not None else frames.var(0) / (len(frames) - 1)
        error = ((estimate - burst.reference()).square().mean(0) - own).mean(0) / task.data_range**2
        height, width = (side // PLACE * PLACE for side in error.shape)
        places = error[:height, :width].reshape(height // PLACE, PLACE, width // PLACE, PLACE)
        errors += places.mean((1, 3)).flatten().tolist()
    return errors


def ways(python: str | None) -> dict[str, Way]:
    """Every denoiser by its name; those of others need ``python``."""
    found = {
        "linear filter": Way(partial(untrained, linear), trained=False),
        "wavelet": Way(partial(untrained, wavelet), trained=False),
        "DnCNN, 16 features": Way(partial(network, dncnn, 16, 32, 16)),
        "DnCNN, 32 features": Way(partial(network, dncnn, 32, 32, 16)),
        "U-Net, 24 features": Way(partial(network, unet, 24, 64, 4)),
    }
    if python:
        found["BM3D"] = Way(partial(peer, "bm3d_frames.py", python, False), trained=False)
        found["BM3D, stabilised"] = Way(partial(peer, "bm3d_frames.py", python, True), trained=False)
        found[CAREAMICS] = Way(partial(peer, "careamics_noise2noise.py", python, False))
    return found


def psnr(row: dict) -> float:
    """PSNR over all places, dB."""
    return -10 * float(np.log10(np.mean(row["squared_errors"])))


def table(content: dict) -> str:
    """One row per set, denoiser and budget: seconds, PSNR by seed, and distances to others.

    These are the better of the two BM3D, and CAREamics with the same budget.
    """
    rows = content["rows"]
    lines = ["| set | denoiser | seconds to train | to denoise | PSNR, dB | above BM3D, dB | above CAREamics, dB |"]
    lines.append("|---" * 7 + "|")
    for task, way, budget in sorted({(row["set"], row["way"], row["budget"]) for row in rows}):
        mine = [row for row in rows if (row["set"], row["way"], row["budget"]) == (task, way, budget)]
        rivals = [row for row in rows if row["set"] == task and row["way"].startswith("BM3D")]
        rival = max(rivals, key=psnr, default=None)
        same = next((r for r in rows if r["set"] == task and r["way"] == CAREAMICS and r["budget"] == budget), None)
        above = ["" if other is None or other in mine else _above(mine, other) for other in (rival, same)]
        seconds = " | ".join(
            f"{np.mean([row[k] for row in mine]):.1f}" for k in ("training_seconds", "denoising_seconds")
        )
        scores = ", ".join(f"{psnr(row):.2f}" for row in mine)
        lines.append(f"| {task} | {way} | {seconds} | {scores} | {above[0]} | {above[1]} |")
    return "\n".join(lines)


def _above(rows: list[dict], rival: dict) -> str:
    """The ratio of the errors in dB, and its 95 % interval by resampling places."""
    ours, theirs = np.mean([row["squared_errors"] for row in rows], 0), np.array(rival["squared_errors"])
    drawn = np.random.default_rng(0).integers(0, len(ours), (2000, len(ours)))
    gains = 10 * np.log10(theirs[drawn].mean(1) / ours[drawn].mean(1))
    low, high = np.quantile(gains, (0.025, 0.975))
    return f"{10 * np.log10(theirs.mean() / ours.mean()):+.2f} ({low:+.2f} to {high:+.2f})"


def main() -> None:
    """Every set, denoiser, budget and seed that is not there yet; then the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--peers", help="Python of the other packages' environment")
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS, help="seconds of the processor")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--only", nargs="+", default=[""], help="beginnings of denoisers' names; all by default")
    parser.add_argument("--out", type=Path, default=Path("runs/time_to_quality"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    tasks = {"ACsN": acsn(options.file), "simulated": simulated()}
    for task in tasks:
        for name, way in ways(options.peers).items():
            if not name.startswith(tuple(options.only)):
                continue
            for budget in options.budgets if way.trained else [0.0]:
                for seed in options.seeds if way.trained else [0]:
                    folder = options.out / f"{task}-{name}-{budget:g}-{seed}".replace(" ", "_").replace(",", "")
                    if (folder / "row.json").exists():
                        continue
                    denoised, took = way.run(tasks[task], budget, seed, folder)
                    row = {"set": task, "way": name, "budget": budget, "seed": seed, **took}
                    row["squared_errors"] = squared_errors(denoised, tasks[task])
                    results.write_json(folder / "row.json", row)
                    print(f"{task}, {name}, {budget:g} s, seed {seed}: {psnr(row):.2f} dB, {took}", flush=True)
    rows = [json.loads(path.read_text()) for path in sorted(options.out.glob("*/row.json"))]
    command = "python -m benchmarks.time_to_quality FILE --peers PYTHON"
    source = {"command": command, "commit": results.commit(), "processor": processor()}
    content = {"rows": rows, "provenance": source}
    print(table(content))
    results.write_json(options.out / "time_to_quality.json", content)


if __name__ == "__main__":
    main()
