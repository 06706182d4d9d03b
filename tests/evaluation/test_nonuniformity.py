"""Nonuniformity, saturation and row noise of frames that are known."""

import pytest
import torch

from n2nf_core.baselines.temporal import temporal
from n2nf_core.evaluation.nonuniformity import (
    Level,
    dsnu,
    level,
    prnu,
    root,
    rounding_error,
    row_noise,
    saturation_signal,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_spatial_variance_is_without_the_temporal_one():
    found = level(temporal(100 + 2 * normal(1, 4, 64, 64) + 5 * normal(3, 4, 64, 64, seed=1)))
    count = 4 * 64 * 64
    assert abs(found.signal - 100) < 4 * (4 / count + 25 / 3 / count) ** 0.5
    assert abs(found.variance - 25) < 4 * 25 * (2 / (2 * count)) ** 0.5
    assert abs(found.spatial - 4) < 4 * (4 + 25 / 3) * (2 / count) ** 0.5
    assert found.flat and not Level(100, 1, 11.0**2).flat


def test_prnu_is_of_the_flat_field_nearest_to_half_of_the_saturation():
    dark = [Level(0.0, 4.0, 3.0), Level(0.0, 4.0, 5.0)]
    levels = [Level(50, 9, 400), Level(450, 9, 13.0), Level(800, 9, 90.0)]
    assert dsnu(dark) == 2.0 and dsnu([]) is None
    assert prnu(levels, dark, 1000) == pytest.approx(3 / 450)
    assert prnu(levels, [], 1000) == pytest.approx(13**0.5 / 450)
    assert prnu(levels[:1], dark, 1000) is None


def test_saturation_is_the_peak_of_the_variance_of_flat_fields():
    rising = [Level(10.0 * k, 5.0 * k, 0.0) for k in range(1, 6)]
    assert saturation_signal(rising) is None and saturation_signal([]) is None
    assert saturation_signal([Level(60, 10, 0), *rising]) == 50
    assert saturation_signal([Level(60, 24, 0), *rising]) is None
    assert saturation_signal([Level(60, 10, 60.0**2), *rising]) is None  # a scene


@pytest.mark.parametrize("rows", [0.0, 2.0])
def test_row_noise_is_what_a_row_shares(rows):
    frames = 50 + 3 * normal(6, 4, 64, 64) + rows * normal(6, 4, 64, 1, seed=1) + 7 * normal(6, 4, 1, 1, seed=2)
    found, error = row_noise(frames, temporal(frames))
    assert abs(found - rows) < 4 * error < 1


def test_a_root_has_an_error_where_the_variance_is_not_above_its_own():
    assert root(9.0, 0.6) == (3.0, pytest.approx(0.1))
    assert root(-1.0, 4.0) == (0.0, 2.0) and root(4.0, 4.0) == (2.0, 2.0)


def rounded_variance(noise, mean):
    """Variance of round(mean + noise z), z normal, by summation; mean may have any shape."""
    numbers = torch.arange(-8, 10, dtype=torch.float64)
    edges = (numbers[:-1] + 0.5 - mean[..., None]) / noise
    share = torch.special.ndtr(edges).diff(prepend=torch.zeros(*mean.shape, 1), append=torch.ones(*mean.shape, 1))
    first, second = ((share * numbers**power).sum(-1) for power in (1, 2))
    return second - first**2


@pytest.mark.parametrize(("noise", "spread"), [(0.3, 0.0), (0.4, 0.0), (0.3, 0.2), (0.25, 0.3)])
def test_the_error_of_rounding_is_that_over_all_positions_of_the_mean(noise, spread):
    """Positions within a step, and pixels whose means are spread; to 5 %, as higher terms are left out."""
    position = torch.linspace(0, 1, 201, dtype=torch.float64)[:-1]
    pixels = torch.special.ndtri((torch.arange(200, dtype=torch.float64) + 0.5) / 200)
    variance = rounded_variance(noise, position[:, None] + spread * pixels).mean(1)
    expected = Level(0.0, 9 * (noise**2 + 1 / 12), 9 * spread**2)
    assert rounding_error(expected, 3.0) == pytest.approx(9 * float(variance.std(correction=0)), rel=0.05)
    assert rounding_error(expected, 0.0) == 0.0
