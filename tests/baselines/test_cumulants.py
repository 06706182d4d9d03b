"""Cumulants of noise of a known law, from bursts and from pairs, within their standard errors."""

import math

import pytest
import torch

from n2nf_core.baselines.cumulants import Recording, k_statistics, measure_noise_shape, pair_third_cumulant
from n2nf_core.types import NLF

GAIN, READ = 0.02, 4e-4  # Poisson-Gaussian noise: k3 = gain^2 x, k4 = gain^3 x


def recording(frames, side=96, seed=0, own=0.3, error=0.05):
    """Photons and read noise on a scene from dark to bright; D lets ``own`` through and has an error of its own."""
    generator = torch.Generator().manual_seed(seed)
    clean = torch.linspace(0.02, 0.5, 4 * side * side, dtype=torch.float64).view(4, side, side)
    photons = torch.poisson((clean / GAIN).expand(frames, -1, -1, -1).contiguous(), generator=generator)
    read = math.sqrt(READ) * torch.randn(photons.shape, generator=generator, dtype=torch.float64)
    noisy = GAIN * photons + read
    bias = error * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    return Recording(noisy, clean + bias + own * (noisy[:2] - clean)), clean


def truth(signal):
    variance = GAIN * signal + READ
    return GAIN**2 * signal / variance**1.5, GAIN**3 * signal / variance**2


@pytest.mark.parametrize("frames", [2, 3, 4, 8])
def test_skewness_and_kurtosis_are_found_within_their_errors(frames):
    found = measure_noise_shape([recording(frames, error=0.01)[0]], NLF(GAIN, READ), bins=4)
    for value, error, expected in zip(
        (found.skewness, found.kurtosis),
        (found.skewness_error, found.kurtosis_error),
        truth(found.signal),
        strict=True,
    ):
        assert ((value - expected).abs() < 4 * error).all()
        assert (error < 0.35).all() and (error > 0).all()
    assert found.frames == frames and found.skewness[0] > 3 * found.skewness_error[0]


def test_standard_errors_are_honest():
    """Over 40 bursts the mean of z^2 is 1, within 4 standard errors."""
    rows = [measure_noise_shape([recording(8, side=32, seed=seed)[0]], NLF(GAIN, READ), bins=4) for seed in range(40)]
    for k, name in enumerate(("skewness", "kurtosis")):
        z = torch.stack([(getattr(r, name) - truth(r.signal)[k]) / getattr(r, f"{name}_error") for r in rows])
        assert abs(z.square().mean() - 1) < 4 * z.square().std() / math.sqrt(z.numel()) + 0.1  # 0.1: few tiles


def test_rho_and_the_share_of_the_denoised_frames():
    """v / s2 with D(y) = x + b + a n: the error variance is var(b) + a^2 s2."""
    given, clean = recording(6, error=0.05)
    found = measure_noise_shape([given], NLF(GAIN, READ), bins=4)
    expected = 0.05**2 / found.variance + 0.3**2
    assert ((found.rho - expected).abs() < 4 * found.rho_error + 0.03 * expected).all()  # 0.03: 1 / s2 over a bin
    noise = float((GAIN * clean + READ).mean())
    assert found.denoised_share == pytest.approx(1 / (1 + 6 * (0.05**2 / noise + 0.09)), rel=0.05)


def of_pair(given, nlf, own):
    frames, denoised = given
    return pair_third_cumulant(frames.mean(0), (frames[0] - frames[1]) ** 2 / 2, denoised.mean(0), nlf, own)


def test_what_the_denoiser_lets_through_and_its_errors_do_not_bias_the_third_cumulant():
    """Each with the error of its own mean; a third cumulant without either correction is off by many of them."""
    for own, error in ((0.0, 0.0), (0.4, 0.0), (0.2, 0.05)):
        given, clean = recording(2, side=160, own=own, error=error)
        value = of_pair(given, NLF(GAIN, READ), own) - GAIN**2 * clean
        assert abs(value.mean()) < 4 * value.std() / math.sqrt(value.numel())


def test_pixels_that_differ_in_variance_are_told_from_heavy_tails():
    """Gaussian noise whose variance is 1 or 9 at each pixel: 3 Var[V] / E[V]^2 = 3 * 16 / 25, and none of it is k4."""
    generator = torch.Generator().manual_seed(0)
    deviation = torch.where(torch.rand(4, 96, 96, generator=generator) < 0.5, 0.01, 0.03)
    frames = 0.4 + deviation * torch.randn(8, 4, 96, 96, generator=generator)
    recording = Recording(frames, torch.full_like(frames[:2], 0.4))
    found = measure_noise_shape([recording], NLF(0.0, 5e-4), bins=2)
    assert ((found.kurtosis - 48 / 25).abs() < 4 * found.kurtosis_error).all()
    assert ((found.pixel_kurtosis - 48 / 25).abs() < 4 * found.kurtosis_error).all()
    alike = Recording(0.4 + 0.01 * (frames - 0.4) / deviation, recording.denoised)
    assert (measure_noise_shape([alike], NLF(0.0, 1e-4), bins=2).pixel_kurtosis < 0.1).all()


def exponential(own, frames=2):
    """A flat scene with noise of the cumulants s, s^2, 2 s^3, 6 s^4, and a D that lets ``own`` of it through."""
    generator = torch.Generator().manual_seed(5)
    noise = 0.03 * (torch.empty(frames, 4, 160, 160, dtype=torch.float64).exponential_(generator=generator) - 1)
    error = 0.01 * torch.randn(1, 4, 160, 160, generator=generator, dtype=torch.float64)
    return Recording(0.3 + noise, 0.3 + error + own * noise[:2])


def test_the_share_that_the_denoiser_lets_through_is_undone():
    value = of_pair(exponential(0.4), NLF(0.0, 9e-4), 0.4) - 2 * 0.03**3
    assert abs(value.mean()) < 4 * value.std() / math.sqrt(value.numel())


@pytest.mark.parametrize("frames", [2, 6])
def test_bins_do_not_select_noise(frames):
    """Every bin holds the same noise, however much of it D lets through."""
    found = measure_noise_shape([exponential(0.4, frames)], NLF(0.0, 9e-4), bins=4)
    assert ((found.skewness - 2).abs() < 4 * found.skewness_error).all()
    assert ((found.kurtosis - 6).abs() < 4 * found.kurtosis_error).all()


def test_k_statistics_are_unbiased():
    """Exponential noise has the cumulants 1, 2, 6."""
    frames = torch.empty(5, 1, 400, 400, dtype=torch.float64).exponential_(generator=torch.Generator().manual_seed(0))
    for value, expected in zip(k_statistics(frames), (1, 2, 6), strict=True):
        assert abs(value.mean() - expected) < 4 * value.std() / 400
    assert k_statistics(frames[:3])[2].isnan().all() and k_statistics(frames[:2])[1].isnan().all()


def test_too_few_pixels_are_named():
    with pytest.raises(ValueError, match="at least 800 pixels below saturation"):
        measure_noise_shape([recording(4, side=8)[0]], NLF(GAIN, READ))
    with pytest.raises(ValueError, match="at least 800 pixels"):
        measure_noise_shape([], NLF(GAIN, READ))
