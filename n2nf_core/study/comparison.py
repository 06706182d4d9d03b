"""The trained models of the paper's comparison. Each is trained once and shared by the notebooks that evaluate it.

A variant is defined by a loss and by what it starts from. All variants see the same pairs, patches and number of steps,
and their noise models start from the same photon-transfer estimate. The name of a variant's folder depends on
everything that decides its training (code, sizes, seed, data). A second notebook or a second run therefore finds the
trained variant there, and a run that was interrupted continues.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from functools import cached_property, partial
from typing import NamedTuple

from n2nf_core import losses
from n2nf_core.study import code_hash, points
from n2nf_core.training import Loss, Recipe, Trained


class Variant(NamedTuple):
    """One way of training.

    Arguments:
        loss: the loss of the training run.
        start: the variant whose denoiser the training starts from. With "" the denoiser is new, and the learning rates
            are those of pre-training.
        noise: the variant whose noise model the training starts from. With "" the noise model is new.
        clean: whether the loss uses clean images.
        known: whether the loss is given photon transfer, as ``known``.
    """

    loss: Loss
    start: str = ""
    noise: str = ""
    clean: bool = False
    known: bool = False


VARIANTS: Mapping[str, Variant] = {
    "pretrained": Variant(losses.denoiser_loss),
    "noise2noise": Variant(losses.denoiser_loss, start="pretrained"),
    "weighted_noise2noise": Variant(losses.weighted_denoiser_loss, start="pretrained", known=True),
    "n2n_nf": Variant(losses.after_denoising, start="noise2noise"),
    "cross_sample_after": Variant(partial(losses.after_denoising, noise_term=losses.cross_sample), start="noise2noise"),
    "noise2noiseflow": Variant(losses.joint_loss, start="pretrained"),
    "likelihood_alone": Variant(partial(losses.joint_loss, mse_weight=0.0), start="pretrained"),
    "pair_difference": Variant(partial(losses.joint_loss, noise_term=losses.pair_difference), start="pretrained"),
    "pretrained_supervised": Variant(losses.supervised, clean=True),
    "supervised": Variant(losses.supervised, start="pretrained_supervised", clean=True),
    "pretrained_synthesized": Variant(losses.on_samples, noise="supervised", clean=True),
    "synthesized": Variant(losses.on_samples, start="pretrained_synthesized", noise="supervised", clean=True),
}
"""The rows of the paper's Tables 1 and 3, the pair difference, and controls. The ``pretrained`` ones start the others.

``cross_sample_after`` learns from the residual of ``noise2noiseflow`` after the denoiser, so that the two differ in
joint training alone. ``likelihood_alone`` has no Noise2Noise term; ``weighted_noise2noise`` has the weights that a
likelihood gives to squared errors, and no likelihood.
"""


class Comparison:
    """The variants, all trained by one recipe.

    Arguments:
        recipe: bursts, sizes, seed, and the folder of trained variants.
    """

    def __init__(self, recipe: Recipe):
        self.recipe = recipe

    def possible(self, names: Iterable[str]) -> list[str]:
        """Those of the variants ``names`` that the data allows: without clean images, those whose loss uses none."""
        clean = all(burst.clean is not None for burst in self.recipe.bursts)
        return [name for name in names if clean or not VARIANTS[name].clean]

    def get(self, name: str) -> Trained:
        """Train the variant ``name`` and the variants it starts from, or read them if they were trained before.

        Errors: KeyError, which lists the variants, for an unknown name.
        """
        if name not in VARIANTS:
            raise KeyError(f"there is no variant {name!r}: choose from {', '.join(VARIANTS)}")
        variant, recipe = VARIANTS[name], self.recipe
        denoiser = self.get(variant.start).denoiser if variant.start else recipe.new_denoiser()
        noise_model = self.get(variant.noise).noise_model if variant.noise else recipe.new_noise_model()
        sizes, seed = recipe.profile, recipe.seed
        config = sizes.joint_training(seed) if variant.start else replace(sizes.pretraining(seed), pretrain_steps=0)
        loss = partial(variant.loss, known=recipe.photon_transfer) if variant.known else variant.loss
        return recipe.fit(denoiser, noise_model, loss, config, f"{name}-{self._digest}")

    @cached_property
    def _digest(self) -> str:
        decides = (
            asdict(self.recipe.profile),
            self.recipe.seed,
            self.recipe.pairs.fingerprint(),
            code_hash.core_code("from n2nf_core.study import comparison"),
        )
        return hashlib.sha256(repr(decides).encode()).hexdigest()[: points.DIGITS]
