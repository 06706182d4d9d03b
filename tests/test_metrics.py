"""Metrics against numpy, scikit-image and closed forms. Tolerances of sampled values are standard errors."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

from n2nf_core import metrics, tiles
from n2nf_core.metrics import bootstrap_interval, marginal_kl, pooled_kl, psnr, ssim

STANDARD_ERRORS = 4


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def reference_kl(real: np.ndarray, model: np.ndarray) -> float:
    """The definition, one histogram at a time, with numpy's own binning."""
    edges = np.concatenate(([-1000.0], np.arange(-32, 33) / 320, [1000.0]))
    p, q = ((np.histogram(v.astype(np.float64), edges)[0] + 1) / (v.size + 66) for v in (real, model))
    return float((p * np.log(p / q)).sum())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tensor_operations_count_as_the_kernel_does(dtype):
    """What a GPU does, run here on the CPU."""
    values = torch.cat([normal(2000, seed=5, dtype=dtype) * 0.05, on_edges(dtype)])[None]
    assert torch.equal(metrics._on_device(values), metrics._on_cpu(values))
    values[0, 3] = math.inf
    assert metrics._on_device(values) is metrics._on_cpu(values) is None


def on_edges(dtype: torch.dtype) -> torch.Tensor:
    """Every edge, and the numbers right below and above it: (195,)."""
    edges = torch.arange(-32, 33, dtype=torch.float64).div(320).to(dtype)
    ends = torch.full_like(edges, math.inf)
    return torch.cat([edges, edges.nextafter(ends), edges.nextafter(-ends)])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_marginal_kl_is_numpys_histogram_patch_by_patch(dtype):
    real, model = (normal(5, 4, 8, 6, seed=s, dtype=dtype) * 0.08 for s in (1, 2))
    expected = [reference_kl(r, m) for r, m in zip(real.numpy(), model.numpy(), strict=True)]
    assert marginal_kl(real, model).tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_on_bin_edges_fall_where_numpy_puts_them(dtype):
    values = on_edges(dtype)
    for value in values:  # one count in one bin, against one count in another, tells which bin it is
        real, model = value.expand(1, 40), torch.linspace(-0.2, 0.2, 40, dtype=dtype)[None]
        assert marginal_kl(real, model).item() == pytest.approx(reference_kl(real.numpy(), model.numpy()), abs=1e-6), (
            value
        )


def test_marginal_kl_is_zero_only_for_equal_histograms():
    noise = normal(3, 4, 8, 8, seed=1) * 0.05
    assert marginal_kl(noise, noise).tolist() == [0.0, 0.0, 0.0]
    assert (marginal_kl(noise, noise + 0.05) > 0.1).all()


def test_direction_is_real_from_model():
    wide, narrow = normal(1, 4, 32, 32, seed=1) * 0.05, normal(1, 4, 32, 32, seed=2) * 0.02
    assert marginal_kl(wide, narrow) > 1.3 * marginal_kl(narrow, wide)


def expected_floor(sigma: float, n: int) -> float:
    """E KL of two histograms of n equal Gaussian values: every count is binomial, so the sum is exact."""
    from scipy.stats import binom, norm

    edges = np.concatenate(([-np.inf], np.arange(-32, 33) / 320, [np.inf]))
    count = np.arange(n + 1)
    share = (count + 1) / (n + 66)
    weight = binom.pmf(count, n, np.diff(norm.cdf(edges / sigma))[:, None])
    return float((weight @ (share * np.log(share)) - (weight @ share) * (weight @ np.log(share))).sum())


@pytest.mark.parametrize(("sigma", "rounded"), [(0.004, 0.0021), (0.01, 0.0052), (0.02, 0.0099), (0.04, 0.0153)])
def test_floor_of_two_equal_gaussians(sigma, rounded):
    real, first, second = (normal(250, 4, 32, 32, seed=s) * sigma for s in (1, 2, 3))
    expected = expected_floor(sigma, 4096)
    assert expected == pytest.approx(rounded, abs=5e-5)
    result = marginal_kl(real, first, floor=second)
    for values in result:
        assert abs(values.mean() - expected) < STANDARD_ERRORS * values.std() / len(values) ** 0.5
    assert not torch.equal(result.kl, result.floor)


def test_floor_is_second_draw_against_first():
    real, first, second = (normal(2, 4, 8, 8, seed=s) * 0.03 for s in (1, 2, 3))
    assert torch.equal(marginal_kl(real, first, floor=second).floor, marginal_kl(second, first))


