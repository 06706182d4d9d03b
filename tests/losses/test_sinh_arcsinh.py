"""The sinh-arcsinh law: its cumulants by numerical integration, its inverse, and what it does where none fits."""

import math

import pytest
import torch

from n2nf_core.losses.sinh_arcsinh import divergence, with_cumulants

SHAPES = torch.tensor(
    [[0.0, 0.0], [0.25, 0.1], [-0.53, 0.28], [0.0, 4.7], [0.4, 6.0], [0.0, -0.3]], dtype=torch.float64
)


def trapezoid_moments(law):
    """E u^k for k = 1 to 4 over the normal score z, on a grid: another rule than the module's own."""
    z = torch.linspace(-12, 12, 40_001, dtype=torch.float64)
    density = torch.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
    return [float(torch.trapezoid(density * law.quantile(z) ** k, z)) for k in range(1, 5)]


@pytest.mark.parametrize("skewness, kurtosis", SHAPES.tolist())
def test_a_law_has_the_cumulants_that_were_asked_for(skewness, kurtosis):
    law = with_cumulants(torch.tensor(skewness), torch.tensor(kurtosis))
    found = trapezoid_moments(law)
    assert found == pytest.approx([0, 1, skewness, kurtosis + 3], abs=2e-3)


def test_the_normal_law_is_the_identity():
    law, z = with_cumulants(torch.zeros(()), torch.zeros(())), torch.linspace(-6, 6, 25, dtype=torch.float64)
    torch.testing.assert_close(law.quantile(z), z, atol=1e-6, rtol=0)


def test_quantile_and_score_are_inverse_and_rise_far_into_the_tails():
    u = torch.linspace(-40, 40, 2001, dtype=torch.float64)[:, None]
    law = with_cumulants(*SHAPES.T)
    score = law.normal_score(u)
    torch.testing.assert_close(law.quantile(score), u.expand_as(score), rtol=1e-9, atol=1e-9)
    assert (score.diff(dim=0) > 0).all()


def test_many_laws_at_once_are_those_found_alone():
    together = with_cumulants(*SHAPES.T)
    for k, (skewness, kurtosis) in enumerate(SHAPES):
        alone = with_cumulants(skewness, kurtosis)
        torch.testing.assert_close(torch.stack(alone), torch.stack(together)[:, k], atol=1e-7, rtol=1e-6)


def test_cumulants_that_no_law_has_give_the_nearest():
    """g4 >= g3^2 - 2 for every law; the divergence's leading terms decide what is nearest."""
    law = with_cumulants(torch.tensor(0.5), torch.tensor(-2.5))
    found = trapezoid_moments(law)
    missed = (found[2] - 0.5) ** 2 / 12 + (found[3] - 3 + 2.5) ** 2 / 48
    assert missed < 2.5**2 / 48 and all(map(math.isfinite, found))


def test_the_density_is_that_of_the_quantiles():
    """P(u < Q(z)) = Phi(z), by integration of the density."""
    law, u = with_cumulants(torch.tensor(0.5), torch.tensor(1.5)), torch.linspace(-60, 60, 400_001, dtype=torch.float64)
    below = torch.cumulative_trapezoid(law.log_prob(u).exp(), u)
    z = torch.tensor([-3.0, -1.0, 0.2, 2.5], dtype=torch.float64)
    found = below[torch.searchsorted(u, law.quantile(z)) - 1]
    torch.testing.assert_close(found, torch.special.ndtr(z), atol=2e-4, rtol=0)
    assert float(below[-1]) == pytest.approx(1, abs=1e-5)


def test_divergence_by_another_rule_and_between_normal_laws():
    one, other = (
        with_cumulants(torch.tensor(0.5), torch.tensor(1.0)),
        with_cumulants(torch.tensor(0.1), torch.tensor(0.3)),
    )
    u = torch.linspace(-40, 40, 200_001, dtype=torch.float64)
    log_p, log_q = one.log_prob(u), other.log_prob(u / 1.1) - math.log(1.1)
    expected = torch.trapezoid(log_p.exp() * (log_p - log_q), u)
    assert float(divergence(one, other, 1.21)) == pytest.approx(float(expected), rel=1e-4)
    normal = with_cumulants(torch.zeros(()), torch.zeros(()))
    assert float(divergence(normal, normal, 1.3)) == pytest.approx((math.log(1.3) - 0.3 / 1.3) / 2, rel=1e-6)
