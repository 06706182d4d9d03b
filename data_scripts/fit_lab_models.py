"""Fit the noise lab's models to simulated pairs: python data_scripts/fit_lab_models.py OUT.

The cameras are three phones with the published camera NLF, physical sensors, whose density has no closed form, and a
sensor with telegraph noise; the sensors at several ISO values and exposures. Flows start from photon transfer and
minimise the pair-difference loss with the linear denoiser, which has a closed form. No clean image is read. A call that
was stopped continues when it is run again. It writes OUT/lab.safetensors and OUT/lab.json.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from n2nf_core import baselines, losses
from n2nf_core.baselines import CAMERA_NLF
from n2nf_core.bursts import Burst, recordings
from n2nf_core.export import model_file
from n2nf_core.files import durable_replace
from n2nf_core.simulation import dead_leaves, expose, physical_bursts, simulated_bursts
from n2nf_core.simulation.sensor_laws import ISOS, LAWS, telegraph_noise
from n2nf_core.study import results
from n2nf_core.training import PROFILES, Recipe
from n2nf_core.widgets import weights

PHONES = ("S6", "GP", "IP")
EXPOSURES = (1.0, 0.25, 0.06)
STEPS = {"nlf_flow": 300, "noise_flow": 2000, "sensor_flow": 1200}


def phone_bursts(scenes: int, seed: int) -> list[Burst]:
    """Bursts of every phone at every ISO for which it has a published NLF.

    Arguments:
        scenes: number of bursts per camera and ISO.
        seed: fixes scenes and noise.
    """
    settings = [(camera, iso) for camera in PHONES for iso in CAMERA_NLF[camera]]
    return simulated_bursts(baselines.camera_nlf(PHONES), settings, scenes=scenes, size=128, seed=seed)


def sensor_bursts(camera: str, scenes: int, seed: int) -> list[Burst]:
    """Bursts of one physical sensor at its ISO values, from bright to dark.

    Arguments:
        camera: name of the sensor in ``LAWS``.
        scenes: number of bursts per ISO and exposure.
        seed: fixes scenes and noise.
    """
    return [
        replace(burst, iso=iso)
        for k, iso in enumerate(ISOS)
        for j, exposure in enumerate(EXPOSURES)
        for burst in physical_bursts(
            LAWS[camera].at(iso), camera, scenes=scenes, size=128, seed=seed + 10 * k + j, exposure=exposure
        )
    ]


def telegraph_bursts(scenes: int, seed: int) -> list[Burst]:
    """Bursts of the invented sensor with telegraph noise at its ISO values, from bright to dark.

    Arguments:
        scenes: number of bursts per ISO and exposure.
        seed: fixes scenes and noise.
    """
    settings = [("telegraph", iso) for iso in ISOS]
    return [
        burst
        for k, exposure in enumerate(EXPOSURES)
        for burst in simulated_bursts(
            telegraph_noise(), settings, scenes=scenes, size=128, seed=seed + k, scene=partial(exposed, exposure)
        )
    ]


def exposed(exposure: float, *sizes: int, seed: int) -> Tensor:
    """Dead leaves (count, 4, height, width) times the exposure.

    Arguments:
        exposure: factor on the signal.
        sizes: count, height and width.
        seed: fixes the scenes.
    """
    return expose(dead_leaves(*sizes, seed=seed), exposure)


def fit_group(bursts: list[Burst], folder: Path, seed: int) -> dict:
    """AWGN, photon transfer and the flows of ``STEPS``, fitted to the pairs of bursts: kind -> model.

    Arguments:
        bursts: training bursts.
        folder: folder for checkpoints.
        seed: fixes weights, patches and noise of the training.
    """
    recipe = Recipe(bursts, replace(PROFILES["cpu"], batch=16), seed, folder)
    models = {"awgn": baselines.fit_awgn(recordings(bursts)), "photon_transfer": recipe.photon_transfer}
    options = {"precision": "32-true", "denoiser_lr": 1e-3, "noise_lr": 5e-3, "log_every": 100, "device": "cpu"}
    for kind, steps in STEPS.items():
        start = recipe.new_noise_model(model_file.BUILDERS[kind])
        trained = recipe.train_jointly(recipe.linear_skip, start, name=kind, steps=steps, **options)
        models[kind] = trained.noise_model
    return models


def nll(model, bursts: list[Burst]) -> float:
    """NLL of the noise of held-out bursts, whose clean signal is known, in nats per dimension.

    Arguments:
        model: the noise model.
        bursts: held-out bursts.
    """
    values = []
    for burst in bursts:
        clean = torch.as_tensor(burst.clean)[None]
        context = model.context(clean, burst.camera, burst.iso)
        with torch.no_grad():
            values.append(float(losses.nll_per_dim(model, burst.planes(0) - clean, context)))
    return sum(values) / len(values)


def main() -> None:
    """Run the script with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    models, scores = {}, {}
    groups = {"phones": phone_bursts, **{camera: partial(sensor_bursts, camera) for camera in LAWS}}
    groups["telegraph"] = telegraph_bursts
    for group, make in groups.items():
        bursts, unseen = make(scenes=2, seed=args.seed), make(scenes=1, seed=args.seed + 1000)
        fitted = fit_group(bursts, args.out / "training" / group.replace(" ", "-"), args.seed)
        scores[group] = {kind: {"nll_nats_per_dim": nll(model, unseen)} for kind, model in fitted.items()}
        models |= {f"{group}/{kind}": model for kind, model in fitted.items()}
        print(group, scores[group], flush=True)
    with durable_replace(args.out / "lab.safetensors") as new:
        new.write_bytes(weights.dump(models))
    steps = {f"{group}/{kind}": n for group in groups for kind, n in STEPS.items()}
    command = f"python data_scripts/fit_lab_models.py OUT --seed {args.seed}"
    content = {"noise_models": scores, "provenance": results.provenance(command, "cpu", args.seed, (), steps)}
    print(results.write_json(args.out / "lab.json", content))


if __name__ == "__main__":
    main()
