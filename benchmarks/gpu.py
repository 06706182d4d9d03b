"""One part of benchmarks/gpu.sh: python -m benchmarks.gpu PART FOLDER [--device cuda].

Every part writes FOLDER/PART.json, whole or not at all. On the CPU the sizes are those of a rehearsal.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import torch
from torch import nn

from benchmarks import cases, ceilings
from benchmarks.timing import interleaved
from n2nf_core import baselines, evaluation, metrics
from n2nf_core.bursts import train_test_split
from n2nf_core.denoisers import DnCNN
from n2nf_core.files import durable_replace
from n2nf_core.flow import NoiseFlow
from n2nf_core.losses import joint_loss
from n2nf_core.simulation import FIVE_CAMERAS, simulated_bursts
from n2nf_core.study import results
from n2nf_core.study.comparison import Comparison
from n2nf_core.training import STUDY, Profile, Recipe, fit
from n2nf_core.training.cuda_graph import Recorded
from n2nf_core.training.step import TrainingStep
from n2nf_core.types import NoisyPair


@dataclass(frozen=True)
class Sizes:
    """How much of everything.

    scenes: per camera and ISO, of the epoch. frame: (h, w) of planes. flow, likelihood, kl: patches of 32x32.
    convolutions: (channels, images, side) of those that are timed. matrix: side of the product that is timed.
    """

    profile: Profile
    scenes: int
    epoch_pairs: int
    evaluated_patches: int
    trial_steps: int
    network: cases.Network
    frame: tuple[int, int]
    flow: int
    likelihood: int
    kl: int
    convolutions: tuple[tuple[int, int, int], ...]
    matrix: int


PAPER = Sizes(STUDY["gpu"], 4, 162_288, 127_512, 200, cases.PAPER, cases.FRAME, 64, 256, 10_000, ceilings.SHAPES, 4096)
REHEARSAL = Sizes(
    replace(STUDY["smoke"], size=80, features=8), 1, 64, 200, 8, cases.Network("rehearsal", 8, nn.Identity, 2, 16),
    (40, 56), 4, 4, 50, ((64, 1, 32),), 256,
)  # fmt: skip

SHIPPED = "graph, denoiser compiled"
WAYS = {
    "eager": {"cuda_graph": False, "compile": False},
    "eager, denoiser compiled": {"cuda_graph": False, "compile": True},
    "graph": {"cuda_graph": True, "compile": False},
    "graph, denoiser compiled": {"cuda_graph": True, "compile": True},
}


def bench(sizes: Sizes, device: torch.device, folder: Path) -> dict:
    """The cases of benchmarks.bench that need no files, in one network."""
    ways = cases.steps_of(sizes.network, device, joint=True, compile=device.type == "cuda")
    rows = cases.compared(f"joint step, {sizes.network.name}", ways, 2 * sizes.network.batch, "images/s")
    rows += cases.flow_training(device, compile=False, patches=sizes.flow)
    rows += cases.frames(device, sizes.likelihood, (32, 32), f"{sizes.likelihood} patches")
    rows += cases.frames(device, 1, sizes.frame, "frame", repeats=3)
    return {"rows": rows + cases.kl(device, sizes.kl)}


class Setting:
    """The bursts, pairs and new models of notebook 40 for ``scenes`` scenes per camera and ISO."""

    def __init__(self, profile: Profile, scenes: int, folder: Path, seed: int = 0):
        self.truth = baselines.camera_nlf(sorted({camera for camera, _ in FIVE_CAMERAS}))
        bursts = simulated_bursts(self.truth, FIVE_CAMERAS, scenes=scenes, size=profile.size, seed=seed)
        self.train, self.test = train_test_split(bursts, seed=seed)
        self.recipe = Recipe(self.train, profile, seed, folder)
        self.comparison = Comparison(self.recipe)

    def models(self) -> tuple[nn.Module, NoiseFlow]:
        """A denoiser and a noise model, as every variant of the comparison begins with."""
        return self.recipe.new_denoiser(), self.recipe.new_noise_model()


def epoch(sizes: Sizes, device: torch.device, folder: Path) -> dict:
    """Joint training as the profile asks for it, two epochs; then where its time goes, and the other ways to train."""
    steps = -(-sizes.epoch_pairs // sizes.profile.batch)
    found: dict[str, object] = {"pairs": steps * sizes.profile.batch, "batch": sizes.profile.batch, "steps": steps}

    def keep(more: Mapping[str, object]) -> None:
        found.update(more)
        results.write_json(folder / "epoch.json", found)

    keep({"step_alone_seconds": recorded_step(sizes, device)})
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(sizes.profile, sizes.scenes, Path(scratch))
        run = partial(_train, setting, device, Path(scratch))
        epochs = run("epochs", 2 * steps, 16, **WAYS[SHIPPED])
        clock = [row["clock_seconds"] for row in epochs.pop("history")]
        keep({"way": SHIPPED, "epoch_seconds": clock[-1] - clock[len(clock) // 2 - 1], **epochs})
        keep(_shares(sizes, device, epochs["images_per_second"]))
        with durable_replace(folder / "profile.txt") as new:
            new.write_text(_profile(partial(run, "profiled", 40, 1, **WAYS[SHIPPED])))
        trials: dict[str, dict] = {}
        for name, options in WAYS.items():
            trial = run(name, sizes.trial_steps, 4, **options)
            trials[name] = trial | {"history": trial["history"][-1]}
            keep({"trials": trials})
    return found


def _shares(sizes: Sizes, device: torch.device, rate: float) -> dict[str, float]:
    """What the denoiser's arithmetic at ``rate`` images per second is of the card's ceilings."""
    types = {"bfloat16": torch.bfloat16, "float32": torch.float32}
    shapes, side = sizes.convolutions, sizes.matrix
    found = {f"conv_ceiling_{n}_flops": ceilings.convolution(device, t, shapes) for n, t in types.items()}
    found |= {f"matrix_ceiling_{n}_flops": ceilings.matrix_product(device, t, side) for n, t in types.items()}
    network = cases.Network("profile", sizes.profile.features, nn.Identity, patch=sizes.profile.patch)
    used = rate * network.operations
    return found | {
        "copy_bytes_per_second": ceilings.copy(device),
        "denoiser_flops": used,
        "share_of_conv_ceiling": used / found["conv_ceiling_bfloat16_flops"],
        "share_of_matrix_ceiling": used / found["matrix_ceiling_bfloat16_flops"],
    }


def recorded_step(sizes: Sizes, device: torch.device) -> float:
    """Seconds of the joint step alone on a batch that is there already, as training runs it."""
    cuda, profile = device.type == "cuda", sizes.profile
    flow = cases.perturbed_flow(device)
    denoiser = DnCNN(features=profile.features, norm=nn.Identity).to(device).train()
    model = TrainingStep(denoiser, flow, "bf16-mixed", compile=cuda).to(memory_format=torch.channels_last)
    rate = torch.tensor(1e-9, device=device) if cuda else 1e-9
    adam = torch.optim.Adam(model.parameters(), lr=rate, eps=1e-15, fused=True, capturable=cuda)

    def update(loss: Callable, pair: NoisyPair) -> torch.Tensor:
        adam.zero_grad(set_to_none=True)
        terms = model(loss, pair)
        terms.total.backward()
        adam.step()
        return torch.stack([term.detach() for term in terms])

    step = Recorded(update) if cuda else update
    pair = cases.batch_of(flow, profile.batch, profile.patch, profile.patch, device)

    def ten() -> None:
        for _ in range(10):
            step(joint_loss, pair)
        ceilings.wait(device)

    return statistics.median(interleaved({"step": ten}, 5)["step"]) / 10


def _train(
    setting: Setting, device: torch.device, scratch: Path, name: str, steps: int, rows: int,
    stop: Callable = lambda history: False, **options,
) -> dict:  # fmt: skip
    """Train new models for ``steps``; what became of them, with ``rows`` rows of history."""
    profile = replace(setting.recipe.profile, joint=steps)
    often = setting.recipe.profile.joint_training(0).checkpoint_every
    log = max(steps // rows, 1)
    config = profile.joint_training(0, device=device.type, log_every=log, checkpoint_every=often, **options)

    def clock() -> dict[str, float]:
        return {"clock_seconds": time.perf_counter()}

    result = fit(*setting.models(), setting.recipe.pairs, config, scratch / name, observe=clock, stop=stop)
    return {
        "images_per_second": result.images_per_second,
        "warm_up_seconds": result.warm_up_seconds,
        "history": result.history,
    }


def _profile(run: Callable) -> str:
    """Where ten steps spend their time, once everything has been compiled and recorded."""
    from torch.profiler import ProfilerActivity, profile, schedule

    cuda = [ProfilerActivity.CUDA] if torch.cuda.is_available() else []
    with profile(activities=[ProfilerActivity.CPU, *cuda], schedule=schedule(wait=20, warmup=5, active=10)) as watch:
        run(stop=lambda history: bool(watch.step()))
    key = "self_device_time_total" if cuda else "self_cpu_time_total"
    return watch.key_averages().table(sort_by=key, row_limit=40, max_name_column_width=70)


def evaluate(sizes: Sizes, device: torch.device, folder: Path) -> dict:
    """NLL and marginal KL of Noise Flow on held-out patches, and each of its parts."""
    with tempfile.TemporaryDirectory() as scratch:
        setting = Setting(sizes.profile, 1, Path(scratch))
        _, flow = setting.models()
    held = evaluation.held_out_patches(setting.test, sizes.profile.patch)
    times = -(-sizes.evaluated_patches // len(held.noise))
    rows = torch.arange(len(held.noise)).repeat(times)[: sizes.evaluated_patches]
    camera, iso = ([values[k] for k in rows.tolist()] for values in (held.camera, held.iso))
    held = evaluation.HeldOut(held.noise[rows], held.clean[rows], camera, iso, torch.arange(len(rows)) // 2).to(device)
    flow, truth = flow.to(device), setting.truth.to(device)
    held = held._replace(noise=evaluation.sample(truth, held, torch.Generator(device).manual_seed(0)))
    generator, seconds = torch.Generator(device).manual_seed(1), {}

    def timed(name: str, function: Callable[[], object]) -> object:
        found = []
        for _ in range(3):
            ceilings.wait(device)
            start = time.perf_counter()
            value = function()
            ceilings.wait(device)
            found.append(time.perf_counter() - start)
        seconds[f"{name}_first_seconds"], seconds[f"{name}_seconds"] = found[0], statistics.median(found[1:])
        return value

    nll = timed("nll", lambda: evaluation.nll(flow, held))
    sample = timed("sampling", lambda: evaluation.sample(flow, held, generator))
    kl = timed("marginal_kl", lambda: metrics.marginal_kl(held.noise, sample))
    timed("interval", lambda: evaluation.interval(nll, held.place))
    total = sum(seconds[f"{name}_seconds"] for name in ("nll", "sampling", "marginal_kl"))
    regret = (nll - evaluation.nll(truth, held)).mean()
    found = {"nll_nats_per_dim": nll.mean(), "kl_nats": kl.mean(), "regret_nats_per_dim": regret}
    return {"patches": len(rows), "evaluation_seconds": total, **seconds, **found}


def study(sizes: Sizes, device: torch.device, folder: Path) -> dict:
    """The variants of notebook 40 one after the other, each scored when it is finished, until SIGTERM ends it."""

    def end(number: int, frame: object) -> None:
        raise TimeoutError("the time for this part is over")

    signal.signal(signal.SIGTERM, end)
    profile, started, found = sizes.profile, time.perf_counter(), {}
    setting = Setting(profile, profile.scenes, folder.with_name(f"{folder.name}-trained"))
    content = {"data_seconds": time.perf_counter() - started, "variants": found}
    held = evaluation.held_out_patches(setting.test, profile.patch).to(device)
    setting.truth.to(device)
    try:
        for name in ("pretrained", "pair_difference", "noise2noiseflow", "noise2noise", "n2n_nf"):
            found[name] = _variant(setting, held, name, device)
            results.write_json(folder / "study.json", content | {"finished": False})
    except TimeoutError:
        done = sorted(Path(setting.recipe.folder).glob("*/checkpoints/*/state.json"), key=lambda p: p.stat().st_mtime)
        state = json.loads(done[-1].read_text()) if done else {"step": 0, "history": []}
        variant = done[-1].parents[2].name.rsplit("-", 1)[0] if done else ""
        stopped = {"stopped_in": variant, "at_step": state["step"], "last": state["history"][-1:]}
        return content | {"finished": False, **stopped}
    return content | {"finished": True}


def _variant(setting: Setting, held: evaluation.HeldOut, name: str, device: torch.device) -> dict:
    """Train one variant and score its models."""
    started = time.perf_counter()
    run = setting.comparison.get(name)
    trained, flow = time.perf_counter(), run.noise_model.to(device)
    row = {"steps": run.result.history[-1]["step"], "images_per_second": run.result.images_per_second}
    if name != "pretrained":
        row |= evaluation.score_noise_models({name: flow}, held, setting.truth)[name]
    flow.cpu()
    scored = time.perf_counter()
    return row | {"last": run.result.history[-1], "train_seconds": trained - started, "score_seconds": scored - trained}


def collect(sizes: Sizes, device: torch.device, folder: Path) -> dict:
    """What the parts have left, in one, and what it was measured on."""
    found = {part: json.loads(path.read_text()) for part in PARTS if (path := folder / f"{part}.json").exists()}
    suite = ElementTree.parse(folder / "tests.xml").getroot()[0] if (folder / "tests.xml").exists() else None
    counts = {} if suite is None else {k: int(suite.get(k)) for k in ("tests", "failures", "errors", "skipped")}
    cuda = device.type == "cuda"
    source = {
        "command": f"benchmarks/gpu.sh OUT --device {device.type}",
        "commit": results.commit(),
        "device": torch.cuda.get_device_name() if cuda else "cpu", "driver": _driver() if cuda else None,
        "torch": torch.__version__, "cuda": torch.version.cuda, "threads": torch.get_num_threads(),
    }  # fmt: skip
    return {"device_tests": counts} | found | {"provenance": source}


def _driver() -> str:
    import subprocess

    question = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    return subprocess.run(question, capture_output=True, text=True).stdout.strip()


PARTS: dict[str, Callable[[Sizes, torch.device, Path], dict]] = {
    "bench": bench,
    "epoch": epoch,
    "evaluation": evaluate,
    "study": study,
}


def main() -> int:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("part", choices=[*PARTS, "collect"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("error: no CUDA device here; --device cpu rehearses without one", file=sys.stderr)
        return 2
    sizes = REHEARSAL if device.type == "cpu" else PAPER
    function = (PARTS | {"collect": collect})[options.part]
    content = function(sizes, device, options.folder)
    name = "gpu" if options.part == "collect" else options.part
    print(results.write_json(options.folder / f"{name}.json", content).read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
