"""Every loss against its equation, written out in numpy for a Gaussian noise model."""

import math

import pytest
import torch
from cases.losses import MODEL, denoiser, gaussian_nll, random_pair

from n2nf_core import losses


@pytest.fixture
def pair():
    return random_pair()


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


def test_r2r_that_follows_the_signal_adds_the_variance_at_the_denoised_signal(pair):
    terms = losses.r2r(denoiser, MODEL, pair, 3.0, 1.0, MODEL, torch.Generator().manual_seed(9))
    noisy = torch.cat((pair.first, pair.second))
    variance = torch.cat([MODEL.variance(pair.context(denoiser(y).clamp(0, 1))) for y in pair[:2]])
    z = variance.sqrt() * torch.randn(noisy.shape, generator=torch.Generator().manual_seed(9), dtype=noisy.dtype)
    assert terms.mse.item() == pytest.approx(((noisy - z - denoiser(noisy + z)) ** 2).mean().item(), rel=1e-12)


def test_weighted_noise2noise_moves_the_denoiser_as_a_gaussian_likelihood_of_known_variance(pair):
    """Beside each other: errors over twice the variance, and the gradient of the same with the variance held."""
    scale = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)
    terms = losses.weighted_denoiser_loss(lambda y: scale * y, MODEL, pair, MODEL)
    first, second = 0.9 * pair.first, 0.9 * pair.second
    variance = MODEL.variance(pair.context(((first + second) / 2).clamp(0, 1)))
    expected = (((first - pair.second) ** 2 + (second - pair.first) ** 2) / variance).mean() / 4
    assert terms.total.item() == pytest.approx(expected.item(), rel=1e-12)
    assert terms.mse.item() == pytest.approx(losses.noise2noise_mse(pair, first, second).item(), rel=1e-12)
    terms.total.backward()
    slope = ((first - pair.second) * pair.first + (second - pair.first) * pair.second) / variance
    assert scale.grad.item() == pytest.approx(slope.mean().item() / 2, rel=1e-9)


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


def test_after_denoising_takes_any_noise_term_and_trains_no_denoiser(pair):
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    for term in (losses.self_sample, losses.cross_sample):
        terms = losses.after_denoising(lambda y: scale * denoiser(y), MODEL, pair, noise_term=term)
        expected = term(MODEL, pair, denoiser(pair.first), denoiser(pair.second))
        assert terms.total.item() == terms.nll_per_dim.item() == pytest.approx(expected.item(), rel=1e-12)
        assert not terms.total.requires_grad
