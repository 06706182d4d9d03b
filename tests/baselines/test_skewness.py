"""The third cumulant of Poisson noise and of Gaussian noise, from pairs and from bursts."""

import pytest
import torch

from n2nf_core.baselines.skewness import third_cumulant

GAIN, READ = 0.01, 0.004


def burst(frames, seed, poisson=True, gains=None):
    generator = torch.Generator().manual_seed(seed)
    light = torch.ones(frames) if gains is None else torch.tensor(gains)
    clean = torch.linspace(0, 0.8, 4 * 96 * 96).view(4, 96, 96) * light[:, None, None, None]
    noise = READ * torch.randn(clean.shape, generator=generator)
    if poisson:
        return torch.poisson(clean / GAIN, generator=generator) * GAIN + noise
    return clean + (GAIN * clean).sqrt() * torch.randn(clean.shape, generator=generator) + noise


@pytest.mark.parametrize("frames", [2, 3, 8])
def test_slope_is_the_gain_squared_for_poisson_noise_and_0_for_gaussian_noise(frames):
    """Over six bursts the deviations in standard errors have mean 0, within 4 of their errors; so do both terms."""
    z = []
    for seed in range(6):
        found, plain = third_cumulant([burst(frames, seed)]), third_cumulant([burst(frames, seed, poisson=False)])
        errors = (found.slope_error, found.offset_error, plain.slope_error, plain.offset_error)
        truth = (GAIN**2, 0, 0, 0)
        values = (found.slope, found.offset, plain.slope, plain.offset)
        z.append([(v - t) / e for v, t, e in zip(values, truth, errors, strict=True)])
        assert found.slope_error < 0.2 * GAIN**2
    z = torch.tensor(z)
    assert z.mean(0).abs().max() < 4 / 6**0.5 and z.square().mean() < 1 + 4 * (2 / z.numel()) ** 0.5


@pytest.mark.parametrize("frames", [2, 6])
def test_skewness_of_the_groups_is_that_of_poisson_noise(frames):
    found = third_cumulant([burst(frames, 10), burst(frames, 11)])
    expected = GAIN**2 * found.signal / (GAIN * found.signal + READ**2) ** 1.5
    z = (found.skewness - expected) / found.error
    assert len(z) == 20 and float(z.square().mean()) < 1 + 4 * (2 / 20) ** 0.5


def test_light_that_changes_is_divided_out():
    found = third_cumulant([burst(4, 0, gains=[0.5, 1.0, 1.5, 1.0])], saturation=2.0)
    assert abs(found.slope - GAIN**2) < 4 * found.slope_error < 2 * GAIN**2
