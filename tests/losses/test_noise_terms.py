"""Noise terms against their equations, written out in numpy for a Gaussian noise model."""

import math

import pytest
import torch
from cases.losses import MODEL, denoiser, gaussian_nll, random_pair

from n2nf_core import losses
from n2nf_core.baselines import GaussianNoise
from n2nf_core.cameras import NLF
from n2nf_core.flow import noise_flow, sensor_flow
from n2nf_core.types import NoisyPair


@pytest.fixture
def pair():
    return random_pair()


def test_cross_sample_is_equation_4(pair):
    d1, d2 = denoiser(pair.first).clamp(0, 1), denoiser(pair.second).clamp(0, 1)
    expected = (gaussian_nll(pair.first - d2, d2) + gaussian_nll(pair.second - d1, d1)) / 2
    value = losses.cross_sample(MODEL, pair, denoiser(pair.first), denoiser(pair.second))
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_self_sample_is_equation_6(pair):
    d1, d2 = denoiser(pair.first).clamp(0, 1), denoiser(pair.second).clamp(0, 1)
    expected = (gaussian_nll(pair.first - d1, d1) + gaussian_nll(pair.second - d2, d2)) / 2
    value = losses.self_sample(MODEL, pair, denoiser(pair.first), denoiser(pair.second))
    assert value.item() == pytest.approx(expected, rel=1e-9)


def test_pair_difference_is_its_equation_and_leaves_the_denoiser_alone(pair):
    d1, d2 = (denoiser(y).requires_grad_() for y in (pair.first, pair.second))
    flow = noise_flow(["A"], [100]).double()
    losses.pair_difference(flow, pair, d1, d2).backward()
    assert d1.grad is None and d2.grad is None
    assert all(p.grad is not None for p in flow.parameters())
    expected = gaussian_nll((pair.first - pair.second) / math.sqrt(2), ((d1 + d2) / 2).detach().clamp(0, 1))
    assert losses.pair_difference(MODEL, pair, d1, d2).item() == pytest.approx(expected, rel=1e-9)


def test_pair_difference_tells_the_noise_model_of_signals_below_black(pair):
    """A noise level function takes them as 0; a Sensor Flow has a shape there, which learns."""
    flow = sensor_flow(["A"], [100]).double()
    dark = torch.full_like(pair.first, -0.01)
    losses.pair_difference(flow, pair, dark, dark).backward()
    assert flow.mixture.log_below.grad.abs().max() > 0


def test_pair_difference_finds_the_noise_where_cross_sample_finds_the_denoisers_error_too():
    """A denoiser with an error of known variance e: cross-sample is least at noise + e, pair-difference at noise."""
    generator = torch.Generator().manual_seed(1)
    clean = torch.full((64, 4, 16, 16), 0.5, dtype=torch.float64)
    noise, error = torch.randn(2, 2, *clean.shape, generator=generator, dtype=torch.float64)
    pair = NoisyPair(
        clean + 0.03 * noise[0], clean + 0.03 * noise[1], torch.zeros(64, dtype=torch.long), torch.full((64,), 100.0)
    )
    denoised = clean + 0.02 * error[0], clean + 0.02 * error[1]

    def best(term):
        variances = torch.linspace(2e-4, 3e-3, 281, dtype=torch.float64)
        values = [term(GaussianNoise({"A": {100: NLF(0.0, float(v))}}), pair, *denoised) for v in variances]
        return float(variances[int(torch.stack(values).argmin())])

    count = clean.numel()
    for term, expected, independent in ((losses.pair_difference, 9e-4, 1), (losses.cross_sample, 13e-4, 2)):
        standard_error = expected * math.sqrt(2 / (count * independent))
        assert abs(best(term) - expected) < 4 * standard_error + 1e-5  # 1e-5: the grid
