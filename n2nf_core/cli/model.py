"""The subcommand ``n2nf model``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from n2nf_core.bursts import Burst
from n2nf_core.cli.command import Commands, new_file
from n2nf_core.cli.sources import add_bursts, checked, usable
from n2nf_core.training.profiles import PROFILES

if TYPE_CHECKING:
    from n2nf_core.evaluation import HeldOut
    from n2nf_core.training import Recipe
    from n2nf_core.types import NoiseModel

MODEL = """\
Learn a camera's noise model and a denoiser from bursts, in one file.

    n2nf model esis -o esis.safetensors --profile smoke
    n2nf model burst.npz -o camera.safetensors
    n2nf model iso100 iso800 other_camera -o camera.safetensors --profile gpu --seed 1
    n2nf noise camera.safetensors clean.tif -o noisy.tif

The bursts are checked and measured first, and frames are divided by the brightness of their light where it drifts. Then
a denoiser is trained on noisy pairs, and a Noise Flow together with it, with the noise term that is recommended for
these bursts. On held-out rows or scenes, the flow is compared with photon transfer, which has two numbers for each ISO
value. A sentence says which of the two is better, or that this is undecided; the file holds the flow if it is better,
and else the two numbers. Bursts of several cameras and ISO values share one file.

--profile     smoke only shows that everything works, within a minute. cpu takes some twenty minutes on two cores.
              gpu is the scale of the paper
--dequantise  add uniform noise of one DN to every frame, for training and for the comparison. Give it where the noise
              is narrower than about half a DN: there the likelihood of whole numbers has no upper bound. Samples of
              the model then have this noise, too; round them to whole DN to take it away

The training is kept in FILE.training until the file is written: a command that was stopped goes on where it was.
"""


def add(commands: Commands) -> None:
    """Add ``n2nf model``."""
    parser = commands.add("model", _model, MODEL)
    add_bursts(parser)
    parser.add_argument("-o", "--out", type=new_file, required=True, metavar="FILE", help="model file to write")
    parser.add_argument("--profile", choices=list(PROFILES), default="cpu", help="size of the training; cpu by default")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn at random (0)")
    parser.add_argument("--dequantise", action="store_true", help="add uniform noise of one DN to integer frames")


def _model(options: argparse.Namespace) -> int:
    from n2nf_core.bursts import check_size, dequantised, train_test_split
    from n2nf_core.cli.measure import as_text, blocks
    from n2nf_core.evaluation import held_out_patches, match_light
    from n2nf_core.export import save_model
    from n2nf_core.files import remove
    from n2nf_core.study.tables.readings import reading
    from n2nf_core.training import Recipe

    bursts, notes = usable(checked(options.bursts, options))
    for burst in bursts:
        check_size(burst)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    print(as_text(blocks(bursts, []), notes), flush=True)
    if options.dequantise:
        bursts = [dequantised(burst, options.seed) for burst in bursts]
    bursts = [match_light(burst) for burst in bursts]
    train, test = train_test_split(bursts, seed=options.seed)
    folder = options.out.with_name(f"{options.out.name}.training")
    recipe = Recipe(train, PROFILES[options.profile], options.seed, folder, noise_term="recommended")
    print(f"\ntraining in {folder}; Ctrl-C stops it, and the same command goes on", file=sys.stderr)
    denoiser, flow, _ = recipe.train()
    photon, held = recipe.photon_transfer, held_out_patches(test, recipe.profile.patch)
    gains = _gains(recipe, flow, held)
    better = reading(*gains["noise_flow"][1]) == "better"
    about = _about(bursts) | {
        "noise_model": "noise_flow" if better else "photon_transfer",
        "nll_over_photon_transfer_nats_per_dim": {k: {"mean": m, "interval": i} for k, (m, i) in gains.items()},
        "profile": options.profile,
        "seed": options.seed,
        "dequantised": options.dequantise,
        "notes": notes,
        **held.counts(),
    }
    save_model(options.out, flow if better else photon, denoiser, about)
    remove(folder)
    print(f"\n{verdict(*gains['noise_flow'])}\n{_awgn(*gains['awgn'])}\n{options.out}")
    return 0


def _gains(recipe: Recipe, flow: NoiseModel, held: HeldOut) -> dict[str, tuple[float, list[float]]]:
    """NLL of the flow and of AWGN, minus that of photon transfer, on held-out patches, each with its interval."""
    from n2nf_core.baselines import fit_awgn
    from n2nf_core.bursts import recordings
    from n2nf_core.evaluation import nll_gain

    models = {"noise_flow": flow, "awgn": fit_awgn(recordings(recipe.bursts))}
    return {name: nll_gain(model, recipe.photon_transfer, held) for name, model in models.items()}


def verdict(gain: float, interval: Sequence[float]) -> str:
    """Which describes the camera better, a flow or two numbers, in a sentence; undecided where the interval holds 0.

    gain: NLL of the flow minus that of photon transfer, nats per dimension. interval: its 95 % interval.
    """
    from n2nf_core.study.tables.readings import decimals, reading

    low, high = interval
    digits = max(decimals((high - low) / 2), 5)
    ends = f"[{low:+.{digits}f}, {high:+.{digits}f}]"
    measured = f"{gain:+.{digits}f} nats per dimension on held-out patches, 95 % {ends}"
    said = {
        "better": "Two numbers per ISO value do not describe this camera as well as the Noise Flow does",
        "worse": "Two numbers per ISO value describe this camera better than this Noise Flow does",
        "undecided": "Undecided whether the Noise Flow describes this camera better than two numbers per ISO value: no "
        f"difference larger than {max(-low, high):.{digits}f} was found",
    }
    return f"{said[reading(low, high)]} ({measured})."


def _awgn(gain: float, interval: Sequence[float]) -> str:
    low, high = interval
    measured = f"{gain:+.5f} nats per dimension, 95 % [{low:+.5f}, {high:+.5f}]"
    return f"One number, for noise that does not depend on the signal, against these two: {measured}; more is worse."


def _about(bursts: Sequence[Burst]) -> dict:
    """What the file states: the first burst's camera and levels, and those of every setting."""
    rows = [
        {"camera": b.camera, "iso": b.iso, "black": list(b.black), "white": b.white, "cfa": b.cfa}
        for b in sorted(bursts, key=lambda b: (b.camera, b.iso))
    ]
    settings = [row for k, row in enumerate(rows) if row not in rows[:k]]
    units = "DN; models work on (DN - black) / (white - black)"
    return settings[0] | {"units": units, "settings": settings, "provenance": [b.provenance for b in bursts]}
