"""Residuals against their equations, and the map from the law of a residual to that of the noise."""

import math

import pytest
import torch
from cases.losses import MODEL, denoiser, random_pair

from n2nf_core import losses
from n2nf_core.losses import Law, OfManyFrames, Reshaped, Reshaping
from n2nf_core.losses.sinh_arcsinh import with_cumulants
from n2nf_core.types import NoisyPair

SIGNAL = (0.1, 0.5, 0.9)
FLAT = Law((0.1, 0.1, 0.1), (0.0,) * 3, (0.0,) * 3)


@pytest.fixture
def pair():
    return random_pair()


def settings(noise=FLAT, residual=FLAT, share=1.0, camera=0, iso=100.0):
    return (Reshaping(camera, iso, SIGNAL, noise, residual, share),)


def both(pair):
    return denoiser(pair.first), denoiser(pair.second)


def test_a_residual_of_the_law_of_the_noise_stays_as_it_is(pair):
    term = Reshaped(losses.of_two_frames, settings())
    noise, context = term.noise(pair, *both(pair))
    difference = (pair.first - pair.second) / math.sqrt(2)
    torch.testing.assert_close(noise, torch.cat((difference, -difference)), atol=1e-6, rtol=0)
    mean = ((denoiser(pair.first) + denoiser(pair.second)) / 2).clamp(max=1)
    torch.testing.assert_close(context.clean, torch.cat((mean, mean)))
    expected = losses.nll_per_dim(MODEL, noise, context)
    assert float(term(MODEL, pair, *both(pair))) == pytest.approx(float(expected), rel=1e-12)


def test_the_signal_is_a_mixture_of_denoised_and_mean_frames(pair):
    found = Reshaped(losses.of_two_frames, settings(share=0.3)).noise(pair, *both(pair))[1].clean
    mean, denoised = (pair.first + pair.second) / 2, (denoiser(pair.first) + denoiser(pair.second)) / 2
    torch.testing.assert_close(found[:3], (0.3 * denoised + 0.7 * mean).clamp(max=1))
    assert denoised.min() < 0, "an estimate below black is kept"


@pytest.mark.parametrize("frames", [3, 8])
def test_the_leave_one_out_contrast_is_its_equation(frames):
    burst = torch.rand(frames, 2, 4, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pair = random_pair()
    pair = NoisyPair(burst[0], burst[2], pair.camera[:2], pair.iso[:2], burst.mean(0))
    found = OfManyFrames(frames)(pair, burst[0], burst[2])
    for k, t in enumerate((0, 2)):
        others = burst[[i for i in range(frames) if i != t]].mean(0)
        expected = math.sqrt((frames - 1) / frames) * (burst[t] - others)
        torch.testing.assert_close(found.value[2 * k : 2 * k + 2], expected)
    torch.testing.assert_close(found.frames[:2], burst.mean(0))


def test_the_contrast_says_what_it_lacks(pair):
    with pytest.raises(ValueError, match="needs the mean of the burst in pair.clean: see with_means"):
        OfManyFrames(4)(pair, *both(pair))


def test_the_cross_sample_residual_is_that_of_equation_4_unclipped(pair):
    found = losses.of_denoised(pair, *both(pair))
    expected = torch.cat((pair.first - both(pair)[1], pair.second - both(pair)[0]))
    torch.testing.assert_close(found.value, expected)
    pair = NoisyPair(0.2 + 0.6 * pair.first, 0.2 + 0.6 * pair.second, pair.camera, pair.iso)  # D stays in [0, 1]
    term = Reshaped(losses.of_denoised, settings())
    assert float(term(MODEL, pair, *both(pair))) == pytest.approx(
        float(losses.cross_sample(MODEL, pair, *both(pair))), rel=1e-6
    )


def test_scale_only_gives_the_variance_and_leaves_the_shape(pair):
    wide = Law((0.2,) * 3, (0.5,) * 3, (1.0,) * 3)
    noise, _ = Reshaped(losses.of_two_frames, settings(residual=wide), scale_only=True).noise(pair, *both(pair))
    torch.testing.assert_close(noise[:3], (pair.first - pair.second) / math.sqrt(2) / 2, atol=1e-9, rtol=1e-6)


def test_cumulants_that_the_difference_lost_are_given_back():
    """y = x +- r / sqrt(2), with r symmetric and of half the excess kurtosis: n^ has mean, variance, g3 and g4."""
    g3, g4, count, deviation = 0.5, 0.9, 400_000, 0.05
    z = torch.randn(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    r = deviation * with_cumulants(torch.tensor(0.0), torch.tensor(g4 / 2)).quantile(z).view(1, 1, 400, -1)
    clean = torch.full_like(r, 0.3)
    row = torch.zeros(1, dtype=torch.long), torch.full((1,), 100.0, dtype=torch.float64)
    pair = NoisyPair(clean + r / math.sqrt(2), clean - r / math.sqrt(2), *row)
    noise = Law((deviation,) * 3, (g3,) * 3, (g4,) * 3)
    residual = Law((deviation,) * 3, (0.0,) * 3, (g4 / 2,) * 3)
    u = Reshaped(losses.of_two_frames, settings(noise, residual)).noise(pair, clean, clean)[0] / deviation
    for power, expected in ((1, 0.0), (2, 1.0), (3, g3), (4, g4 + 3)):
        value = (u[0] ** power + u[1] ** power) / 2  # the two signs are not independent
        assert abs(value.mean() - expected) < 4 * value.std() / math.sqrt(count)


def test_laws_follow_the_signal_and_each_image_its_setting():
    """Linear between the signals of a setting, constant beyond them, and by camera and ISO of each image."""
    rising = Law((0.1, 0.3, 0.5), (0.0,) * 3, (0.0,) * 3)
    other = settings(FLAT, rising, camera=1, iso=800.0)
    term = Reshaped(losses.of_two_frames, settings(rising, FLAT) + other)
    clean = torch.tensor([0.0, 0.1, 0.3, 0.7, 0.95], dtype=torch.float64).expand(2, 1, 1, 5)
    row = torch.tensor([0, 1]), torch.tensor([100.0, 800.0], dtype=torch.float64)
    pair = NoisyPair(clean + math.sqrt(0.5), clean - math.sqrt(0.5), *row)
    noise = term.noise(pair, clean, clean)[0]
    deviation = torch.tensor([0.1, 0.1, 0.2, 0.4, 0.5], dtype=torch.float64)
    torch.testing.assert_close(noise[0, 0, 0], deviation / 0.1, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(noise[1, 0, 0], 0.1 / deviation, atol=1e-6, rtol=1e-6)


def test_a_setting_that_was_not_measured_gives_nan(pair):
    for unknown in (settings(camera=1), settings(iso=200.0)):
        assert Reshaped(losses.of_two_frames, unknown)(MODEL, pair, *both(pair)).isnan()


def test_the_denoiser_receives_no_gradient(pair):
    d1, d2 = (d.requires_grad_() for d in both(pair))
    assert not Reshaped(losses.of_denoised, settings())(MODEL, pair, d1, d2).requires_grad


def test_a_term_is_named_alike_in_every_process():
    """A checkpoint holds the name of its loss, so that a training goes on with the same one only."""
    text = repr(Reshaped(losses.of_two_frames, settings()))
    assert text.startswith("Reshaped(of_two_frames, (Reshaping(camera=0, iso=100.0, signal=(0.1,")
    assert " at 0x" not in text
    assert "OfManyFrames(frames=8)" in repr(Reshaped(OfManyFrames(8), settings()))
