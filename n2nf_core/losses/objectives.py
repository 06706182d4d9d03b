"""Losses for noise models and denoisers that see only pairs of noisy images.

For a pair y1 = x + n1, y2 = x + n2 of one scene, a denoiser D and a noise model p(n | x):

    joint = noise term + mse_weight * Noise2Noise term          (Maleky et al., CVPR 2022)

Images are in [0, 1] units. Negative log-likelihoods are in nats per dimension and squared errors are per dimension.
Both are means over the two directions. D is clipped to [0, 1] for likelihoods only. Use autocast only for the denoiser.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from n2nf_core.losses.noise_terms import NoiseTerm, contexts, cross_sample, nll_per_dim, self_sample
from n2nf_core.types import Denoiser, HasVariance, LossTerms, NoiseModel, NoisyPair

PAPER_MSE_WEIGHT = 2.0**18


def noise2noise_mse(pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Tensor:
    """Eq. 5: (|D(y1) - y2|^2 + |D(y2) - y1|^2) / 2 per dimension, a scalar  (Lehtinen et al., ICML 2018).

    Arguments:
        pair: y1 and y2, (B, C, H, W).
        denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W), not clipped.
    """
    return ((denoised_first - pair.second).square().mean() + (denoised_second - pair.first).square().mean()) / 2


def half_pair_mse(pair: NoisyPair) -> float:
    """|y1 - y2|^2 / 2 per dimension: the noise variance, below which noise2noise_mse cannot fall on average."""
    return float((pair.first - pair.second).square().mean() / 2)


def joint_loss(
    denoiser: Denoiser,
    noise_model: NoiseModel,
    pair: NoisyPair,
    mse_weight: float = PAPER_MSE_WEIGHT,
    noise_term: NoiseTerm = cross_sample,
) -> LossTerms:
    """total = noise_term + mse_weight * noise2noise_mse, the loss of Noise2NoiseFlow (Maleky et al., CVPR 2022).

    Arguments:
        denoiser: D, called once for both frames.
        noise_model: p(n | x).
        pair: y1 and y2, (B, C, H, W).
        mse_weight: lambda, the weight of the Noise2Noise term; 2^18 in the paper.
        noise_term: :func:`cross_sample`, :func:`self_sample`, :func:`pair_difference`, or a :class:`Reshaped` one.
    """
    denoised = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
    nll = noise_term(noise_model, pair, *denoised)
    mse = noise2noise_mse(pair, *denoised)
    return LossTerms(nll + mse_weight * mse, nll, mse)


def denoiser_loss(denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair) -> LossTerms:
    """total = noise2noise_mse, Eq. 5 alone, for pre-training the denoiser. The noise model is not used.

    Arguments:
        denoiser: D, called once for both frames.
        noise_model: not used; ``nll_per_dim`` of the result is NaN.
        pair: y1 and y2, (B, C, H, W).
    """
    mse = noise2noise_mse(pair, *denoiser(torch.cat((pair.first, pair.second))).chunk(2))
    return LossTerms(mse, torch.full_like(mse.detach(), math.nan), mse)


def weighted_denoiser_loss(
    denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair, known: HasVariance
) -> LossTerms:
    """total = mean of (D(y1) - y2)^2 / (2 v) and (D(y2) - y1)^2 / (2 v): Noise2Noise with weights 1 / v.

    v is the variance of the noise at (D(y1) + D(y2)) / 2, which receives no gradient. The cross-sample term of a
    Gaussian noise model moves the denoiser by the same weights, so this is what joint training without a Noise2Noise
    term does to the denoiser, but for the training of the noise model and the gradient of v.

    Arguments:
        denoiser: D, called once for both frames.
        noise_model: not used; ``nll_per_dim`` of the result is NaN.
        pair: y1 and y2, (B, C, H, W).
        known: gives v, for example photon transfer.
    """
    denoised = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
    variance = known.variance(pair.context(((denoised[0] + denoised[1]) / 2).detach().clamp(0, 1)))
    errors = (denoised[0] - pair.second).square() + (denoised[1] - pair.first).square()
    total = (errors / variance).mean() / 4
    return LossTerms(total, torch.full_like(total.detach(), math.nan), noise2noise_mse(pair, *denoised))


def supervised(
    denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair, mse_weight: float = PAPER_MSE_WEIGHT
) -> LossTerms:
    """total = -log p(y - x | x) + mse_weight * |D(y) - x|^2, both per dimension, with the clean image x.

    This is supervised training, for comparison. The noise model learns from the true noise y - x, as in Noise Flow
    (Abdelhamed et al., ICCV 2019). Each term trains only its own model. Both frames of the pair are used.

    Arguments:
        denoiser: D, called once for both frames.
        noise_model: p(n | x).
        pair: y1, y2 and x = ``pair.clean``, (B, C, H, W).
        mse_weight: weight of the squared error.

    ValueError where ``pair.clean`` is None.
    """
    if pair.clean is None:
        raise ValueError("supervised training needs pair.clean, but it is None: give bursts with a clean reference")
    noisy, clean = torch.cat((pair.first, pair.second)), torch.cat((pair.clean, pair.clean))
    nll = nll_per_dim(noise_model, noisy - clean, contexts(pair, clean))
    mse = (denoiser(noisy) - clean).square().mean()
    return LossTerms(nll + mse_weight * mse, nll, mse)


def after_denoising(
    denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair, noise_term: NoiseTerm = self_sample
) -> LossTerms:
    """total = noise term, in nats per dimension, with a trained denoiser that receives no gradient.

    With :func:`self_sample` the noise model learns from what D removes: "N2N+NF" (Maleky et al., CVPR 2022, Table 1).
    With :func:`cross_sample` it learns from the residual of the joint loss. The difference between the two models is
    then due to joint training alone.

    Arguments:
        denoiser: D, already trained.
        noise_model: p(n | x).
        pair: y1 and y2, (B, C, H, W).
        noise_term: any noise term.
    """
    with torch.no_grad():
        denoised = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
    nll = noise_term(noise_model, pair, *denoised)
    return LossTerms(nll, nll, noise2noise_mse(pair, *denoised))


def on_samples(
    denoiser: Denoiser, noise_model: NoiseModel, pair: NoisyPair, generator: torch.Generator | None = None
) -> LossTerms:
    """total = |D(x + n) - x|^2 per dimension, with new noise n ~ p(n | x) from a trained noise model.

    The denoiser learns from clean images: "DnCNN - NF synthesized" (Maleky et al., CVPR 2022, Table 3).

    Arguments:
        denoiser: D.
        noise_model: p(n | x), already trained.
        pair: clean images x = ``pair.clean``, (B, C, H, W), with camera and ISO.
        generator: of the noise; training passes its own.
    """
    clean = torch.cat((pair.clean, pair.clean))
    noise = noise_model.sample(contexts(pair, clean), generator=generator)
    mse = (denoiser(clean + noise) - clean).square().mean()
    return LossTerms(mse, torch.full_like(mse.detach(), math.nan), mse)


def recorrupt(
    noisy: Tensor, alpha: float, sigma: float | Tensor, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """y_in = y + alpha z and y_target = y - z / alpha, z ~ N(0, sigma^2): a pair made from one image.

    The covariance of their noises is Var(n) - sigma^2, so they are uncorrelated, as Noise2Noise needs, only where sigma
    is the standard deviation of n. Source: Recorrupted-to-Recorrupted (Pang et al., CVPR 2021).

    Arguments:
        noisy: y, of any shape, in [0, 1] units.
        alpha: scale of the added noise, positive.
        sigma: standard deviation of z, in [0, 1] units, one for all or one for every pixel.
        generator: of z; by default PyTorch's own for the device.
    """
    z = sigma * torch.randn(noisy.shape, generator=generator, dtype=noisy.dtype, device=noisy.device)
    return noisy + alpha * z, noisy - z / alpha


def r2r(
    denoiser: Denoiser,
    noise_model: NoiseModel,
    pair: NoisyPair,
    mse_weight: float = PAPER_MSE_WEIGHT,
    alpha: float = 0.5,
    sigma: float | HasVariance = 0.01,
    generator: torch.Generator | None = None,
) -> LossTerms:
    """total = -log p(y | D(y_in)) + mse_weight * |y_target - D(y_in)|^2, both per dimension: Eq. 7, R2RFlow.

    The method needs single images: y_in and y_target are made from y by :func:`recorrupt`. The two frames of a pair
    count as two images. The method is exact where sigma is the standard deviation of the noise.

    Arguments:
        denoiser: D, called once for both frames.
        noise_model: p(n | x).
        pair: y1 and y2, (B, C, H, W).
        mse_weight: weight of the squared error.
        alpha: scale of the added noise, positive.
        sigma: standard deviation of z, in [0, 1] units, or a noise model that gives the variance of z at D(y).
        generator: of z; by default PyTorch's own for the device.
    """
    noisy = torch.cat((pair.first, pair.second))
    start, target = recorrupt(noisy, alpha, _deviation(sigma, denoiser, noisy, pair), generator)
    denoised = denoiser(start)
    clean = denoised.clamp(0, 1)
    nll = nll_per_dim(noise_model, noisy - clean, contexts(pair, clean))
    mse = (target - denoised).square().mean()
    return LossTerms(nll + mse_weight * mse, nll, mse)


@torch.no_grad()
def _deviation(sigma: float | HasVariance, denoiser: Denoiser, noisy: Tensor, pair: NoisyPair) -> float | Tensor:
    if not isinstance(sigma, HasVariance):
        return sigma
    return sigma.variance(contexts(pair, denoiser(noisy).clamp(0, 1))).sqrt()
