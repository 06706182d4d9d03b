"""Frames in tiles are the frames at once; 1e-5 is what the project promises, float32 rounding is 1e-6."""

from functools import partial

import pytest
import torch
from torch import nn

from n2nf_core import tiles
from n2nf_core.denoisers import DnCNN, LinearSkip, UNet
from n2nf_core.flow import nlf_flow, noise_flow


def perturbed(module):
    torch.manual_seed(0)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and "knots" not in name:
            tensor += 0.1 * torch.rand_like(tensor)
    return module.eval()


DENOISERS = {
    "dncnn": partial(DnCNN, layers=5, features=6),
    "dncnn_skip": lambda: DnCNN(layers=3, features=6, norm=nn.Identity, skip=LinearSkip(4, 5)),
    "unet": partial(UNet, features=4, depth=2),
    "unet_deep": partial(UNet, features=4, depth=4),
}


@pytest.mark.parametrize("name", DENOISERS)
@pytest.mark.parametrize("size", [(70, 100), (33, 47), (64, 19)], ids=str)
def test_denoising_in_tiles_is_seamless(name, size):
    denoiser = perturbed(DENOISERS[name]())
    noisy = torch.rand(2, 4, *size)
    with torch.no_grad():
        whole = denoiser(noisy)
    torch.testing.assert_close(tiles.denoise(denoiser, noisy, tile=16), whole, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", DENOISERS)
def test_a_pixel_depends_on_none_beyond_the_margin(name):
    denoiser = perturbed(DENOISERS[name]()).double()
    side = 2 * denoiser.margin + 4 * denoiser.multiple + 1
    noisy = torch.rand(1, 4, side, 8, dtype=torch.float64, requires_grad=True)
    reach = 0
    for row in range(side // 2, side // 2 + denoiser.multiple):
        (grad,) = torch.autograd.grad(denoiser(noisy)[0, :, row].sum(), noisy)
        touched = grad.abs().amax((0, 1, 3)).nonzero()[:, 0]
        reach = max(reach, row - int(touched[0]), int(touched[-1]) - row)
    assert denoiser.margin - 2 * denoiser.multiple <= reach <= denoiser.margin


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("build", [noise_flow, nlf_flow])
def test_a_frame_is_sampled_seamlessly(monkeypatch, build, dtype):
    flow = perturbed(build(["S6", "IP"], [100, 800]).to(dtype))
    context = flow.context(torch.rand(2, 4, 61, 83, dtype=dtype), ["IP", "S6"], [300, 800])
    whole = flow.sample(context, 0.7, torch.manual_seed(4))
    calls, inverse = [], flow.bijection.inverse
    monkeypatch.setattr(flow.bijection, "inverse", lambda z, c: (calls.append(z.shape), inverse(z, c))[1])
    monkeypatch.setattr("n2nf_core.flow.flows.tiled", partial(tiles.tiled, tile=24))
    torch.testing.assert_close(flow.sample(context, 0.7, torch.manual_seed(4)), whole, atol=1e-5, rtol=1e-5)
    assert len(calls) == 3 * 4


def test_memory_of_a_tile_does_not_grow_with_the_frame():
    """Windows of every frame have one largest size; what is allocated for one cannot depend on the frame."""
    for length in (2000, 10_000):
        read = [w[0].stop - w[0].start for w in tiles.windows(length, 512, 30)]
        assert max(read) == 512 + 2 * 30
        assert sum(w[2].stop - w[2].start for w in tiles.windows(length, 512, 30)) == length


def test_a_frame_of_one_tile_is_not_cut_and_training_mode_is_refused():
    seen = []

    def function(frame):
        seen.append(frame.shape)
        return frame

    tiles.tiled(function, torch.rand(1, 4, 16, 12), margin=3, tile=16)
    assert seen == [(1, 4, 16, 12)]
    with pytest.raises(ValueError, match="training mode.*eval"):
        tiles.denoise(DnCNN(layers=2, features=4), torch.rand(1, 4, 8, 8))
