"""Which noise term finds the true density? Regret of every term on worlds of known density, with the denoiser frozen.

    python -m benchmarks.worlds [--models sensor_flow] [--checkpoint FILE] [--seeds 3] [--only TEXT] [--json FILE]

One denoiser per world and seed is trained on pairs and then frozen; every flow of --models starts from photon transfer
and is trained with each term for equally many steps; "joint_recommended" trains both models with the recommended term,
and "recommended" among --terms stands for the term that is recommended there. Of a Sensor Flow, gain, read noise and
row noise are written as ratios to the truth.
--checkpoint gives the authors' released model, whose noise is then one of the worlds. Results are written after every
training; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from n2nf_core import evaluation, losses
from n2nf_core.baselines import GaussianNoise
from n2nf_core.flow import SensorFlow, noise_flow, sensor_flow
from n2nf_core.official import load_official
from n2nf_core.simulation import known_worlds
from n2nf_core.simulation.densities import RowNoise
from n2nf_core.study import results
from n2nf_core.training import FitConfig, Profile, Recipe

SIZES = Profile(scenes=6, size=96, patch=24, batch=16, features=16, pretrain=400, joint=200)
NOISE_LR = 2e-2  # row noise starts at a sixth of what it is in a world, and Adam moves its logarithm by so much a step
FRAMES = 8
MODELS = {"noise_flow": noise_flow, "sensor_flow": sensor_flow}


class Case:
    """One world and seed: its bursts, a denoiser that is trained once, and the regret of a model of the noise."""

    def __init__(self, world, seed: int, frames: int, folder: Path):
        sizes = {"size": SIZES.size, "frames": frames}
        self.world = world
        train = world.bursts(scenes=SIZES.scenes, seed=seed, **sizes)
        self.held = evaluation.held_out_patches(world.bursts(scenes=3, size=SIZES.size, frames=2, seed=1000 + seed))
        self.recipe = Recipe(train, SIZES, seed, folder)
        self.denoiser = self.recipe.pretrain(log_every=10_000, checkpoint_every=10_000).denoiser
        self.recommendation = self.recipe.recommend(self.denoiser)
        self.true_nll = evaluation.nll(world.truth, self.held)

    def regret(self, model) -> tuple[float, list[float]]:
        """NLL(model) - NLL(truth), nats per dimension, with its interval over places."""
        return evaluation.interval(evaluation.nll(model, self.held) - self.true_nll, self.held.place)

    def recovered(self, flow: SensorFlow) -> dict[str, dict[str, float]]:
        """Gain, read noise and row noise of every setting, standard deviations of both, divided by their true values.

        Empty for a world whose truth is not a table of noise level functions.
        """
        truth, found = self.world.truth, {}
        for camera, row in flow.describe().items() if isinstance(truth, GaussianNoise) else ():
            for iso, numbers in row.items():
                shot, read = truth.table[camera][iso]
                ratios = {"gain": numbers.gain / shot, "read": numbers.read / math.sqrt(read)}
                if isinstance(truth, RowNoise):
                    ratios["row"] = numbers.row / math.sqrt(truth.share * read)
                found[f"{camera} {iso:g}"] = ratios
        return found

    def train(self, model: str, term: str, steps: int):
        """The flow after training with the term, with clean images, or jointly with the recommended term."""
        recipe, name = replace(self.recipe, noise_model=MODELS[model]), f"{model}-{term}-{steps}"
        if term == "joint_recommended":
            recipe = replace(recipe, noise_term="recommended")
            return recipe.train_jointly(self.denoiser, name=name, steps=steps, noise_lr=NOISE_LR).noise_model
        flow = recipe.new_noise_model()
        rates = {"noise_lr": NOISE_LR, "log_every": 10_000, "checkpoint_every": 10_000}
        config = FitConfig(steps=steps, seed=self.recipe.seed, **rates)
        if term == "clean":
            loss, pairs = partial(losses.supervised, mse_weight=0.0), recipe.pairs
        else:
            noise_term = self.recommendation.terms[term]
            loss, pairs = partial(losses.after_denoising, noise_term=noise_term), recipe.pairs_for(noise_term)
        return recipe.fit(self.denoiser, flow, loss, config, name, pairs=pairs).noise_model


def measure(case: Case, model: str, names: list[str], steps: int, row: dict, save) -> None:
    """Fill ``row`` with the regret of each term that it does not hold yet."""
    found = case.recommendation
    row["recommendation"] = {"choice": found.choice, "expected": dict(found.regrets)}
    row["settings"] = {f"{s.camera} {s.iso:g}": s.means() for s in found.settings}
    regrets = row.setdefault("regret", {})
    regrets["photon_transfer"] = case.regret(case.recipe.photon_transfer)
    for name in [found.choice if name == "recommended" else name for name in names] or ["clean", *found.terms]:
        if name in regrets or name not in (*found.terms, "clean", "joint_recommended"):
            continue
        start, flow = time.time(), case.train(model, name, steps)
        regrets[name] = case.regret(flow)
        if isinstance(flow, SensorFlow):
            row.setdefault("recovered", {})[name] = case.recovered(flow)
        row.setdefault("commits", {})[name] = results.commit()
        print(f"  {model} {name:26} {regrets[name][0]:.4f}   ({time.time() - start:.0f} s)", flush=True)
        save()


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="*", choices=MODELS, default=["noise_flow"])
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--steps", type=int, default=SIZES.joint)
    parser.add_argument("--only", default="", help="worlds whose name contains this")
    parser.add_argument("--terms", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=Path("runs/worlds"))
    parser.add_argument("--json", type=Path, default=Path("runs/worlds.json"))
    options = parser.parse_args()
    learned = {"released": load_official(options.checkpoint)[1]} if options.checkpoint else {}
    rows = json.loads(options.json.read_text())["rows"] if options.json.exists() else {}

    def save() -> None:
        given = " ".join(Path(argument).name for argument in sys.argv[1:])
        source = {"command": f"python -m benchmarks.worlds {given}", "commit": results.commit()}
        results.write_json(options.json, {"rows": rows, "sizes": vars(SIZES), "provenance": source})

    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name, world in known_worlds(learned).items():
            if options.only not in name:
                continue
            print(f"{name}, seed {seed}", flush=True)
            folder = options.out / f"{name}-{options.frames}-{seed}".replace(", ", "-")
            case = Case(world, seed, options.frames, folder)
            print(case.recommendation, flush=True)
            for model in options.models:
                key = f"{name}, {model}, {options.frames} frames, {options.steps} steps, seed {seed}"
                measure(case, model, options.terms, options.steps, rows.setdefault(key, {}), save)
            save()


if __name__ == "__main__":
    main()
