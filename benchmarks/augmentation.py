"""CameraNoise beside Kornia's RandomGaussianNoise, on crops of 256x256 pixels, in turns in one run.

Kornia is no dependency of this project. Install it in an environment of its own, beside this package:

    python -m venv elsewhere && elsewhere/bin/pip install . kornia
    elsewhere/bin/python -m benchmarks.augmentation [--json FILE] [--device cuda]

Both get the same batch and the same number of threads. A ratio is the median over the rounds of CameraNoise's time
divided by Kornia's in the same round. The goals are at most 5 with a noise level function and at most 20 with a flow.
"""

from __future__ import annotations

import argparse
import json
import statistics

import torch

from benchmarks.timing import interleaved
from n2nf_core.export import CameraNoise
from n2nf_core.flow import nlf_flow, noise_flow

CROP = 256
GOALS = {"nlf": 5.0, "flow": 20.0}
FORMS = {"planes": 4, "mosaic": 1, "rgb": 3}


def measure(batch: int, rounds: int, device: str) -> list[dict]:
    """A row for every form of image and noise model: milliseconds per crop, and the ratio with its range.

    Arguments:
        batch: number of crops in a call.
        rounds: calls of each.
        device: of images and models.
    """
    from kornia.augmentation import RandomGaussianNoise

    models = {"nlf": nlf_flow(["S6"], [100, 3200]), "flow": noise_flow(["S6"], [100, 3200])}
    augment = {name: CameraNoise(model).to(device) for name, model in models.items()}
    kornia = RandomGaussianNoise(std=0.01, p=1.0)
    rows = []
    for form, channels in FORMS.items():
        images = torch.rand(batch, channels, CROP, CROP, device=device)

        def run(transform, images=images) -> None:
            transform(images)
            if device == "cuda":
                torch.cuda.synchronize()

        ways = {"kornia": lambda run=run: run(kornia)}
        ways |= {name: lambda run=run, one=one: run(one) for name, one in augment.items()}
        seconds = interleaved(ways, rounds)
        for name, goal in GOALS.items():
            ratios = [mine / its for mine, its in zip(seconds[name], seconds["kornia"], strict=True)]
            crop = {way: 1e3 * statistics.median(seconds[way]) / batch for way in (name, "kornia")}
            times = {"ms_per_crop": crop[name], "kornia_ms_per_crop": crop["kornia"]}
            ratio = {"ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios), "goal": goal}
            rows.append({"form": form, "model": name, "batch": batch, **times, **ratio})
    return rows


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = [row for batch in options.batch for row in measure(batch, options.rounds, options.device)]
    for row in rows:
        print(
            f"{row['form']:7} {row['model']:5} batch {row['batch']:2}  {row['ms_per_crop']:7.2f} ms a crop, Kornia "
            f"{row['kornia_ms_per_crop']:6.2f} ms: {row['ratio']:5.1f} times ({row['lowest']:.1f} to "
            f"{row['highest']:.1f}), goal {row['goal']:g}"
        )
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"threads": torch.get_num_threads(), "torch": torch.__version__, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
