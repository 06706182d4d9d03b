"""Every loss against its equation, written out in numpy for a Gaussian noise model."""

import math

import pytest
import torch

from n2nf_core import losses
from n2nf_core.baselines import GaussianNoise
from n2nf_core.cameras import NLF
from n2nf_core.flow import noise_flow
from n2nf_core.types import NoisyPair

SHOT, READ = 0.01, 1e-3
MODEL = GaussianNoise({"A": {100: NLF(SHOT, READ)}})


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 3, 4, 6, 5, generator=generator, dtype=torch.float64)
    return NoisyPair(first, second, torch.zeros(3, dtype=torch.long), torch.full((3,), 100.0, dtype=torch.float64))


def denoiser(noisy):
    return 1.3 * noisy - 0.1  # leaves [0, 1] at both ends, so that clipping shows


def gaussian_nll(noise, clean):
    variance = SHOT * clean + READ
    return (0.5 * noise**2 / variance + 0.5 * torch.log(2 * math.pi * variance)).mean().item()


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


def test_noise2noise_is_equation_5_unclipped(pair):
    d1, d2 = denoiser(pair.first), denoiser(pair.second)
    expected = ((d1 - pair.second) ** 2).mean() / 2 + ((d2 - pair.first) ** 2).mean() / 2
    assert losses.noise2noise_mse(pair, d1, d2).item() == pytest.approx(expected.item(), rel=1e-12)


def test_joint_loss_adds_up_with_one_denoiser_call(pair):
    calls = []

    def counted(noisy):
        calls.append(len(noisy))
        return denoiser(noisy)

    for term in (losses.cross_sample, losses.self_sample, losses.pair_difference):
        terms = losses.joint_loss(counted, MODEL, pair, mse_weight=7.0, noise_term=term)
        assert terms.total.item() == pytest.approx((terms.nll_per_dim + 7 * terms.mse).item())
    assert calls == [6, 6, 6]
    assert losses.PAPER_MSE_WEIGHT == 262_144


def test_r2r_is_equation_7(pair):
    alpha, sigma = 0.4, 0.05
    terms = losses.r2r(denoiser, MODEL, pair, 3.0, alpha, sigma, torch.Generator().manual_seed(9))
    noisy = torch.cat((pair.first, pair.second))
    z = sigma * torch.randn(noisy.shape, generator=torch.Generator().manual_seed(9), dtype=noisy.dtype)
    denoised = denoiser(noisy + alpha * z)
    clean = denoised.clamp(0, 1)
    assert terms.nll_per_dim.item() == pytest.approx(gaussian_nll(noisy - clean, clean), rel=1e-9)
    assert terms.mse.item() == pytest.approx(((noisy - z / alpha - denoised) ** 2).mean().item(), rel=1e-12)
    assert terms.total.item() == pytest.approx((terms.nll_per_dim + 3 * terms.mse).item())


def test_recorrupted_images_are_a_pair_only_at_the_deviation_of_the_noise():
    """Covariance of the two noises: Var(n) - sigma^2."""
    noise = 0.3 * torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for sigma in (0.1, 0.3, 0.5):
        start, target = losses.recorrupt(noise, 0.5, sigma, torch.Generator().manual_seed(1))
        product = (start - start.mean()) * (target - target.mean())
        standard_error = product.std().item() / math.sqrt(len(noise))
        assert abs(product.mean().item() - (0.09 - sigma**2)) < 4 * standard_error


def test_supervised_is_its_equation_on_both_frames(pair):
    clean = torch.rand(pair.first.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    terms = losses.supervised(denoiser, MODEL, pair._replace(clean=clean), mse_weight=3.0)
    nll = (gaussian_nll(pair.first - clean, clean) + gaussian_nll(pair.second - clean, clean)) / 2
    mse = ((denoiser(pair.first) - clean) ** 2).mean() / 2 + ((denoiser(pair.second) - clean) ** 2).mean() / 2
    assert terms.nll_per_dim.item() == pytest.approx(nll, rel=1e-9)
    assert terms.mse.item() == pytest.approx(mse.item(), rel=1e-12)
    assert terms.total.item() == pytest.approx(nll + 3 * mse.item(), rel=1e-9)


def test_supervised_training_needs_a_clean_image(pair):
    with pytest.raises(ValueError, match="needs pair.clean"):
        losses.supervised(denoiser, MODEL, pair)


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
