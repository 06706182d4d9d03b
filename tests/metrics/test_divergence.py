"""The marginal KL against numpy and closed forms. Tolerances of sampled values are standard errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from n2nf_core.metrics import divergence, marginal_kl, pooled_kl

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
    assert torch.equal(divergence._on_device(values), divergence._on_cpu(values))
    values[0, 3] = math.inf
    assert divergence._on_device(values) is divergence._on_cpu(values) is None


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
