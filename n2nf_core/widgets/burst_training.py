"""One training on a reader's bursts: a Noise Flow and a denoiser from pairs, observed on held-out pairs."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import nn

from n2nf_core.bursts import Burst, train_test_split
from n2nf_core.training import Profile, Recipe, Trained
from n2nf_core.types import NoiseModel, NoisyPair


class Training:
    """A training that :meth:`run` performs, with the held-out pair it is observed on. It starts from photon transfer.

    PSNR is measured against the mean of the other frames of held-out rows or scenes, or against the known clean signal.
    The NLL is that of held-out differences (y1 - y2) / sqrt(2), or of the recipe's own term. The NLL of photon transfer
    on the same pair is shown beside it. ``trained`` holds the result, and None before.

    Arguments:
        bursts: the reader's bursts. A part of them is held out.
        sizes: sizes of patches, batches and networks, and numbers of steps.
        output_dir: folder for checkpoints; every training has its own below it.
    """

    def __init__(self, bursts: Sequence[Burst], sizes: Profile, output_dir: Path):
        train, self.test = train_test_split(bursts)
        self.recipe = Recipe(train, sizes, 0, output_dir)
        self.options = {"steps": sizes.pretrain + sizes.joint, "pretrain_steps": sizes.pretrain, "denoiser_lr": 1e-3}
        self.steps = sizes.pretrain + sizes.joint
        self.name = self._name()
        self.folder = output_dir / self.name
        self.trained: Trained | None = None
        self.stopping = threading.Event()
        self.probe = self._probe(list(self.recipe.isos))

    def _name(self) -> str:
        """A name that depends on the bursts and the settings, so that every training has a folder of its own."""
        config = self.recipe.profile.joint_training(0, **self.options)
        known = json.dumps([self.recipe.pairs.fingerprint(), asdict(config)], sort_keys=True, default=str)
        return hashlib.sha256(known.encode()).hexdigest()[:10]

    def _probe(self, cameras: Sequence[str]) -> NoisyPair:
        """The first two frames of a part of the held-out data, with their reference."""
        burst = self.test[0].crop(slice(0, 64), slice(0, 64))
        first, second = burst.planes([0, 1]).unbind()
        row = torch.tensor([list(cameras).index(burst.camera)]), torch.tensor([float(burst.iso)])
        return NoisyPair(first[None], second[None], *row, burst.reference(0))

    def about(self) -> dict:
        """What does not change during training: the noisy frame's PSNR in dB, the number of steps, and the folder."""
        error = (self.probe.first - self.probe.clean).square().mean()
        return {"noisy_psnr_db": _psnr(error), "steps": self.steps, "folder": str(self.folder)}

    @torch.no_grad()
    def observe(self, denoiser: nn.Module, noise_model: NoiseModel) -> dict[str, float]:
        """Held-out NLL of the noise model and of photon transfer (nats per dimension), and the denoiser's PSNR (dB)."""
        pair = self.probe.to(next(denoiser.parameters()).device)
        denoised = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
        term = partial(self.recipe.watched_term, pair=pair, denoised_first=denoised[0], denoised_second=denoised[1])
        here = self.probe
        photon = self.recipe.watched_term(self.recipe.photon_transfer, here, *(d.cpu() for d in denoised))
        found = {"held_nll_nats_per_dim": term(noise_model), "photon_nll_nats_per_dim": photon}
        psnr = _psnr((denoised[0] - pair.clean).square().mean())
        return {name: float(value) for name, value in found.items()} | {"held_psnr_db": psnr}

    def run(self, show: Callable[[Sequence[Mapping[str, float]]], None]) -> Trained:
        """Train until all steps are done or ``stopping`` is set. ``show`` receives the history after every step."""

        def stop(history: Sequence[Mapping[str, float]]) -> bool:
            show(history)
            return self.stopping.is_set()

        options = self.options | {"name": self.name, "observe": self.observe, "stop": stop}
        self.trained = self.recipe.train_jointly(self.recipe.new_denoiser(), **options)
        return self.trained


def _psnr(error: torch.Tensor) -> float:
    return -10 * math.log10(max(float(error), 1e-20))
