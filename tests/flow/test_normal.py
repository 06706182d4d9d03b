"""The normal quantile far into its tails."""

import pytest
import torch
from scipy import stats

from n2nf_core.flow.normal import quantile


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_it_inverts_log_ndtr_on_both_sides_of_where_the_series_begins(dtype):
    z = -torch.logspace(-2, 4, 400, dtype=torch.float64)
    found = quantile(torch.special.log_ndtr(z).to(dtype)).double()
    torch.testing.assert_close(found, z, rtol=300 * torch.finfo(dtype).eps, atol=0)


def test_it_is_the_quantile_of_scipy():
    log_p = -torch.logspace(-1, 2.8, 50, dtype=torch.float64)
    torch.testing.assert_close(
        quantile(log_p), torch.from_numpy(stats.norm.ppf(log_p.exp().numpy())), rtol=1e-9, atol=0
    )


def test_its_derivative_is_one_over_the_hazard():
    log_p = torch.tensor([-0.1, -3.0, -500.0, -900.0, -5000.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(quantile, log_p)
