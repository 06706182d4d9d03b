"""Does the fast way train as well as the plain one? The same data, seeds and steps, both judged in float32.

    python -m benchmarks.quality [--out runs/quality] [--json benchmarks/quality.json]

Fast: bfloat16 denoiser, fused flow. Reference: float32, layer by layer. The paper's objective, in which the
flow sees the denoiser's output, on the least and the most noise that the simulator has: IP at ISO 100 and S6 at
ISO 3200. Interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
from contextlib import nullcontext
from pathlib import Path

import torch

from n2nf_core import baselines, evaluation, flow, fused, results
from n2nf_core.denoisers import DnCNN, linear_skip
from n2nf_core.pairs import PatchPairs
from n2nf_core.simulator import simulated_bursts
from n2nf_core.training import FitConfig, fit

SETTINGS, SEEDS = (("IP", 100), ("S6", 3200)), (0, 1, 2)
MODES = {
    "reference": ({"precision": "32-true"}, fused.layer_by_layer),
    "fast": ({"precision": "bf16-mixed"}, nullcontext),
}
LIMITS = {"nll_nats_per_dim": 0.002, "psnr_db": 0.05}


def trained(camera: str, iso: float, seed: int, options: dict, out: Path) -> dict[str, float]:
    """NLL and PSNR on held-out scenes after one training."""
    truth = baselines.camera_nlf([camera])
    bursts = simulated_bursts(truth, [(camera, iso)], scenes=8, size=128, seed=seed)
    train, test = evaluation.split(bursts, seed=seed)
    loader = PatchPairs(train, [camera], patch=32, batch=32, seed=seed)
    torch.manual_seed(seed)
    skip = linear_skip(loader.batch(k) for k in range(20))
    denoiser = DnCNN(features=32, norm=torch.nn.Identity, skip=skip)
    noise_model = flow.noise_flow([camera], evaluation.knots(train))
    config = FitConfig(steps=450, pretrain_steps=250, seed=seed, device="cpu", checkpoint_every=50, **options)
    run = fit(denoiser, noise_model, loader, config, out)
    held = evaluation.held_out(test)
    return {
        "nll_nats_per_dim": float(evaluation.nll(noise_model, held).mean()),
        "psnr_db": evaluation.score_denoisers({"d": evaluation.network(denoiser)}, test)["d"]["psnr_db"],
        "images_per_second": run.images_per_second,
    }


def compare(out: Path) -> list[dict]:
    """One row per setting and seed: both results and their differences, fast minus reference."""
    rows = []
    for camera, iso in SETTINGS:
        for seed in SEEDS:
            row: dict = {"camera": camera, "iso": iso, "seed": seed}
            for name, (options, context) in MODES.items():
                folder = out / f"{camera}-{iso}-{seed}-{name}"
                if not (folder / "scores.json").exists():
                    with context():
                        scores = trained(camera, iso, seed, options, folder)
                    results.write_json(folder / "scores.json", scores)
                row[name] = json.loads((folder / "scores.json").read_text())
            row |= {f"{key}_difference": row["fast"][key] - row["reference"][key] for key in LIMITS}
            print({key: value for key, value in row.items() if key not in MODES}, flush=True)
            rows.append(row)
    return rows


def main() -> None:
    """Compare, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/quality"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = compare(options.out)
    summary = {}
    for camera, iso in SETTINGS:
        for key, limit in LIMITS.items():
            found = [row[f"{key}_difference"] for row in rows if (row["camera"], row["iso"]) == (camera, iso)]
            mean, worst = statistics.mean(found), max(map(abs, found))
            summary[f"{camera} {iso} {key}"] = {"mean_difference": mean, "largest": worst, "limit": limit}
            verdict = "passes" if worst <= limit else ("mean passes" if abs(mean) <= limit else "FAILS")
            print(f"{camera} ISO {iso} {key}: mean {mean:+.5f}, largest {worst:.5f}, limit {limit}: {verdict}")
    if options.json:
        source = {"command": "python -m benchmarks.quality --json benchmarks/quality.json", "commit": results.commit()}
        results.write_json(options.json, {"rows": rows, "summary": summary, "provenance": source})


if __name__ == "__main__":
    main()
