"""The trained models of the paper's comparison, each trained once and shared by the notebooks that look at it.

A variant is a loss, and what it starts from. All variants see the same pairs, patches and number of steps, and their
noise models start from the same photon-transfer estimate. The folder of a trained variant is named after all that
decides it (code, sizes, seed, data), so a second notebook, or a second run, finds it there and a stopped one goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

from n2nf_core import losses
from n2nf_core.files import locked
from n2nf_core.study import code_hash, points
from n2nf_core.training import Loss, Recipe, Trained


class Variant(NamedTuple):
    """loss: of a training run. start: the variant whose denoiser it goes on with, none for a new one at the rates of
    pre-training. noise: the variant whose noise model it is given, none for a new one. clean: whether it sees clean
    images.
    """

    loss: Loss
    start: str = ""
    noise: str = ""
    clean: bool = False


VARIANTS: Mapping[str, Variant] = {
    "pretrained": Variant(losses.denoiser_loss),
    "noise2noise": Variant(losses.denoiser_loss, start="pretrained"),
    "n2n_nf": Variant(losses.after_denoising, start="noise2noise"),
    "noise2noiseflow": Variant(losses.joint_loss, start="pretrained"),
    "pair_difference": Variant(partial(losses.joint_loss, noise_term=losses.pair_difference), start="pretrained"),
    "pretrained_supervised": Variant(losses.supervised, clean=True),
    "supervised": Variant(losses.supervised, start="pretrained_supervised", clean=True),
    "pretrained_synthesized": Variant(losses.on_samples, noise="supervised", clean=True),
    "synthesized": Variant(losses.on_samples, start="pretrained_synthesized", noise="supervised", clean=True),
}
"""The rows of the paper's Tables 1 and 3, and the pair difference; ``pretrained...`` are what others start from."""


class Comparison:
    """The variants, trained by one recipe.

    recipe: bursts, sizes, seed, and the folder where trained variants lie, or will.
    """

    def __init__(self, recipe: Recipe):
        self.recipe = recipe

    def possible(self, names: Iterable[str]) -> list[str]:
        """Those of the variants ``names`` that the data allows: all, or without clean images those that see none."""
        clean = all(burst.clean is not None for burst in self.recipe.bursts)
        return [name for name in names if clean or not VARIANTS[name].clean]

    def get(self, name: str) -> Trained:
        """Train variant ``name``, and what it starts from, or read it where that was done.

        KeyError, naming the variants, for another name.
        """
        if name not in VARIANTS:
            raise KeyError(f"no variant {name!r}: choose from {', '.join(VARIANTS)}")
        variant, recipe = VARIANTS[name], self.recipe
        denoiser = self.get(variant.start).denoiser if variant.start else recipe.new_denoiser()
        noise_model = self.get(variant.noise).noise_model if variant.noise else recipe.new_noise_model()
        sizes, seed = recipe.profile, recipe.seed
        config = sizes.joint_training(seed) if variant.start else replace(sizes.pretraining(seed), pretrain_steps=0)
        folder = f"{name}-{self._digest}"
        with locked(Path(recipe.folder) / folder / ".lock", f"another process trains {folder}; waiting for it"):
            return recipe.fit(denoiser, noise_model, variant.loss, config, folder)

    @cached_property
    def _digest(self) -> str:
        decides = (
            asdict(self.recipe.profile),
            self.recipe.seed,
            self.recipe.pairs.fingerprint(),
            code_hash.core_code("from n2nf_core.study import comparison"),
        )
        return hashlib.sha256(repr(decides).encode()).hexdigest()[: points.DIGITS]
