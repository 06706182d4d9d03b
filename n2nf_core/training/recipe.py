"""The standard way from bursts to a trained denoiser and a trained noise model, step by step or in one call.

    bursts -> noisy pairs -> linear skip, photon transfer -> pre-training of the denoiser -> joint training

    recipe = Recipe(bursts, PROFILES["cpu"], seed=0, folder="runs/mine")
    denoiser, noise_model, result = recipe.train()

Every step is a method of its own; each random choice depends on ``seed`` alone, whatever was called before. What was
trained is kept below ``folder``: the same call goes on where it was stopped, and returns at once where it was done.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn

from n2nf_core import losses
from n2nf_core.baselines import GaussianNoise, fit_photon_transfer, of_fits
from n2nf_core.baselines.photon_transfer import PhotonTransfer
from n2nf_core.bursts import Burst, iso_knots, recordings, with_means
from n2nf_core.denoisers import DnCNN, LinearSkip, linear_skip
from n2nf_core.flow import NoiseFlow, nlf_flow, noise_flow
from n2nf_core.pairs import PatchPairs, Sampling
from n2nf_core.training.fitting import FitConfig, FitResult, Loss, Schedule, Stop, cosine, fit, never
from n2nf_core.training.profiles import Profile
from n2nf_core.training.recommendation import Recommendation, recommend_noise_term

SKIP_BATCHES = 20
"""Batches of pairs that the linear skip is fitted to."""

BuildDenoiser = Callable[[LinearSkip, Profile], nn.Module]
"""(the linear denoiser to correct, sizes) -> an untrained denoiser."""

BuildNoiseModel = Callable[[Sequence[str], Mapping[str, Sequence[float]]], NoiseFlow]
"""(cameras, camera -> ISO knots) -> an untrained noise model."""


Observe = Callable[[nn.Module, NoiseFlow], dict[str, float]]
"""(denoiser, noise model) -> figures to keep in a row of the history."""


def dncnn(skip: LinearSkip, profile: Profile) -> DnCNN:
    """DnCNN of the profile's width, without normalisation, that corrects ``skip``."""
    return DnCNN(features=profile.features, norm=nn.Identity, skip=skip)


class Trained(NamedTuple):
    """What a training made.

    denoiser, noise_model: both in evaluation mode. result: what :func:`~n2nf_core.training.fit` says of it.
    """

    denoiser: nn.Module
    noise_model: NoiseFlow
    result: FitResult


