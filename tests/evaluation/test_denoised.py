"""The scene from all frames: its weight is the least-squares one, and the frames choose between two extremes."""

import numpy as np
import pytest
import torch

from n2nf_core.bursts import Burst
from n2nf_core.evaluation.denoised import denoised_frames, mosaic_in_dn, scene_estimate


def burst(count, sigma=0.1, size=24, seed=0):
    """A burst of a smooth scene with Gaussian noise, black 100 and white 1100, and the scene (4, h, w)."""
    rows = torch.linspace(0, 6, size)
    clean = 0.5 + 0.3 * torch.sin(rows[:, None] + rows).expand(4, -1, -1)
    noise = sigma * torch.randn(count, 4, size, size, generator=torch.Generator().manual_seed(seed))
    return Burst(((clean + noise) * 1000 + 100).numpy(), 100, 1100, "RGGB", "mine", 100, "wave"), clean


def blur(noisy):
    padded = torch.nn.functional.pad(noisy, (1, 1, 1, 1), mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 3, stride=1)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_weight_is_least_squares_over_the_frames_left_out(count):
    frames, _ = burst(count)
    planes = frames.planes(slice(None)).double()
    change = blur(planes) - planes
    left = [torch.arange(count) != t for t in range(count)]
    columns = torch.cat([change[rest].mean(0).flatten() for rest in left])
    target = torch.cat([(planes[t] - planes[rest].mean(0)).flatten() for t, rest in enumerate(left)])
    expected = float(columns @ target / columns.square().sum())
    estimate, weight = scene_estimate(blur, frames)
    assert 0 < weight < 1 and abs(weight - expected) < 1e-5
    torch.testing.assert_close(estimate.double(), (planes + weight * change).mean(0), rtol=0, atol=1e-6)


def error(found, clean):
    return float((found - clean).square().mean())


def test_few_noisy_frames_are_denoised_and_many_quiet_ones_are_not():
    frames, clean = burst(3, sigma=0.2)
    planes = frames.planes(slice(None))
    estimate, weight = scene_estimate(blur, frames)
    assert weight > 0.9 and error(estimate, clean) < error(planes.mean(0), clean) / 4
    frames, clean = burst(100, sigma=0.02)
    planes = frames.planes(slice(None))
    estimate, weight = scene_estimate(lambda y: blur(blur(blur(y))), frames)
    assert weight < 0.1
    assert error(estimate, clean) < 1.05 * error(planes.mean(0), clean)
    assert error(estimate, clean) < error(blur(blur(blur(planes))).mean(0), clean) / 4


def test_a_denoiser_that_makes_things_worse_has_no_weight():
    frames, _ = burst(4)
    estimate, weight = scene_estimate(lambda y: 2 * y, frames)
    assert weight == 0
    torch.testing.assert_close(estimate, frames.planes(slice(None)).mean(0))


def test_one_frame_is_denoised_and_one_that_is_left_alone_stays():
    frames, _ = burst(1)
    estimate, weight = scene_estimate(blur, frames)
    assert weight == 1
    torch.testing.assert_close(estimate, blur(frames.planes(0))[0])
    frames, _ = burst(3)
    assert scene_estimate(lambda y: y.clone(), frames)[1] == 1


def test_every_frame_and_its_mosaic():
    frames, _ = burst(3)
    found = list(denoised_frames(blur, frames))
    torch.testing.assert_close(torch.stack(found), blur(frames.planes(slice(None))))
    mosaic = mosaic_in_dn(found[1], frames)
    assert mosaic.shape == (48, 48) and mosaic.dtype == np.float32
    np.testing.assert_allclose(mosaic[1::2, 0::2], found[1][2].numpy() * 1000 + 100, rtol=1e-6)


def test_frames_that_are_not_finite_are_named():
    frames, _ = burst(2)
    frames.frames[1, 2, 3, 4] = np.nan
    for make in (lambda: scene_estimate(blur, frames), lambda: list(denoised_frames(blur, frames))):
        with pytest.raises(ValueError, match="wave: the denoised frames are not finite"):
            make()
