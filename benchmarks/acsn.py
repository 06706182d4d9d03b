"""How well is the noise of a real sCMOS sensor described, without clean images? python -m benchmarks.acsn FILE

FILE is acsn_scmos_tirf_200hz.npz, 20 frames of a static scene (Mandracchia et al., Nature Communications 11, 2020). A
Sensor Flow is trained with the recommended term on rows 0 to 183 and scored on rows 192 to 255: NLL of
sqrt(19/20) (y - mean of the other 19 frames) at the mean of all frames, in nats per pixel, where the unit is
(DN - 100) / 100 whatever the white level is said to be.

Two things are chosen before, by the same score on the last quarter of the training rows of flows that were trained on
the rows above: the weight of the denoised frames in the estimate of the signal, as measured or 0, and the number of
components of the mixture. The rows from 192 on have no part in the choice.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from n2nf_core import losses
from n2nf_core.bursts import train_test_split
from n2nf_core.flow import sensor_flow
from n2nf_core.importers import read_bursts
from n2nf_core.study import results
from n2nf_core.training import Profile, Recipe

SIZES = Profile(scenes=1, size=128, patch=64, batch=8, features=8, pretrain=60, joint=300)
TRIAL_STEPS = 100
UNIT = 100.0  # DN


class Choice(NamedTuple):
    """What is chosen on training rows.

    components: of the mixture. share: weight of the denoised frames in the estimate of the signal; None: as measured.
    """

    components: int
    share: float | None

    def __str__(self) -> str:
        share = "as measured" if self.share is None else f"{self.share:g}"
        return f"components {self.components}, denoised share {share}"


CHOICES = [Choice(components, share) for components in (3, 4) for share in (None, 0.0)]


@torch.no_grad()
def held_nll(model, burst) -> float:
    """NLL of the leave-one-out residuals, whole rows at once, in nats per pixel of [0, 1] units."""
    frames = burst.planes(slice(None))
    count, mean = len(frames), frames.mean(0, keepdim=True).expand_as(frames)
    context = model.context(mean, burst.camera, burst.iso)
    noise = math.sqrt(count / (count - 1)) * (frames - mean)  # sqrt((T - 1)/T) (y - mean of the others)
    return -float(model.log_prob(noise, context).mean()) / noise[0].numel()


def train(bursts, choice: Choice, steps: int, folder: Path) -> tuple[Recipe, object]:
    """A Sensor Flow trained on ``bursts`` with the recommended term, and the recipe."""
    recipe = Recipe(bursts, SIZES, 0, folder, noise_model=partial(sensor_flow, components=choice.components))
    denoiser = recipe.pretrain().denoiser
    found = recipe.recommend(denoiser)
    print(f"{choice}, {steps} steps\n{found}", flush=True)
    term = found.term
    if choice.share is not None and isinstance(term, losses.Reshaped):
        settings = tuple(setting._replace(denoised_share=choice.share) for setting in term.settings)
        term = replace(term, settings=settings)
    name = f"joint-{choice.components}-{choice.share}"
    options = {"noise_lr": 2e-2, "steps": steps, "name": name}
    return recipe, replace(recipe, noise_term=term).train_jointly(denoiser, **options).noise_model


def main() -> None:
    """Choose, train, score, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--white", type=float, help="DN; by default what the file states")
    parser.add_argument("--steps", type=int, default=SIZES.joint)
    parser.add_argument("--out", type=Path, default=Path("runs/acsn"))
    parser.add_argument("--json", type=Path, default=Path("runs/acsn.json"))
    options = parser.parse_args()
    start = time.time()
    bursts = read_bursts(options.file, white=options.white)
    in_unit = math.log((bursts[0].white - bursts[0].black[0]) / UNIT)
    rows, test = train_test_split(bursts)
    above, below = train_test_split(rows)
    trials = {}
    for choice in CHOICES:
        flow = train(above, choice, TRIAL_STEPS, options.out / "trials")[1]
        trials[choice] = held_nll(flow, below[0]) + in_unit
        print(f"{trials[choice]:.4f} nats per pixel on the last training rows", flush=True)
    chosen = min(trials, key=trials.get)
    recipe, flow = train(rows, chosen, options.steps, options.out)
    models = {"photon_transfer": recipe.photon_transfer, "sensor_flow": flow}
    found = {name: held_nll(model, test[0]) + in_unit for name, model in models.items()}
    print(*(f"{name:16} {value:.4f} nats per pixel" for name, value in found.items()), sep="\n")
    content = {"nll_nats_per_pixel": found, "chosen": str(chosen), "white": bursts[0].white}
    content |= {"trials": {str(choice): value for choice, value in trials.items()}}
    content |= {"seconds": time.time() - start, "processor_seconds": time.process_time()}
    source = {"command": "python -m benchmarks.acsn FILE --json FILE", "commit": results.commit()}
    print(results.write_json(options.json, content | {"provenance": source}))


if __name__ == "__main__":
    main()
