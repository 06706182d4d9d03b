"""Make the pictures of the before/after page: python data_scripts/make_before_after.py OUT.

Denoisers are trained on pairs of a simulated phone. Its scenes are dead leaves and photographs, without the two that
are shown: one in good light, and one in the dark, where noise hides the texture. First a Noise2Noise denoiser is
trained. From it, three trainings of equally many steps start: Noise2Noise alone, and with Noise Flow by the paper's
joint loss and by the pair difference. No training reads a clean image. A call that was stopped continues when it is run
again. It writes OUT/before_after.zip and OUT/before_after.json.
"""

from __future__ import annotations

import argparse
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from n2nf_core import baselines, evaluation, losses, metrics, training
from n2nf_core.bursts import Burst
from n2nf_core.evaluation import classical_denoisers
from n2nf_core.files import durable_replace
from n2nf_core.simulation import dead_leaves, photographs, simulate_burst_frames
from n2nf_core.study import results
from n2nf_core.widgets import pictures as files

CAMERA, ISO = "S6", 3200
SHOWN = {"astronaut": 0.18, "coffee": 0.025}  # photograph -> mean signal, in [0, 1] units
OTHERS = ("chelsea", "rocket", "stereo_motorcycle")
STEP = 1 / 1024  # pictures are rounded to multiples of it, so that their files are small
SCENES, SIZE, SHAPE = 12, 128, (256, 256)
BLUR, UNMIRRORED = 0.5, 1  # plane pixels; a seed that shows the photographs as they are
FEATURES, STEPS = 16, {"pretraining": 1000, "further": 400}
TERMS = {"joint_paper": losses.cross_sample, "joint_pair_difference": losses.pair_difference}


def bursts_of(planes: Tensor, names: str, seed: int) -> list[Burst]:
    """Two frames of every scene with the noise published for the phone.

    Arguments:
        planes: (N, 4, h, w) clean scenes in [0, 1].
        names: start of the scenes' names.
        seed: fixes the noise.
    """
    truth, generator = baselines.camera_nlf([CAMERA]), torch.Generator().manual_seed(seed)
    levels = {"black": 0.0, "white": 1.0, "cfa": "RGGB", "camera": CAMERA, "iso": float(ISO)}
    source = {"importer": "simulator", "seed": seed, "notes": [names, "noise of known density"]}
    return [
        Burst(
            simulate_burst_frames(truth, clean, CAMERA, ISO, 2, generator).numpy(),
            **levels, scene=f"{names}-{seed}-{k:03d}", clean=clean.numpy(), provenance=source,
        )
        for k, clean in enumerate(planes)
    ]  # fmt: skip


def training_bursts(seed: int) -> list[Burst]:
    """Training bursts of dead leaves and of photographs, without those that are shown."""
    leaves = dead_leaves(SCENES, SIZE, SIZE, seed=seed, blur=0.7)
    others = photographs(SCENES, SIZE, SIZE, seed=seed, blur=0.7, names=OTHERS)
    return bursts_of(leaves, "leaves", seed) + bursts_of(others, "photographs", seed + 1)


def train(bursts: list[Burst], folder: Path, seed: int) -> dict[str, torch.nn.Module]:
    """Noise2Noise and both joint trainings, all from the same pre-trained denoiser: name -> denoiser.

    Arguments:
        bursts: training bursts.
        folder: folder for checkpoints.
        seed: fixes weights, patches and noise of the training.
    """
    first, further = STEPS.values()
    sizes = replace(training.PROFILES["cpu"], batch=16, features=FEATURES, pretrain=first, joint=further)
    recipe = training.Recipe(bursts, sizes, seed, folder)
    options = {"precision": "32-true", "log_every": 100, "device": "cpu"}
    start = recipe.pretrain(**options).denoiser
    options |= {"denoiser_lr": 5e-4, "noise_lr": 5e-3}
    found = {"noise2noise": recipe.pretrain(start, name="noise2noise", steps=further, **options).denoiser}
    for name, term in TERMS.items():
        loss = partial(losses.joint_loss, noise_term=term)
        found[name] = recipe.train_jointly(start, loss=loss, name=name, **options).denoiser
    return found


def main() -> None:
    """Run the script with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    bursts = training_bursts(args.seed)
    wavelet = classical_denoisers.calibrate(classical_denoisers.wavelet(), bursts)
    denoise = {"noisy": evaluation.noisy, "wavelet": wavelet}
    denoise |= {name: evaluation.network(d) for name, d in train(bursts, args.out / "training", args.seed).items()}
    held = {name: held_burst(name, args.seed + 2) for name in SHOWN}
    pictures = {
        name: {kind: rounded(make(burst)[0]) for kind, make in denoise.items()}
        | {"reference": rounded(burst.reference(0)[0])}
        for name, burst in held.items()
    }
    write(pictures, [b.provenance for b in (bursts[0], bursts[-1], *held.values())], args)


def held_burst(name: str, seed: int) -> Burst:
    """The burst of one photograph that is shown.

    Arguments:
        name: of the photograph.
        seed: fixes the noise.
    """
    clean = photographs(1, *SHAPE, seed=UNMIRRORED, blur=BLUR, names=[name], level=lambda rng: SHOWN[name])
    return bursts_of(clean, name, seed)[0]


def rounded(picture: Tensor) -> Tensor:
    """STEP round(x / STEP)."""
    return (picture / STEP).round() * STEP


def scores(pictures: dict[str, Tensor]) -> dict[str, dict]:
    """PSNR and SSIM of every picture of a scene against its reference: name -> {psnr_db, ssim}."""
    shown = {name: picture[None] for name, picture in pictures.items()}
    reference = shown.pop("reference")
    return {
        name: {
            "psnr_db": float(metrics.psnr(picture, reference, data_range=1.0)),
            "ssim": float(metrics.ssim(picture, reference, data_range=1.0)),
        }
        for name, picture in shown.items()
    }


def write(pictures: dict[str, dict[str, Tensor]], data: list[dict], args: argparse.Namespace) -> None:
    """Write the rounded pictures, their scores and their provenance.

    Arguments:
        pictures: photograph -> name -> planes (4, h, w) in [0, 1] units; "reference" is the clean one.
        data: provenance of the bursts.
        args: the arguments of the command line.
    """
    with durable_replace(args.out / "before_after.zip") as new, zipfile.ZipFile(new, "w") as archive:
        for scene, shown in pictures.items():
            for name, picture in shown.items():
                archive.writestr(f"{scene}/{name}.png", files.png16(picture))
    first, further = STEPS.values()
    steps = {"pretraining": first, "noise2noise": further} | dict.fromkeys(TERMS, further)
    command = f"python data_scripts/make_before_after.py OUT --seed {args.seed}"
    scenes = {name: {"mean_signal": SHOWN[name], "denoisers": scores(shown)} for name, shown in pictures.items()}
    about = {"camera": CAMERA, "iso": ISO, "scenes": scenes}
    about["provenance"] = results.provenance(command, "cpu", args.seed, data, steps)
    print(results.write_json(args.out / "before_after.json", about), scenes)


if __name__ == "__main__":
    main()
