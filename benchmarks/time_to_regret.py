"""Regret of a noise model against computing time: python -m benchmarks.time_to_regret [--budgets 30 120]

On worlds of known density, bursts of 8 frames are all that is given. Half of the budget, in seconds of the processor on
one thread, trains a denoiser on pairs; then the noise term is recommended, and both models train jointly with it for
the other half. Both learning rates fall over their share of the time. Photon transfer, where every flow starts, needs
no training. Results are kept in --out as they come: the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks import worlds
from benchmarks.time_to_quality import MANY, until
from benchmarks.timing import processor
from benchmarks.worlds import MODELS, NOISE_LR
from n2nf_core import evaluation, losses
from n2nf_core.flow import nlf_flow
from n2nf_core.simulation import known_worlds
from n2nf_core.simulation.worlds import World
from n2nf_core.study import results
from n2nf_core.training import FitConfig, Recipe

WORLDS, BUDGETS = ("nlf, smooth", "tails, textured"), (30, 120)
SIZES = replace(worlds.SIZES, pretrain=MANY, joint=MANY)


def measure(world: World, model: str, budget: float, seed: int, folder: Path) -> dict:
    """The row of one training: regret with its interval over places, PSNR in dB, and what was spent, in seconds."""
    sizes = {"size": SIZES.size, "frames": 8}
    train = world.bursts(scenes=SIZES.scenes, seed=seed, **sizes)
    test = world.bursts(scenes=3, seed=1000 + seed, **sizes)
    held = evaluation.held_out_patches(test)
    true_nll = evaluation.nll(world.truth, held)

    def regret(noise_model) -> tuple[float, list[float]]:
        return evaluation.interval(evaluation.nll(noise_model, held) - true_nll, held.place)

    row: dict = {"photon_transfer": regret(Recipe(train, SIZES, seed, folder).photon_transfer)}
    begun = time.process_time()
    recipe = Recipe(train, SIZES, seed, folder, noise_model=MODELS[model])
    often = {"log_every": 10, "checkpoint_every": MANY, "precision": "32-true", "seed": seed}

    alone = FitConfig(steps=MANY, pretrain_steps=MANY, **often)
    start, untouched = recipe.new_denoiser(), nlf_flow(list(recipe.isos), recipe.isos)
    half = until(time.process_time(), begun + budget / 2)
    pretrained = recipe.fit(start, untouched, losses.denoiser_loss, alone, "alone", **half).denoiser
    term = recipe.recommend(pretrained).term
    both = FitConfig(steps=MANY, noise_lr=NOISE_LR, denoiser_lr=2e-4, **often)
    loss, pairs = recipe.joint_loss(term), recipe.pairs_for(term)
    flow, rest = recipe.new_noise_model(), until(time.process_time(), begun + budget)
    trained = recipe.fit(pretrained, flow, loss, both, "joint", pairs=pairs, **rest)
    row["seconds"] = time.process_time() - begun
    row["regret"], row["term"] = regret(trained.noise_model), str(getattr(term, "__name__", term)).split("(")[0]
    scores = evaluation.score_denoisers({"d": evaluation.network(trained.denoiser)}, test)
    return row | {"steps": trained.result.history[-1]["step"], "psnr_db": scores["d"]["psnr_db"]}


def table(content: dict) -> str:
    """One row per world, flow and budget; regrets in thousandths of a nat per dimension."""
    head = "| world | flow | seconds of one core | regret | photon transfer's | PSNR, dB |"
    lines = [head, "|---" * 6 + "|"]
    for row in content["rows"]:
        regrets = (
            f"{1000 * mean:.2f} [{1000 * low:.2f}, {1000 * high:.2f}]"
            for mean, (low, high) in (row["regret"], row["photon_transfer"])
        )
        flow, seconds, psnr = row["flow"].replace("_", " "), f"{row['seconds']:.0f}", f"{row['psnr_db']:.2f}"
        lines.append("| " + " | ".join((row["world"], flow, seconds, *regrets, psnr)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Every world, flow and budget that is not there yet; then the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--budgets", type=float, nargs="+", default=BUDGETS, help="seconds of the processor")
    parser.add_argument("--out", type=Path, default=Path("runs/time_to_regret"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = known_worlds()
    for name in WORLDS:
        for flow in MODELS:
            for budget in options.budgets:
                folder = options.out / f"{name}-{flow}-{budget:g}".replace(", ", "-")
                if not (folder / "row.json").exists():
                    found = measure(known[name], flow, budget, 0, folder)
                    results.write_json(folder / "row.json", {"world": name, "flow": flow, "budget": budget, **found})
    rows = [json.loads(path.read_text()) for path in options.out.glob("*/row.json")]
    rows.sort(key=lambda row: (row["world"], row["flow"], row["budget"]))
    source = {"command": "python -m benchmarks.time_to_regret", "commit": results.commit(), "processor": processor()}
    content = {"rows": rows, "provenance": source}
    print(table(content))
    results.write_json(options.out / "time_to_regret.json", content)


if __name__ == "__main__":
    main()
