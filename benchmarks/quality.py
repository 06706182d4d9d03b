"""Does the fast way train as well as the plain one? The same data, seeds and steps, both judged in float32.

    python -m benchmarks.quality [--out runs/quality] [--json benchmarks/quality.json]

Fast: bfloat16 denoiser, fused flow. Reference: float32, layer by layer. The paper's objective, in which the flow sees
the denoiser's output, on the least and the most noise that the simulator has: IP at ISO 100 and S6 at ISO 3200. Both
ways go on from one pre-trained denoiser; --from-scratch lets each pre-train its own, which tells less: trainings that
differ in rounding alone part ways at the high learning rate of the first steps. Interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import nullcontext
from pathlib import Path

import torch

from n2nf_core import baselines, evaluation
from n2nf_core.bursts import train_test_split
from n2nf_core.flow import fused, noise_flow
from n2nf_core.losses import cross_sample
from n2nf_core.simulation import simulated_bursts
from n2nf_core.study import results
from n2nf_core.training import PROFILES, Recipe

SETTINGS, SEEDS = (("IP", 100), ("S6", 3200)), (0, 1, 2)
MODES = {
    "reference": ({"precision": "32-true"}, fused.layer_by_layer),
    "fast": ({"precision": "bf16-mixed"}, nullcontext),
}
LIMITS = {"nll_nats_per_dim": 0.002, "psnr_db": 0.05}


class Case:
    """One setting and seed: data, pre-trained denoiser, and what each way makes of them."""

    def __init__(self, camera: str, iso: float, seed: int, out: Path):
        self.camera, self.seed = camera, seed
        bursts = simulated_bursts(baselines.camera_nlf([camera]), [(camera, iso)], scenes=8, size=128, seed=seed)
        self.train, self.test = train_test_split(bursts, seed=seed)
        self.recipe = Recipe(self.train, PROFILES["cpu"], seed, out, noise_term=cross_sample)

    def scores(self, name: str, from_scratch: bool) -> dict[str, float]:
        """NLL and PSNR on held-out scenes after joint training in one of the MODES."""
        options, context = MODES[name]
        with context():
            start = (name, options) if from_scratch else ("fast", MODES["fast"][0])
            common = {"device": "cpu", "checkpoint_every": 50}
            first = self.recipe.pretrain(name=f"pretraining-{start[0]}", steps=300, **common, **start[1])
            torch.manual_seed(self.seed)
            noise_model = noise_flow([self.camera], self.recipe.isos)
            given = {"name": f"{name}-{start[0]}", "steps": 200, **common, **options}
            denoiser, noise_model, run = self.recipe.train_jointly(first.denoiser, noise_model, **given)
            denoise = evaluation.network(denoiser)
            return {
                "nll_nats_per_dim": float(evaluation.nll(noise_model, evaluation.held_out_patches(self.test)).mean()),
                "psnr_db": evaluation.score_denoisers({"d": denoise}, self.test)["d"]["psnr_db"],
                "images_per_second": run.images_per_second,
            }


def compare(out: Path, from_scratch: bool) -> list[dict]:
    """One row per setting and seed: both results and their differences, fast minus reference."""
    rows = []
    for camera, iso in SETTINGS:
        for seed in SEEDS:
            case = Case(camera, iso, seed, out / f"{camera}-{iso}-{seed}")
            row: dict = {"camera": camera, "iso": iso, "seed": seed}
            row |= {name: case.scores(name, from_scratch) for name in MODES}
            row |= {f"{key}_difference": row["fast"][key] - row["reference"][key] for key in LIMITS}
            print({key: value for key, value in row.items() if key not in MODES}, flush=True)
            rows.append(row)
    return rows


def main() -> None:
    """Compare, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/quality"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--from-scratch", action="store_true")
    options = parser.parse_args()
    rows = compare(options.out, options.from_scratch)
    summary = {}
    for camera, iso in SETTINGS:
        for key, limit in LIMITS.items():
            found = [row[f"{key}_difference"] for row in rows if (row["camera"], row["iso"]) == (camera, iso)]
            mean, worst = statistics.mean(found), max(map(abs, found))
            summary[f"{camera} {iso} {key}"] = {"mean_difference": mean, "largest": worst, "limit": limit}
            verdict = "passes" if worst <= limit else ("mean passes" if abs(mean) <= limit else "FAILS")
            print(f"{camera} ISO {iso} {key}: mean {mean:+.5f}, largest {worst:.5f}, limit {limit}: {verdict}")
    if options.json:
        extra = " --from-scratch" if options.from_scratch else ""
        source = {"command": f"python -m benchmarks.quality{extra} --json FILE", "commit": results.commit()}
        results.write_json(options.json, {"rows": rows, "summary": summary, "provenance": source})


if __name__ == "__main__":
    main()
