"""Every stage of the sensor against its law. Tolerances are standard errors."""

from __future__ import annotations

import pytest
import torch
from cases.sensor import generator

from n2nf_core.simulation.sensor_stages import (
    Quantisation,
    ShotNoise,
    TukeyLambdaRead,
)


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.09, 0.5])
def test_tukey_lambda_is_scipys(shape):
    from scipy.stats import kstest, tukeylambda

    stage = TukeyLambdaRead(2.0, shape)
    noise = stage(torch.zeros(20000, dtype=torch.float64), generator())
    assert kstest(noise.numpy(), tukeylambda(shape, scale=2.0).cdf).pvalue > 1e-3
    assert stage.variance() == pytest.approx(4 * tukeylambda.var(shape))


def test_tukey_lambda_stays_finite_where_its_variance_is_not():
    stage = TukeyLambdaRead(1.0, -0.6)
    assert stage(torch.zeros(100000), generator()).isfinite().all()
    assert stage.variance() == float("inf")


def test_shot_noise_is_whole_electrons():
    dn = ShotNoise(2.5)(torch.full((1000,), 10.0), generator())
    assert torch.equal(dn, (dn / 2.5).round() * 2.5)
    assert ((dn / 2.5).round() == 0).any()  # mean of 4 electrons: skewed, as no normal number is


@pytest.mark.parametrize("make", [ShotNoise, Quantisation])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_a_stage_that_makes_no_sense_is_a_clear_error(make, value):
    with pytest.raises(ValueError, match="must be a positive number of DN"):
        make(value)
