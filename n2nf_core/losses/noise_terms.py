"""Noise terms: how a noise model learns from a pair of noisy images, each with its equation and its limits.

A noise term is a function (noise model, pair, D(y1), D(y2)) -> negative log-likelihood in nats per dimension. The terms
here need nothing but the pair and the denoiser. The terms that need measurements of the noise are in
:mod:`n2nf_core.losses.reshaped`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from n2nf_core.types import Context, NoiseModel, NoisyPair

NoiseTerm = Callable[[NoiseModel, NoisyPair, Tensor, Tensor], Tensor]
"""(noise_model, pair, D(y1), D(y2)) -> scalar in nats per dimension."""


def nll_per_dim(noise_model: NoiseModel, noise: Tensor, context: Context) -> Tensor:
    """NLL = mean over images of -log p(n | x) / (C H W), a scalar in nats per dimension.

    Arguments:
        noise_model: p(n | x).
        noise: (B, C, H, W), in [0, 1] units.
        context: clean signal, camera and ISO of the B images.
    """
    return -noise_model.log_prob(noise, context).mean() / noise[0].numel()


def contexts(pair: NoisyPair, clean: Tensor) -> Context:
    """The contexts of both frames of a pair, given estimates (2 B, C, H, W) of their clean signals."""
    return Context(clean, torch.cat((pair.camera, pair.camera)), torch.cat((pair.iso, pair.iso)))


def cross_sample(noise_model: NoiseModel, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Tensor:
    """Eq. 4: (-log p(y1 | D(y2)) - log p(y2 | D(y1))) / 2, a scalar in nats per dimension.

    The residual y1 - D(y2) is the noise n1 plus the error of D. So the noise model learns noise that is too large by
    this error.

    Arguments:
        noise_model: p(n | x).
        pair: y1 and y2, (B, C, H, W).
        denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W), not clipped.
    """
    return _residuals(noise_model, pair, denoised_second, denoised_first)


def self_sample(noise_model: NoiseModel, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor) -> Tensor:
    """Eq. 6: (-log p(y1 | D(y1)) - log p(y2 | D(y2))) / 2, a scalar in nats per dimension.

    This term has no lower bound. Where ``mse_weight`` is small, D becomes the identity and the noise vanishes.

    Arguments:
        noise_model: p(n | x).
        pair: y1 and y2, (B, C, H, W).
        denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W), not clipped.
    """
    return _residuals(noise_model, pair, denoised_first, denoised_second)


def _residuals(noise_model: NoiseModel, pair: NoisyPair, of_first: Tensor, of_second: Tensor) -> Tensor:
    """(-log p(y1 | x1) - log p(y2 | x2)) / 2, where x1 and x2 are clipped to [0, 1]."""
    clean = torch.cat((of_first, of_second)).clamp(0, 1)
    return nll_per_dim(noise_model, torch.cat((pair.first, pair.second)) - clean, contexts(pair, clean))


def pair_difference(
    noise_model: NoiseModel, pair: NoisyPair, denoised_first: Tensor, denoised_second: Tensor
) -> Tensor:
    """-log p((y1 - y2) / sqrt(2) | (D(y1) + D(y2)) / 2), a scalar in nats per dimension.

    The scene cancels in y1 - y2. For Gaussian noise, (n1 - n2) / sqrt(2) has the density of n1, so the term is exact.
    The error of D does not add to the noise; it only changes the signal at which the noise model is evaluated. For
    other noise the model learns the right variance, but no skewness and half of the excess kurtosis. D receives no
    gradient from this term. Its signal may lie below black: the noise level functions take it as 0, and
    :class:`~n2nf_core.flow.MixtureCDF` has a shape there.

    Arguments:
        noise_model: p(n | x).
        pair: y1 and y2, (B, C, H, W).
        denoised_first, denoised_second: D(y1) and D(y2), (B, C, H, W), not clipped.
    """
    clean = ((denoised_first + denoised_second) / 2).detach().clamp(max=1)
    return nll_per_dim(noise_model, (pair.first - pair.second) / math.sqrt(2), pair.context(clean))
