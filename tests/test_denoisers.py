from functools import partial

import pytest
import torch
from torch import nn

from n2nf_core.denoisers import DnCNN, UNet, linear_skip
from n2nf_core.flow import nlf_flow
from n2nf_core.losses import denoiser_loss
from n2nf_core.training import FitConfig, fit
from n2nf_core.types import NoisyPair

BUILD = {
    "dncnn": partial(DnCNN, layers=4, features=8),
    "dncnn_plain": partial(DnCNN, layers=4, features=8, norm=nn.Identity),
    "unet": partial(UNet, features=8, depth=3),
    "unet_six_planes": partial(UNet, channels=6, features=8, depth=2),
}


@pytest.mark.parametrize("name", BUILD)
@pytest.mark.parametrize("size", [(1, 1), (3, 17), (8, 8), (32, 20), (33, 31)], ids=str)
def test_any_size_in_gives_the_same_size_out_and_finite_gradients(name, size):
    torch.manual_seed(0)
    denoiser = BUILD[name]()
    noisy = torch.rand(2, 6 if "six" in name else 4, *size)
    out = denoiser(noisy)
    assert out.shape == noisy.shape
    out.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in denoiser.parameters())


def test_sizes_are_those_of_the_papers():
    assert sum(p.numel() for p in DnCNN().parameters()) == 263_616
    assert len([m for m in DnCNN(layers=5).modules() if isinstance(m, nn.Conv2d)]) == 5
    assert DnCNN(features=10).body[0].out_channels == 10
    with pytest.raises(ValueError, match="at least 2 layers"):
        DnCNN(layers=1)


@pytest.mark.parametrize("name", ["dncnn", "unet"])
def test_state_loads_with_weights_only(name, tmp_path):
    denoiser = BUILD[name]()
    torch.save(denoiser.state_dict(), tmp_path / "d.pt")
    other = BUILD[name]()
    other.load_state_dict(torch.load(tmp_path / "d.pt", weights_only=True))
    noisy = torch.rand(1, 4, 9, 9)
    torch.testing.assert_close(other.eval()(noisy), denoiser.eval()(noisy), atol=0, rtol=0)


@pytest.mark.parametrize("name", ["dncnn", "dncnn_plain"])
def test_the_skip_keeps_float32_under_autocast(name):
    """With a silent body D(y) must be y to the bit: bfloat16 alone would round 0.5 by about 1e-3."""
    denoiser = BUILD[name]().eval()
    nn.init.zeros_(denoiser.body[-1].weight)
    noisy = torch.rand(1, 4, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(denoiser(noisy), noisy)


def noisy_pair(sigma, count=4, side=40, seed=0, texture=1.0):
    generator = torch.Generator().manual_seed(seed)
    clean = texture * torch.randn(count, 4, side, side, generator=generator)
    first, second = clean + sigma * torch.randn(2, *clean.shape, generator=generator)
    return NoisyPair(first, second, torch.zeros(count, dtype=torch.long), torch.full((count,), 100.0))


def test_linear_skip_is_a_wiener_filter():
    """White signal of variance 1 in white noise of variance s: the best filter is a point of weight 1 / (1 + s)."""
    for variance in (0.25, 4.0):
        conv = linear_skip([noisy_pair(variance**0.5, side=100, seed=k) for k in range(2)])
        expected = torch.zeros(4, 4, 3, 3)
        expected[range(4), range(4), 1, 1] = 1 / (1 + variance)
        standard_error = ((1 + variance) ** 2 - 1) ** 0.5 / (1 + variance) / (2 * 2 * 4 * 98 * 98) ** 0.5
        assert (conv.weight - expected).abs().max() < 6 * standard_error


def test_linear_skip_is_the_identity_without_noise():
    conv = linear_skip([noisy_pair(1e-4)])
    noisy = noisy_pair(0.0, seed=3).first
    torch.testing.assert_close(conv(noisy), noisy, atol=1e-4, rtol=0)


def test_linear_skip_weighs_quiet_and_noisy_images_alike():
    """A quiet image beside one 100 times brighter and noisier: the answer lies between their filters."""
    quiet, loud = noisy_pair(0.5, seed=1), noisy_pair(200.0, seed=2, texture=100.0)
    both = linear_skip([quiet, loud]).weight[0, 0, 1, 1].item()
    assert linear_skip([loud]).weight[0, 0, 1, 1].item() == pytest.approx(0.2, abs=0.02)
    gains = {"quiet": 1.0 / 0.25, "loud": 100.0**2 / 200.0**2}  # signal over noise variance
    expected = sum(gains.values()) / sum(gain + 1 for gain in gains.values())
    assert both == pytest.approx(expected, abs=0.02)
    with pytest.raises(ValueError, match="at least one batch"):
        linear_skip([])


@pytest.mark.parametrize(
    "build",
    [partial(DnCNN, layers=3, features=8, norm=nn.Identity), partial(UNet, features=8, depth=2)],
    ids=["dncnn", "unet"],
)
def test_a_skip_is_where_the_network_starts_and_stays_fixed(build):
    skip = linear_skip([noisy_pair(1.0)])
    denoiser = build(skip=skip)
    noisy = torch.rand(1, 4, 9, 11)
    plain = skip(noisy)
    torch.testing.assert_close(denoiser(noisy), plain)
    with torch.autocast("cpu", torch.bfloat16):  # the skip is computed in float32 all the same
        assert torch.equal(denoiser(noisy), plain)
    assert not any(p.requires_grad for p in denoiser.skip.parameters())


def test_a_network_beside_a_skip_learns_in_the_dark_as_in_the_light(tmp_path):
    """The same pairs 14 stops darker: the same network after the same steps, but for the rounding of Adam's sums."""
    light = [noisy_pair(0.5, seed=k) for k in range(12)]
    dark = [p._replace(first=p.first / 16384, second=p.second / 16384) for p in light]
    errors = {}
    for name, pairs, unit in (("light", light, 1), ("dark", dark, 16384)):
        torch.manual_seed(0)
        denoiser = DnCNN(layers=4, features=8, norm=nn.Identity, skip=linear_skip(pairs))
        before = float(denoiser_loss(denoiser, None, pairs[0]).mse)
        config = FitConfig(steps=12, pretrain_steps=12, device="cpu")
        fit(denoiser, nlf_flow(["S6"], [100]), pairs, config, tmp_path / name)
        y = light[0].first
        errors[name] = float(denoiser_loss(denoiser, None, pairs[0]).mse) / before
        torch.testing.assert_close(denoiser.skip.scale * unit, torch.tensor((1 + 0.5**2) ** 0.5), rtol=0.02, atol=0)
        assert (denoiser(y / unit) - denoiser.skip(y / unit)).abs().max() * unit > 1e-3
    assert errors["dark"] == pytest.approx(errors["light"], rel=1e-3)
