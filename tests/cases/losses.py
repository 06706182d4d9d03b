"""A pair of random images, a denoiser that leaves [0, 1], and a Gaussian noise model with its NLL written out."""

import math

import torch

from n2nf_core.baselines import GaussianNoise
from n2nf_core.types import NLF, NoisyPair

SHOT, READ = 0.01, 1e-3
MODEL = GaussianNoise({"A": {100: NLF(SHOT, READ)}})


def random_pair():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 3, 4, 6, 5, generator=generator, dtype=torch.float64)
    return NoisyPair(first, second, torch.zeros(3, dtype=torch.long), torch.full((3,), 100.0, dtype=torch.float64))


def denoiser(noisy):
    return 1.3 * noisy - 0.1  # leaves [0, 1] at both ends, so that clipping shows


def gaussian_nll(noise, clean):
    variance = SHOT * clean + READ
    return (0.5 * noise**2 / variance + 0.5 * torch.log(2 * math.pi * variance)).mean().item()
