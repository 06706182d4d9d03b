"""Both kinds of likelihood of integer data: the exact one sums to one, the other is its upper bound."""

import math

import pytest
import torch
from cases.knots import knots

from n2nf_core.flow import (
    Chain,
    Gain,
    MixtureCDF,
    NoiseFlow,
    SignalDependentScale,
    log_bin_mass,
    noise_flow,
)
from n2nf_core.types import NLF

STEP = 0.01


def flow(read):
    """Noise of one standard deviation, in units of STEP, with tails and skewness."""
    torch.manual_seed(0)
    mixture = MixtureCDF(knots())
    for parameter in mixture.parameters():
        parameter.data += 0.5 * torch.randn_like(parameter)
    layers = [SignalDependentScale(knots(), NLF(1e-9, (read * STEP) ** 2)), mixture, Gain()]
    return NoiseFlow(Chain(layers), knots()).double()


def every_integer(model, clean):
    """n = DN - clean for DN = -40 ... 40, one image of one pixel each, and the context."""
    noise = (STEP * torch.arange(-40, 41).double() - clean)[:, None, None, None]
    return noise, model.context(torch.full_like(noise, clean), "S6", 400)


@pytest.mark.parametrize("read", [0.05, 0.4, 3.0])
def test_masses_of_all_bins_sum_to_one(read):
    model = flow(read)
    total = log_bin_mass(model, *every_integer(model, 0.0037), STEP).exp().sum()
    assert float(total.detach()) == pytest.approx(1, abs=1e-9)


def test_a_mass_is_the_integral_of_the_density():
    model = flow(0.6)
    noise, context = every_integer(model, 0.0037)
    nodes = (torch.arange(200).double() + 0.5) / 200 - 0.5
    density = torch.stack([model.log_prob(noise + STEP * v, context).exp() for v in nodes]).mean(0) * STEP
    mass = log_bin_mass(model, noise, context, STEP).exp()
    torch.testing.assert_close(mass, density, rtol=1e-4, atol=1e-12)
    far = torch.full((1, 1, 1, 1), 60 * STEP).double()
    model.requires_grad_(False)
    for side in (-1, 1):  # the mass of a far bin is not rounded to 0
        assert -1e4 < float(log_bin_mass(model, side * far, context.rows(slice(0, 1)), STEP)) < -100


@pytest.mark.parametrize("read", [0.1, 1.0])
def test_uniform_noise_gives_an_upper_bound_that_is_close_for_wide_noise(read):
    model, generator = flow(read), torch.Generator().manual_seed(0)
    clean = STEP * torch.rand(200, 4, 6, 6, generator=generator, dtype=torch.float64)
    context = model.context(clean, "S6", 400)
    noise = STEP * ((clean + model.sample(context, generator=generator)) / STEP).round() - clean
    spread = noise + STEP * (torch.rand(noise.shape, generator=generator, dtype=torch.float64) - 0.5)
    uniform, exact = -model.log_prob(spread, context).mean(), -log_bin_mass(model, noise, context, STEP).mean()
    gap = float((uniform - exact).detach()) / noise[0].numel() - math.log(STEP)
    assert gap > 0
    assert (gap < 0.1) == (read == 1.0)


def test_models_of_dependent_pixels_have_no_mass_of_a_bin():
    model = noise_flow(["S6"], [800])
    context = model.context(torch.rand(2, 4, 3, 3), "S6", 800)
    with pytest.raises(TypeError, match=r"independent, but it has a InvertibleConv1x1: score this flow on dequantised"):
        log_bin_mass(model, torch.zeros(2, 4, 3, 3), context, STEP)
