"""The fused steps against the layers one by one in float64; tolerances are of float32 rounding."""

import copy

import pytest
import torch
from cases.fused import ORDERS, batch, build, gradients

from n2nf_core.flow import fused

VALUE = 2e-5  # of latents of about 10, after eight steps


GRADIENT = 1e-4  # of the largest gradient of a parameter


def in_float64(flow, noise, context):
    return copy.deepcopy(flow).double(), noise.double(), context.to(torch.float64)


@pytest.mark.parametrize("order", ORDERS)
def test_layers_are_grouped_and_lose_none(order):
    chain = build(ORDERS[order]).bijection
    parts = [part for part in chain._plan if isinstance(part, fused.FusedSteps)]
    inside = sum(2 * len(p.couplings) + sum(map(len, p.gains)) for p in parts)
    assert inside + len(chain._plan) - len(parts) == len(chain.layers)
    assert [len(p.couplings) for p in parts] == {
        "noise_flow": [6], "gains": [2], "loose": [1, 1, 1], "nothing_to_fuse": [], "norms": [1, 1]
    }[order]  # fmt: skip


def test_a_copy_plans_with_its_own_layers():
    flow = build(ORDERS["noise_flow"])
    noise, context = batch(flow, 2, 4, 6, 5)
    before, other = flow(noise, context)[0], copy.deepcopy(flow)
    for parameter in other.parameters():
        parameter.data += 0.1
    assert torch.equal(flow(noise, context)[0], before)
    expected = in_float64(other, noise, context)
    torch.testing.assert_close(other(noise, context)[0].double(), expected[0](*expected[1:])[0], rtol=1e-4, atol=1e-4)
    assert (other(noise, context)[0] - before).abs().max() > 0.1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shape", [(3, 4, 7, 10), (2, 4, 1, 3), (1, 4, 2, 1), (2, 6, 9, 5)], ids=str)
def test_values_and_gradients_are_those_of_the_layers(order, shape):
    flow = build(ORDERS[order], shape[1])
    noise, context = batch(flow, *shape)
    exact = in_float64(flow, noise, context)
    z, ladj = flow(noise, context)
    expected_z, expected_ladj = exact[0](*exact[1:])
    assert float(((z - expected_z).abs().max() / expected_z.abs().max()).detach()) < VALUE
    torch.testing.assert_close(ladj.double(), expected_ladj, atol=VALUE * z[0].numel(), rtol=VALUE)
    back = flow.bijection.inverse(expected_z.float(), context)
    back = back.detach()
    assert float((back - noise).abs().max() / noise.abs().max()) < 10 * VALUE
    for found, true in zip(gradients(flow, noise, context), gradients(*exact), strict=True):
        assert float((found - true).abs().max()) <= GRADIENT * float(true.abs().max()) + 1e-6


def test_a_value_that_is_no_number_stays_visible():
    flow = build(ORDERS["noise_flow"])
    noise, context = batch(flow, 2, 4, 5, 5)
    noise[1, 2, 3, 3] = torch.nan
    found = flow.log_prob(noise, context)
    assert found[0].isfinite() and found[1].isnan()
