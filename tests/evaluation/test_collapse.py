"""The leak against denoisers whose leak is known, and the barrier of the self-sample loss against its formula."""

import math
from functools import partial

import pytest
import torch

from n2nf_core import losses
from n2nf_core.baselines import camera_nlf
from n2nf_core.evaluation import collapse
from n2nf_core.types import NoisyPair


def pair(sigma=0.02, count=64, seed=0):
    """Noise of one deviation on a flat scene."""
    generator = torch.Generator().manual_seed(seed)
    noise = sigma * torch.randn(2, count, 4, 16, 16, generator=generator)
    rows = torch.zeros(count, dtype=torch.long), torch.full((count,), 800.0)
    return NoisyPair(0.5 + noise[0], 0.5 + noise[1], *rows)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_leak_is_the_share_of_the_noise_that_passes(share):
    found = collapse.leak(lambda y: 0.5 + share * (y - 0.5), pair())
    assert float(found) == pytest.approx(share, abs=1e-5)


def test_a_mean_over_pixels_leaks_its_own_weight():
    def mean_of_four(noisy):
        return noisy.unflatten(-1, (-1, 4)).mean(-1, keepdim=True).expand(-1, -1, -1, -1, 4).flatten(-2)

    pixels = 64 * 4 * 16 * 16
    assert float(collapse.leak(mean_of_four, pair())) == pytest.approx(0.25, abs=5 / math.sqrt(pixels))  # 5 errors


def test_watch_follows_the_denoiser():
    denoiser = torch.nn.Conv2d(4, 4, 1, bias=False)
    observe = partial(collapse.watch(pair()), denoiser, None)
    for share in (1.0, 0.25):
        with torch.no_grad():
            denoiser.weight.copy_(share * torch.eye(4)[:, :, None, None])
        assert observe()["leak"] == pytest.approx(share, abs=1e-5)


def self_sample_valley(ratio, seed=0):
    """The self-sample loss along a, noise model at its best, for lambda = ratio * critical: (a, loss)."""
    sigma = 0.02
    noisy = pair(sigma, seed=seed)
    weight = ratio * collapse.critical_weight(sigma**2)
    shares = torch.linspace(0, 0.98, 99, dtype=torch.float64)
    values = []
    for a in shares.tolist():
        estimate = [0.5 + a * (frame - 0.5) for frame in (noisy.first, noisy.second)]
        residual = torch.cat((noisy.first - estimate[0], noisy.second - estimate[1])).double()
        entropy = 0.5 * math.log(2 * math.pi * math.e * float(residual.square().mean()))
        values.append(entropy + weight * float(losses.noise2noise_mse(noisy, *estimate)))
    return shares, torch.tensor(values)


@pytest.mark.parametrize(("ratio", "held"), [(0.0, False), (0.9, False), (1.1, True), (4.0, True)])
def test_below_the_critical_weight_the_loss_has_no_minimum(ratio, held):
    shares, values = self_sample_valley(ratio)
    inner = (values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])
    assert bool(inner.any()) == held
    assert not held or shares[1:-1][inner].max() <= collapse.POINT_OF_NO_RETURN
    assert values[-1] < values[0] - 1 or ratio == 4.0, "the end lies lower, barrier or not"


def test_a_collapse_needs_the_leak_and_the_likelihood():
    def row(step, leak, nll):
        return {"step": step, "leak": leak, "nll_nats_per_dim": nll}

    assert collapse.collapse_step([row(1, 0.9, -2.0), row(2, 0.4, -3.0)], floor=-2.5) is None
    assert collapse.collapse_step([row(1, 0.4, -2.4), row(2, 0.6, -2.6), row(3, 0.9, -4.0)], floor=-2.5) == 2


def test_cross_sample_does_not_reward_the_identity():
    """The same identity that makes the self-sample residual vanish doubles the cross-sample one."""
    noisy, model = pair(0.02), camera_nlf(["S6"])
    identity, perfect = (noisy.first, noisy.second), [torch.full_like(noisy.first, 0.5)] * 2
    self_gain = losses.self_sample(model, noisy, *perfect) - losses.self_sample(model, noisy, *identity)
    cross_gain = losses.cross_sample(model, noisy, *perfect) - losses.cross_sample(model, noisy, *identity)
    assert float(self_gain) > 0 > float(cross_gain)
