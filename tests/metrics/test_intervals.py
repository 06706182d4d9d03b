"""Bootstrap intervals against closed forms. Tolerances are standard errors."""

from __future__ import annotations

import math

import pytest
import torch

from n2nf_core.metrics import bootstrap_interval

STANDARD_ERRORS = 4


def normal(*shape: int, seed: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


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
