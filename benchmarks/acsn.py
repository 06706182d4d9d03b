"""How well is the noise of a real sCMOS sensor described, without clean images? python -m benchmarks.acsn FILE

FILE is acsn_scmos_tirf_200hz.npz, 20 frames of a static scene (Mandracchia et al., Nature Communications 11, 2020). A
Sensor Flow is trained with the recommended term on rows 0 to 183 and scored on rows 192 to 255: NLL of
sqrt(19/20) (y - mean of the other 19 frames) at the mean of all frames, in nats per pixel, where the unit is
(DN - 100) / 100 whatever the white level is said to be.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import torch

from n2nf_core.bursts import train_test_split
from n2nf_core.flow import sensor_flow
from n2nf_core.importers import read_bursts
from n2nf_core.study import results
from n2nf_core.training import Profile, Recipe

SIZES = Profile(scenes=1, size=128, patch=64, batch=8, features=8, pretrain=60, joint=100)
UNIT = 100.0  # DN


@torch.no_grad()
def held_nll(model, burst) -> float:
    """NLL of the leave-one-out residuals, whole rows at once, in nats per pixel of [0, 1] units."""
    frames = burst.planes(slice(None))
    count, mean = len(frames), frames.mean(0, keepdim=True).expand_as(frames)
    context = model.context(mean, burst.camera, burst.iso)
    noise = math.sqrt(count / (count - 1)) * (frames - mean)  # sqrt((T - 1)/T) (y - mean of the others)
    return -float(model.log_prob(noise, context).mean()) / noise[0].numel()


def main() -> None:
    """Train, score, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--white", type=float, help="DN; by default what the file states")
    parser.add_argument("--steps", type=int, default=SIZES.joint)
    parser.add_argument("--out", type=Path, default=Path("runs/acsn"))
    options = parser.parse_args()
    start = time.time()
    bursts = read_bursts(options.file, white=options.white)
    train, test = train_test_split(bursts)
    recipe = Recipe(train, SIZES, 0, options.out, noise_model=sensor_flow, noise_term="recommended")
    denoiser = recipe.pretrain().denoiser
    print(recipe.recommend(denoiser))
    flow = recipe.train_jointly(denoiser, noise_lr=2e-2, steps=options.steps).noise_model
    in_unit = math.log((bursts[0].white - bursts[0].black[0]) / UNIT)
    models = {"photon_transfer": recipe.photon_transfer, "sensor_flow": flow}
    found = {name: held_nll(model, test[0]) + in_unit for name, model in models.items()}
    print(*(f"{name:16} {value:.4f} nats per pixel" for name, value in found.items()), sep="\n")
    content = {"nll_nats_per_pixel": found, "white": bursts[0].white, "seconds": time.time() - start}
    source = {"command": "python -m benchmarks.acsn FILE", "commit": results.commit()}
    print(results.write_json(options.out / "acsn.json", content | {"provenance": source}))


if __name__ == "__main__":
    main()
