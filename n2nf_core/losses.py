"""Losses for noise models and denoisers that see only pairs of noisy images.

For a pair y1 = x + n1, y2 = x + n2 of one scene, a denoiser D and a noise model p(n | x):

    joint = noise term + mse_weight * Noise2Noise term          (Maleky et al., CVPR 2022)

Negative log-likelihoods are in nats per dimension, squared errors per dimension, both halved over the two
directions. D is clipped to [0, 1] for likelihoods only. The flow and all sums run in the type of the images;
put autocast around the denoiser, not around these.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from n2nf_core.types import Context, Denoiser, LossTerms, NoiseModel, NoisyPair

PAPER_MSE_WEIGHT = 2.0**18

NoiseTerm = Callable[[NoiseModel, NoisyPair, Tensor, Tensor], Tensor]
"""(noise_model, pair, D(y1), D(y2)) -> scalar, nats per dimension."""


def nll_per_dim(noise_model: NoiseModel, noise: Tensor, context: Context) -> Tensor:
    """-log p(n | x) / (C H W), the mean over images: a scalar in nats per dimension."""
    return -noise_model.log_prob(noise, context).mean() / noise[0].numel()


def _both(first: Context, second: Context) -> Context:
    return Context(*(torch.cat(fields) for fields in zip(first, second, strict=True)))


def cross_sample(noise_model: NoiseModel, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Tensor:
    """Eq. 4: (-log p(y1 | D(y2)) - log p(y2 | D(y1))) / 2, nats per dimension.

    The residual y1 - D(y2) holds the noise n1 and D's error, so the noise comes out too large by that error.
    """
    clean1, clean2 = denoised_first.clamp(0, 1), denoised_second.clamp(0, 1)
    residual = torch.cat((pair.first - clean2, pair.second - clean1))
    return nll_per_dim(noise_model, residual, _both(pair.context(clean2), pair.context(clean1)))


def self_sample(noise_model: NoiseModel, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Tensor:
    """Eq. 6: (-log p(y1 | D(y1)) - log p(y2 | D(y2))) / 2, nats per dimension.

    Has no lower bound: D = identity with a vanishing noise model. It collapses when mse_weight is small.
    """
    clean1, clean2 = denoised_first.clamp(0, 1), denoised_second.clamp(0, 1)
    residual = torch.cat((pair.first - clean1, pair.second - clean2))
    return nll_per_dim(noise_model, residual, _both(pair.context(clean1), pair.context(clean2)))


def pair_difference(
    noise_model: NoiseModel, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor
) -> Tensor:
    """-log p((y1 - y2) / sqrt(2) | (D(y1) + D(y2)) / 2), nats per dimension.

    The scene cancels in y1 - y2, and for Gaussian noise (n1 - n2) / sqrt(2) has the density of n1: exact
    there, and D's error enters through the signal that the variance is looked up at, not as extra noise. For
    other noise it fits the symmetrised noise: right variance, odd moments lost, excess kurtosis halved.
    D receives no gradient from it.
    """
    clean = ((denoised_first + denoised_second) / 2).detach().clamp(0, 1)
    return nll_per_dim(noise_model, (pair.first - pair.second) / math.sqrt(2), pair.context(clean))


def noise2noise_mse(pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Tensor:
    """Eq. 5: (|D(y1) - y2|^2 + |D(y2) - y1|^2) / 2 per dimension, a scalar  (Lehtinen et al., ICML 2018)."""
    return ((denoised_first - pair.second).square().mean() + (denoised_second - pair.first).square().mean()) / 2


def half_pair_mse(pair: NoisyPair) -> float:
    """|y1 - y2|^2 / 2 per dimension: the noise variance alone, what noise2noise_mse cannot fall below on average."""
    return float((pair.first - pair.second).square().mean() / 2)


def joint_loss(
    denoiser: Denoiser,
    noise_model: NoiseModel,
    pair: NoisyPair,
    mse_weight: float = PAPER_MSE_WEIGHT,
    noise_term: NoiseTerm = cross_sample,
) -> LossTerms:
    """noise_term + mse_weight * noise2noise_mse, with one denoiser call for both frames.

    mse_weight is the paper's lambda, 2^18 there. noise_term: cross_sample, self_sample, pair_difference.
    """
    denoised = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
    nll = noise_term(noise_model, pair, *denoised)
    mse = noise2noise_mse(pair, *denoised)
    return LossTerms(nll + mse_weight * mse, nll, mse)


def denoiser_loss(denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair) -> LossTerms:
    """The Noise2Noise term alone, Eq. 5: pre-training of the denoiser; the noise model is not touched."""
    mse = noise2noise_mse(pair, *denoiser(torch.cat((pair.first, pair.second))).chunk(2))
    return LossTerms(mse, torch.full_like(mse.detach(), math.nan), mse)


def supervised(
    denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair, mse_weight: float = PAPER_MSE_WEIGHT
) -> LossTerms:
    """-log p(y - x | x) and |D(y) - x|^2 with the clean image x = pair.clean; the comparison, not the method.

    Both per dimension, both frames of the pair count as one image each. The noise model learns from the noise itself
    (Noise Flow, Abdelhamed et al., ICCV 2019), and neither term reaches the other's model. ValueError where
    pair.clean is None.
    """
    if pair.clean is None:
        raise ValueError("supervised training needs pair.clean, and these pairs come from bursts without a reference")
    noisy, clean = torch.cat((pair.first, pair.second)), torch.cat((pair.clean, pair.clean))
    context = pair.context(pair.clean)
    nll = nll_per_dim(noise_model, noisy - clean, _both(context, context))
    mse = (denoiser(noisy) - clean).square().mean()
    return LossTerms(nll + mse_weight * mse, nll, mse)


def after_denoising(denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair) -> LossTerms:
    """-log p(y - D(y) | D(y)), both frames, nats per dimension; D is finished and receives no gradient.

    The noise model of "N2N+NF" (Maleky et al., CVPR 2022, Table 1): what a denoiser has removed, taken for the noise.
    """
    with torch.no_grad():
        denoised = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
    nll = self_sample(noise_model, pair, *denoised)
    return LossTerms(nll, nll, noise2noise_mse(pair, *denoised))


def on_samples(
    denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair, generator: torch.Generator | None = None
) -> LossTerms:
    """|D(x + n) - x|^2 per dimension, n ~ p(n | x) drawn anew from a finished noise model; x = pair.clean.

    "DnCNN - NF synthesized" (Maleky et al., CVPR 2022, Table 3). Needs clean images. generator: of the noise; training
    gives one of its own to a loss that draws.
    """
    clean = torch.cat((pair.clean, pair.clean))
    context = _both(pair.context(pair.clean), pair.context(pair.clean))
    mse = (denoiser(clean + noise_model.sample(context, generator=generator)) - clean).square().mean()
    return LossTerms(mse, torch.full_like(mse.detach(), math.nan), mse)


def recorrupt(
    noisy: Tensor, alpha: float, sigma: float, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """y_in = y + alpha z and y_target = y - z / alpha, z ~ N(0, sigma^2), for any shape  (Pang et al., CVPR 2021).

    Their noises n + alpha z and n - z / alpha have covariance Var(n) - sigma^2: a pair of independent frames, as
    Noise2Noise needs them, only where sigma is the noise's own deviation.
    """
    z = sigma * torch.randn(noisy.shape, generator=generator, dtype=noisy.dtype, device=noisy.device)
    return noisy + alpha * z, noisy - z / alpha


def r2r(
    denoiser: Denoiser,
    noise_model: NoiseModel,
    pair: NoisyPair,
    mse_weight: float = PAPER_MSE_WEIGHT,
    alpha: float = 0.5,
    sigma: float = 0.01,
    generator: torch.Generator | None = None,
) -> LossTerms:
    """Eq. 7, from single images: y_in = y + alpha z, y_target = y - z / alpha, z ~ N(0, sigma^2).

    noise term -log p(y | D(y_in)), denoiser term |y_target - D(y_in)|^2, both per dimension; the two frames of
    the pair count as two images, recorrupted apart. sigma is in [0, 1] units; the method is exact where it is the
    noise's own deviation (:func:`recorrupt`).
    """
    noisy = torch.cat((pair.first, pair.second))
    start, target = recorrupt(noisy, alpha, sigma, generator)
    denoised = denoiser(start)
    clean = denoised.clamp(0, 1)
    half = pair.context(clean[: len(pair.first)]), pair.context(clean[len(pair.first) :])
    nll = nll_per_dim(noise_model, noisy - clean, _both(*half))
    mse = (target - denoised).square().mean()
    return LossTerms(nll + mse_weight * mse, nll, mse)
