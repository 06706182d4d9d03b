"""The trained models of the paper's comparison, each trained once and shared by the notebooks that look at it.

An arm is a loss, and what it starts from. All arms see the same pairs, patches and number of steps, and their noise
models start from the same photon-transfer estimate. The folder of a trained arm is named after all that decides it
(code, sizes, seed, data), so a second notebook, or a second run, finds it there and a stopped one goes on.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from n2nf_core import baselines, flow, losses
from n2nf_core.bursts import Burst, iso_knots, recordings
from n2nf_core.denoisers import DnCNN, linear_skip
from n2nf_core.files import locked
from n2nf_core.pairs import PatchPairs
from n2nf_core.study import code_hash, points
from n2nf_core.training import FitResult, Loss, Profile, fit
from n2nf_core.types import Denoiser, LossTerms, NoiseModel, NoisyPair


def after_denoising(denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair) -> LossTerms:
    """-log p(y - D(y) | D(y)), both frames, nats per dimension; D is finished and receives no gradient.

    The noise model of "N2N+NF" (Maleky et al., CVPR 2022, Table 1): what a denoiser has removed, taken for the noise.
    """
    with torch.no_grad():
        denoised = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
    nll = losses.self_sample(noise_model, pair, *denoised)
    return LossTerms(nll, nll, losses.noise2noise_mse(pair, *denoised))


def on_samples(denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair) -> LossTerms:
    """|D(x + n) - x|^2 per dimension, n ~ p(n | x) drawn anew from a finished noise model; x = pair.clean.

    "DnCNN - NF synthesized" (Maleky et al., CVPR 2022, Table 3). Needs clean images; draws from torch's global state.
    """
    clean = torch.cat((pair.clean, pair.clean))
    camera, iso = (torch.cat((field, field)) for field in (pair.camera, pair.iso))
    noise = noise_model.sample(pair.context(clean)._replace(camera=camera, iso=iso))
    mse = (denoiser(clean + noise) - clean).square().mean()
    return LossTerms(mse, torch.full_like(mse.detach(), torch.nan), mse)


class Arm(NamedTuple):
    """loss: of a training run. start: the arm whose denoiser it goes on with, none for a new one at the rates of
    pre-training. noise: the arm whose noise model it is given, none for a new one. clean: whether it sees clean images.
    """

    loss: Loss
    start: str = ""
    noise: str = ""
    clean: bool = False


ARMS: Mapping[str, Arm] = {
    "pretrained": Arm(losses.denoiser_loss),
    "noise2noise": Arm(losses.denoiser_loss, start="pretrained"),
    "n2n_nf": Arm(after_denoising, start="noise2noise"),
    "noise2noiseflow": Arm(losses.joint_loss, start="pretrained"),
    "pair_difference": Arm(partial(losses.joint_loss, noise_term=losses.pair_difference), start="pretrained"),
    "pretrained_supervised": Arm(losses.supervised, clean=True),
    "supervised": Arm(losses.supervised, start="pretrained_supervised", clean=True),
    "pretrained_synthesized": Arm(on_samples, noise="supervised", clean=True),
    "synthesized": Arm(on_samples, start="pretrained_synthesized", noise="supervised", clean=True),
}
"""The rows of the paper's Tables 1 and 3, and the pair difference; ``pretrained...`` are what others start from."""


class Trained(NamedTuple):
    """What an arm has become."""

    denoiser: nn.Module
    noise_model: flow.NoiseFlow
    result: FitResult


@dataclass(frozen=True)
class Comparison:
    """Arms on one set of bursts.

    train: bursts. sizes: of training. seed: of patches and weights. folder: where trained arms lie, or will.
    """

    train: Sequence[Burst]
    sizes: Profile
    seed: int
    folder: Path

    @cached_property
    def isos(self) -> dict[str, list[float]]:
        """camera -> ISO knots of the noise models."""
        return iso_knots(self.train)

    @cached_property
    def pairs(self) -> PatchPairs:
        """The pairs that every arm sees, in this order."""
        sizes, lag = self.sizes, max(map(len, self.train)) - 1
        return PatchPairs(self.train, list(self.isos), patch=sizes.patch, batch=sizes.batch, lag=lag, seed=self.seed)

    @cached_property
    def photon(self) -> baselines.GaussianNoise:
        """The photon-transfer estimate that all noise models start from."""
        return baselines.fit_photon_transfer(recordings(self.train))[0]

    def possible(self, names: Iterable[str]) -> list[str]:
        """Those of the arms ``names`` that the data allows: all, or without clean images those that see none."""
        clean = all(burst.clean is not None for burst in self.train)
        return [name for name in names if clean or not ARMS[name].clean]

    def get(self, name: str) -> Trained:
        """Train arm ``name``, and what it starts from, or read it where that was done; KeyError names the arms."""
        if name not in ARMS:
            raise KeyError(f"no arm {name!r}: choose from {', '.join(ARMS)}")
        arm = ARMS[name]
        torch.manual_seed(self.seed)
        denoiser = copy.deepcopy(self.get(arm.start).denoiser) if arm.start else self._new_denoiser()
        noise_model = self.get(arm.noise).noise_model if arm.noise else self._new_noise_model()
        sizes, seed = self.sizes, self.seed
        config = sizes.joint_training(seed) if arm.start else replace(sizes.pretraining(seed), pretrain_steps=0)
        folder = Path(self.folder) / f"{name}-{self._digest}"
        with locked(folder / ".lock", f"another process trains {folder.name}; waiting for it"):
            result = fit(denoiser, noise_model, self.pairs, config, folder, loss=arm.loss)
        return Trained(denoiser, noise_model, result)

    def _new_denoiser(self) -> DnCNN:
        skip = linear_skip(self.pairs.batch(k) for k in range(20))
        torch.manual_seed(self.seed)
        return DnCNN(features=self.sizes.features, norm=nn.Identity, skip=skip)

    def _new_noise_model(self) -> flow.NoiseFlow:
        torch.manual_seed(self.seed)
        return flow.noise_flow(list(self.isos), self.isos).start_from(self.photon.nlf())

    @cached_property
    def _digest(self) -> str:
        decides = (
            asdict(self.sizes),
            self.seed,
            self.pairs.fingerprint(),
            code_hash.core_code("from n2nf_core.study import comparison"),
        )
        return hashlib.sha256(repr(decides).encode()).hexdigest()[: points.DIGITS]