def test_pooled_kl_is_one_histogram_of_everything():
    real, model = (normal(6, 4, 8, 8, seed=s) * 0.03 for s in (1, 2))
    assert pooled_kl(real, model).item() == pytest.approx(reference_kl(real.numpy(), model.numpy()), abs=1e-6)
    assert pooled_kl(real, model) < marginal_kl(real, model).mean()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_an_error(bad):
    noise = normal(2, 4, 8, 8, seed=1)
    with pytest.raises(ValueError, match="not finite"):
        marginal_kl(noise, torch.full_like(noise, bad))


def test_shapes_that_differ_are_an_error():
    with pytest.raises(ValueError, match="one shape"):
        marginal_kl(normal(2, 4, 8, 8, seed=1), normal(1, 4, 8, 8, seed=1))


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


def test_interval_of_many_values_is_the_normal_one():
    values = normal(2000, seed=1) + 3
    mean, low, high = bootstrap_interval(values, resamples=4000)
    half = 1.96 * values.std().item() / 2000**0.5
    quantile_error = 2.67 * half / 1.96 / 4000**0.5  # of a 2.5 % quantile: sqrt(pq) / density = 2.67 sigma
    assert mean == pytest.approx(values.mean().item())
    assert abs(low - (mean - half)) < STANDARD_ERRORS * quantile_error
    assert abs(high - (mean + half)) < STANDARD_ERRORS * quantile_error


def test_interval_covers_the_truth_as_often_as_it_says():
    hits = sum(
        low <= 0 <= high
        for _, low, high in (bootstrap_interval(normal(40, seed=s), level=0.8, resamples=200) for s in range(100))
    )
    expected = 0.79  # a percentile interval of 40 values is narrower by about 1 %
    assert abs(hits / 100 - expected) < STANDARD_ERRORS * (0.8 * 0.2 / 100) ** 0.5


def test_groups_are_resampled_whole():
    groups = torch.arange(20).repeat_interleave(50)
    values = normal(20, seed=1).double()[groups]  # equal within a group: 20 numbers, not 1,000
    clustered, naive = bootstrap_interval(values, groups=groups), bootstrap_interval(values)
    alone = bootstrap_interval(values[::50])
    assert clustered == pytest.approx(alone, abs=1e-12)
    assert clustered.high - clustered.low > 5 * (naive.high - naive.low)


def test_groups_of_different_size_weigh_by_their_values():
    values, groups = torch.tensor([0.0, 0.0, 0.0, 1.0]), torch.tensor([7, 7, 7, 3])
    assert bootstrap_interval(values, groups=groups) == pytest.approx((0.25, 0.0, 1.0))
    # half of the resamples draw each group once and have the mean of all values, 1/4, not of the groups, 1/2
    assert bootstrap_interval(values, groups=groups, level=0.02) == pytest.approx((0.25, 0.25, 0.25))


def test_interval_of_one_or_equal_values_is_degenerate():
    assert bootstrap_interval(torch.tensor([2.0])) == (2.0, 2.0, 2.0)
    assert bootstrap_interval(torch.full((9,), 0.1)) == pytest.approx((0.1, 0.1, 0.1), abs=1e-7)


def test_interval_is_repeatable_and_follows_its_seed():
    values = normal(30, seed=1)
    assert bootstrap_interval(values) == bootstrap_interval(values)
    assert bootstrap_interval(values) != bootstrap_interval(values, seed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"values": torch.zeros(0)}, "one or more finite"),
        ({"values": torch.tensor([1.0, math.inf])}, "one or more finite"),
        ({"values": torch.zeros(2), "level": 1.0}, "level"),
        ({"values": torch.zeros(2), "groups": torch.zeros(3).long()}, "2 values"),
        ({"values": torch.zeros(2), "groups": torch.zeros(2).long()}, "at least 2"),
    ],
)
def test_bad_input_of_an_interval_is_a_clear_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(**arguments)


def test_ssim_is_the_mean_of_a_map_that_can_be_computed_in_tiles():
    generator = torch.Generator().manual_seed(0)
    reference = torch.rand(2, 4, 70, 41, generator=generator)
    estimate = reference + 0.1 * torch.randn(reference.shape, generator=generator)
    local = partial(metrics.ssim_map, data_range=1.0)
    in_tiles = tiles.tiled(local, estimate, reference, margin=2 * metrics.SSIM_REACH, tile=16)
    torch.testing.assert_close(in_tiles, local(estimate, reference), rtol=0, atol=1e-5)
    torch.testing.assert_close(metrics.ssim(estimate, reference, data_range=1.0), in_tiles.mean((1, 2, 3)))
