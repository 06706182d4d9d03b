from functools import partial

import pytest
import torch
from torch import nn

from n2nf_core.denoisers import DnCNN, UNet

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
