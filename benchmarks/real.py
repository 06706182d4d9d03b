"""NLL of every noise term and model on real sensors, without clean images: python -m benchmarks.real FOLDER

FOLDER holds the frames of an EMCCD at electron gain 100, whose noise is skewed (emccd_intensity_series_100x.npz), of a
CCD under a LED and in the dark, two of each (esis_led_0*.fit.gz), and flat fields of a Nikon D7000 at ISO 100, whose
noise in the dark is a few DN (nikon_d7000_iso100_flats.npz). After a short pre-training of a denoiser, Noise Flow and
Sensor Flow are trained with every noise term, on dequantised frames.

NLLs are in nats per pixel, of noise in DN, on rows or exposures that were not trained on, with intervals over places:

    uniform   of the density, on dequantised frames: an upper bound of the exact one
    exact     of the masses of whole DN, over the width of their bins, so that both have the same unit; of photon
              transfer alone, since pixels must be independent, and light must not drift

The noise of a held-out frame is sqrt((T - 1) / T) times its difference from the mean of the others. For two frames
nothing of this difference is skewed, so it rewards models of the difference, and cannot tell a skewed law from another.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from n2nf_core import evaluation, losses, raw
from n2nf_core.bursts import Burst, dequantised, split_regions, train_test_split
from n2nf_core.flow import log_bin_mass, nlf_flow, noise_flow, sensor_flow
from n2nf_core.importers import read_bursts
from n2nf_core.study import results
from n2nf_core.study.tables.readings import reading
from n2nf_core.training import FitConfig, Profile, Recipe

SIZES = Profile(scenes=1, size=128, patch=32, batch=8, features=8, pretrain=100, joint=60)
NOISE_LR = 2e-2
MODELS = {"noise_flow": noise_flow, "sensor_flow": sensor_flow}
Split = tuple[list[Burst], list[Burst]]


def emccd(folder: Path) -> Split:
    """Six light levels; 5000 frames of 3x3 pixels become 8 frames of 1406 places per plane, each 8 frames in a row."""
    with np.load(folder / "emccd_intensity_series_100x.npz") as file:
        black = float(file["S0"].mean())
        series = {name: file[name] for name in file.files if name.startswith("gain100")}
    bursts = []
    for name, frames in series.items():
        blocks = frames.reshape(625, 8, 9).transpose(1, 2, 0).reshape(8, -1)[:, : 4 * 37 * 38]
        bursts.append(Burst(blocks.reshape(8, 4, 37, 38), black, 32767, raw.MONO, "EMCCD", 100, name))
    halves = [split_regions(burst, 0.25, 0) for burst in bursts]
    return [first for first, _ in halves], [last for _, last in halves]


def esis(folder: Path) -> Split:
    """Two frames of the upper left amplifier of four, with the black level of its dark frames."""
    from astropy.io import fits

    def tap(*numbers: int) -> np.ndarray:
        files = (folder / f"esis_led_0{number}.fit.gz" for number in numbers)
        return raw.pack(np.stack([fits.getdata(file)[:512, :1024] for file in files]))

    black = float(tap(4860, 4861).mean())
    return train_test_split([Burst(tap(4803, 4804), black, 65535, raw.MONO, "ESIS", 1, "led")])


def d7000(folder: Path) -> Split:
    """41 exposures of a white card, of which whole exposures are held out."""
    return train_test_split(read_bursts(folder / "nikon_d7000_iso100_flats.npz", camera="D7000"))


SETS: dict[str, Callable[[Path], Split]] = {"emccd": emccd, "esis": esis, "d7000": d7000}


class Case:
    """One set: its recipe, a denoiser that is trained once, and held-out noise, dequantised and in whole DN."""

    def __init__(self, split: Split, out: Path):
        self.train, test = ([evaluation.match_light(dequantised(burst)) for burst in part] for part in split)
        self.held = evaluation.held_out_patches(test)
        drifts = any(evaluation.match_light(burst) is not burst for burst in split[1])
        self.integers = None if drifts else evaluation.held_out_patches(split[1])
        self.in_dn = math.log(test[0].white - test[0].black[0])
        self.recipe = Recipe(self.train, SIZES, 0, out)
        self.denoiser = self.recipe.pretrain().denoiser
        self.recommendation = self.recipe.recommend(self.denoiser)

    def uniform(self, model) -> torch.Tensor:
        """Nats per pixel in DN of every held-out patch."""
        return evaluation.nll(model, self.held) + self.in_dn

    def exact(self) -> dict:
        """The exact NLL of photon transfer with its interval; nothing where frames had to be matched in light."""
        held, recipe = self.integers, self.recipe
        if held is None:
            return {}
        flow = nlf_flow(list(recipe.isos), recipe.isos).start_from(recipe.photon_transfer.nlf())
        with torch.no_grad():
            mass = log_bin_mass(flow, held.noise, flow.context(held.clean, held.camera, held.iso), held.step)
        width = held.step.log().mean((1, 2, 3)) + self.in_dn
        mean, ends = evaluation.interval(width - mass / held.noise[0].numel(), held.place)
        return {"exact": mean, "exact_interval": ends}

    def models(self, steps: int):
        """Name -> noise model, one after the other: photon transfer, then every model with every term."""
        yield "photon_transfer", self.recipe.photon_transfer
        for name, build in MODELS.items():
            recipe = replace(self.recipe, noise_model=build)
            for term_name, term in self.recommendation.terms.items():
                config = FitConfig(steps=steps, noise_lr=NOISE_LR, log_every=10_000, checkpoint_every=10_000)
                loss, pairs = partial(losses.after_denoising, noise_term=term), recipe.pairs_for(term)
                key = f"{name} {term_name}"
                yield (
                    key,
                    recipe.fit(self.denoiser, recipe.new_noise_model(), loss, config, key, pairs=pairs).noise_model,
                )


def measure(case: Case, steps: int) -> dict:
    """What is reported of one set: the recommendation and what it rests on, and every NLL and gain."""
    found, rows, first = case.recommendation, {}, None
    print(found, flush=True)
    for name, model in case.models(steps):
        start, values = time.time(), case.uniform(model)
        first = values if first is None else first
        mean, ends = evaluation.interval(values, case.held.place)
        gain, gain_ends = evaluation.interval(values - first, case.held.place)
        rows[name] = {"uniform": mean, "uniform_interval": ends}
        if model is not case.recipe.photon_transfer:
            rows[name] |= {"gain": gain, "gain_interval": gain_ends, "reading": reading(*gain_ends)}
        print(f"  {name:40} {mean:.4f}  gain {gain:+.4f}  ({time.time() - start:.0f} s to score)", flush=True)
    rows["photon_transfer"] |= case.exact()
    settings = {f"{s.camera} {s.shape.frames} frames": s.means() for s in found.settings}
    rests_on = {"choice": found.choice, "expected": dict(found.regrets), "settings": settings}
    return {"recommendation": rests_on, "models": rows, "places": len(case.held.place.unique())}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", choices=SETS, default=list(SETS))
    parser.add_argument("--steps", type=int, default=SIZES.joint)
    parser.add_argument("--out", type=Path, default=Path("runs/real"))
    parser.add_argument("--json", type=Path, default=Path("runs/real.json"))
    options = parser.parse_args()
    sets = {}
    for name in options.sets:
        print(name, flush=True)
        start = time.time()
        sets[name] = measure(Case(SETS[name](options.folder), options.out / name), options.steps)
        sets[name]["seconds"] = time.time() - start
        source = {"command": "python -m benchmarks.real FOLDER --json FILE", "commit": results.commit()}
        sizes = vars(SIZES) | {"joint": options.steps}
        results.write_json(options.json, {"sets": sets, "sizes": sizes, "provenance": source})


if __name__ == "__main__":
    main()
