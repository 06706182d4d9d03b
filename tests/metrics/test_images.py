"""PSNR and SSIM against scikit-image."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.nn.functional import pad

from n2nf_core import metrics, tiles
from n2nf_core.metrics import psnr, ssim


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_psnr_is_per_image_and_counts_the_range():
    reference = torch.zeros(2, 4, 9, 7)
    estimate = reference + torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    assert psnr(estimate, reference, data_range=1).tolist() == pytest.approx([20, 40], abs=1e-3)
    assert psnr(estimate, reference, data_range=10).tolist() == pytest.approx([40, 60], abs=1e-3)
    assert psnr(reference, reference, data_range=1.0).isinf().all()


def test_ssim_is_scikit_images():
    from skimage.metrics import structural_similarity

    frame = (12,) * 4  # of equal values, since the two treat the border of an image differently
    reference = pad(normal(2, 4, 24, 20, seed=1).sigmoid(), frame, value=0.5)
    estimate = pad(reference[..., 12:-12, 12:-12] + 0.1 * normal(2, 4, 24, 20, seed=2), frame, value=0.5)
    options = {"data_range": 1, "channel_axis": 0, "gaussian_weights": True, "use_sample_covariance": False}
    expected = [
        structural_similarity(r, e, full=True, **options)[1].mean()
        for r, e in zip(reference.double().numpy(), estimate.double().numpy(), strict=True)
    ]
    assert ssim(estimate, reference, data_range=1).tolist() == pytest.approx(expected, abs=1e-4)
    assert ssim(reference, reference, data_range=1).tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("metric", [psnr, ssim])
def test_data_range_is_mandatory_and_positive(metric):
    image = torch.zeros(1, 4, 16, 16)
    with pytest.raises(TypeError, match="data_range"):
        metric(image, image)
    with pytest.raises(ValueError, match="positive"):
        metric(image, image, data_range=0)
    with pytest.raises(ValueError, match="must both be"):
        metric(image, image[0], data_range=1)


def test_ssim_of_a_small_image_is_a_clear_error():
    with pytest.raises(ValueError, match="11x11"):
        ssim(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 8, 8), data_range=1)


def test_ssim_is_the_mean_of_a_map_that_can_be_computed_in_tiles():
    generator = torch.Generator().manual_seed(0)
    reference = torch.rand(2, 4, 70, 41, generator=generator)
    estimate = reference + 0.1 * torch.randn(reference.shape, generator=generator)
    local = partial(metrics.ssim_map, data_range=1.0)
    in_tiles = tiles.tiled(local, estimate, reference, margin=2 * metrics.SSIM_REACH, tile=16)
    torch.testing.assert_close(in_tiles, local(estimate, reference), rtol=0, atol=1e-5)
    torch.testing.assert_close(metrics.ssim(estimate, reference, data_range=1.0), in_tiles.mean((1, 2, 3)))