@dataclass(frozen=True)
class Recipe:
    """Bursts, and how to train on them.

    Arguments:
        bursts: training bursts, of any cameras and ISO values; :func:`~n2nf_core.bursts.dequantised` ones where the
            noise is narrower than about half a DN.
        profile: sizes of patches, batches and networks, and numbers of steps. Patches are smaller where a burst is.
        seed: of patches, weights and whatever a loss draws.
        folder: where trainings are kept, each below its name.
        denoiser: builds the denoiser, by default :func:`dncnn`.
        noise_model: builds the noise model: :func:`~n2nf_core.flow.noise_flow`,
            :func:`~n2nf_core.flow.nlf_flow`, or a function of the same arguments that returns another flow.
        noise_term: of the joint loss: ``losses.pair_difference``, ``cross_sample`` (the paper's), ``self_sample``, any
            other function of the same arguments, or "recommended": what :meth:`recommend` says of the pre-trained
            denoiser.
        mse_weight: lambda, the weight of the Noise2Noise term; 2^18 in the paper.
        lag: largest distance in time of the two frames of a pair; 0: any two frames of a burst.
        skip_size: odd side of the linear skip's filter, in pixels of a plane.
    """

    bursts: Sequence[Burst]
    profile: Profile
    seed: int
    folder: str | Path
    denoiser: BuildDenoiser = dncnn
    noise_model: BuildNoiseModel = noise_flow
    noise_term: losses.NoiseTerm | Literal["recommended"] = losses.pair_difference
    mse_weight: float = losses.PAPER_MSE_WEIGHT
    lag: int = 0
    skip_size: int = 3

    @cached_property
    def isos(self) -> dict[str, list[float]]:
        """camera -> its ISO values in the bursts: the knots of the noise model."""
        return iso_knots(self.bursts)

    @cached_property
    def pairs(self) -> PatchPairs:
        """The noisy pairs that every training sees, in this order."""
        return self._pairs(self.bursts)

    def _pairs(self, bursts: Sequence[Burst]) -> PatchPairs:
        lag = self.lag or max(map(len, bursts)) - 1
        smallest = min(min(burst.shape[2:]) for burst in bursts)
        patch = min(self.profile.patch, (smallest - 1) // 2 * 2)  # an even side that fits with a pixel to spare
        sampling = Sampling(patch, self.profile.batch, lag=lag, seed=self.seed)
        return PatchPairs(bursts, list(self.isos), sampling)

    def pairs_for(self, noise_term: losses.NoiseTerm) -> PatchPairs:
        """The noisy pairs that ``noise_term`` needs: :attr:`pairs`, or with the means of the bursts as clean images.

        A term that takes a frame and the mean of its burst (``losses.OfManyFrames``) finds the mean in ``pair.clean``.
        The PSNR in the history of such a training is that against this mean.
        """
        residual = noise_term.residual if isinstance(noise_term, losses.Reshaped) else None
        if not isinstance(residual, losses.OfManyFrames):
            return self.pairs
        return self._pairs([part for burst in self.bursts for part in with_means(burst, residual.frames)])

    @cached_property
    def fits(self) -> dict[str, dict[float, PhotonTransfer]]:
        """camera -> ISO -> photon transfer of the bursts."""
        return fit_photon_transfer(recordings(self.bursts))[1]

    @cached_property
    def photon_transfer(self) -> GaussianNoise:
        """Photon transfer as a noise model: what others start from; its cameras are in the order of the pairs'."""
        return of_fits({camera: self.fits[camera] for camera in self.isos})

    @cached_property
    def linear_skip(self) -> LinearSkip:
        """The best linear denoiser that the first pairs allow."""
        return linear_skip((self.pairs.batch(k) for k in range(SKIP_BATCHES)), self.skip_size)

    def new_denoiser(self, build: BuildDenoiser | None = None, skip: LinearSkip | None = None) -> nn.Module:
        """An untrained denoiser that corrects ``skip``, by ``build``; both the recipe's own unless given."""
        skip = copy.deepcopy(skip or self.linear_skip)
        torch.manual_seed(self.seed)
        return (build or self.denoiser)(skip, self.profile)

    def new_noise_model(self, build: BuildNoiseModel | None = None) -> NoiseFlow:
        """An untrained noise model that starts from photon transfer, by ``build`` or the recipe's own."""
        torch.manual_seed(self.seed)
        return (build or self.noise_model)(list(self.isos), self.isos).start_from(self.photon_transfer.nlf())

    def recommend(self, denoiser: nn.Module) -> Recommendation:
        """The noise term of the least expected regret on the bursts, with a pre-trained denoiser."""
        return recommend_noise_term(self.bursts, denoiser, self.fits, list(self.isos))

    @property
    def watched_term(self) -> losses.NoiseTerm:
        """The recipe's noise term, or the pair difference where that is "recommended": to look at a training with."""
        return losses.pair_difference if isinstance(self.noise_term, str) else self.noise_term

    def joint_loss(self, noise_term: losses.NoiseTerm | None = None) -> Loss:
        """The noise term, by default the recipe's own, + lambda times the Noise2Noise term.

        ValueError where the recipe's own is "recommended", which depends on a denoiser.
        """
        term = noise_term or self.noise_term
        if isinstance(term, str):
            raise ValueError(f"noise_term {term!r} depends on the denoiser: give recipe.recommend(denoiser).term")
        return partial(losses.joint_loss, mse_weight=self.mse_weight, noise_term=term)

    def pretrain(self, denoiser: nn.Module | None = None, *, name: str = "pretraining", **options) -> Trained:
        """Train a denoiser alone on the Noise2Noise term: a new one, or a copy of ``denoiser``.

        name: of the training's folder. options: of :class:`~n2nf_core.training.FitConfig`, over the profile's.
        """
        denoiser = self.new_denoiser() if denoiser is None else denoiser
        untouched = nlf_flow(list(self.isos), self.isos)
        config = self.profile.pretraining(self.seed, **options)
        return self.fit(denoiser, untouched, losses.denoiser_loss, config, name)

    def train_jointly(
        self,
        denoiser: nn.Module,
        noise_model: NoiseFlow | None = None,
        *,
        loss: Loss | None = None,
        name: str = "joint",
        observe: Observe | None = None,
        stop: Stop = never,
        schedule: Schedule = cosine,
        **options,
    ) -> Trained:
        """Train a copy of ``denoiser``, usually pre-trained, and a noise model together.

        Arguments:
            denoiser: to start from; it stays as it is.
            noise_model: trained in place; by default a new one that starts from photon transfer.
            loss: by default :meth:`joint_loss`.
            name: of the training's folder.
            observe: called with both models at every row of the history; its figures are added to the row.
            stop: called with the history after every step; true ends the call.
            schedule: share of the steps that are done -> factor on both learning rates.
            options: of :class:`~n2nf_core.training.FitConfig`, over the profile's.
        """
        noise_model = self.new_noise_model() if noise_model is None else noise_model
        config = self.profile.joint_training(self.seed, **options)
        watch = {"observe": observe, "stop": stop, "schedule": schedule}
        if loss is None:
            term = self.recommend(denoiser).term if self.noise_term == "recommended" else self.noise_term
            loss, watch["pairs"] = self.joint_loss(term), self.pairs_for(term)
        return self.fit(denoiser, noise_model, loss, config, name, **watch)

    def fit(
        self,
        denoiser: nn.Module,
        noise_model: NoiseFlow,
        loss: Loss,
        config: FitConfig,
        name: str,
        *,
        observe: Observe | None = None,
        stop: Stop = never,
        schedule: Schedule = cosine,
        pairs: PatchPairs | None = None,
    ) -> Trained:
        """:func:`~n2nf_core.training.fit` on the recipe's pairs, of a copy of ``denoiser``, kept below ``name``.

        Arguments:
            denoiser: to start from; it stays as it is.
            noise_model: trained in place.
            loss: what is minimised after ``config.pretrain_steps``.
            config: sizes of the training.
            name: of the training's folder.
            observe, stop, schedule: as in :meth:`train_jointly`.
            pairs: what to train on, by default :attr:`pairs`; a noise term may need others (:meth:`pairs_for`).
        """
        own = copy.deepcopy(denoiser)
        look = partial(observe, own, noise_model) if observe else dict
        watch = {"observe": look, "stop": stop, "schedule": schedule}
        result = fit(own, noise_model, pairs or self.pairs, config, Path(self.folder) / name, loss=loss, **watch)
        return Trained(own, noise_model, result)

    def train(self) -> Trained:
        """All of it: a denoiser pre-trained on pairs, then both models together."""
        noise_model = self.new_noise_model()  # photon transfer comes before the frames that training keeps in memory
        return self.train_jointly(self.pretrain().denoiser, noise_model)
