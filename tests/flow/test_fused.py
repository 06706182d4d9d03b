"""The fused steps against the layers one by one in float64; tolerances are of float32 rounding."""

import copy

import pytest
import torch
from cases.fused import ORDERS, batch, build

from n2nf_core.flow import fused, fused_autograd, noise_flow

VALUE = 2e-5  # of latents of about 10, after eight steps


GRADIENT = 1e-4  # of the largest gradient of a parameter


def in_float64(flow, noise, context):
    return copy.deepcopy(flow).double(), noise.double(), context.to(torch.float64)


def gradients(flow, noise, context):
    leaves = [noise.clone().requires_grad_(), context.clean.clone().requires_grad_()]
    z, ladj = flow(leaves[0], context._replace(clean=leaves[1]))
    ((z**3).sum() / z[0].numel() + (ladj * torch.arange(1.0, len(z) + 1)).sum() / z[0].numel()).backward()
    found = [leaf.grad for leaf in leaves + list(flow.parameters())]
    return [torch.zeros(()) if grad is None else grad.clone() for grad in found]


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


def test_a_frame_in_tiles_is_the_frame_at_once(monkeypatch):
    flow = build(ORDERS["noise_flow"])
    noise, context = batch(flow, 2, 4, 61, 47)
    with torch.no_grad():
        z, ladj = flow(noise, context)
        x = flow.bijection.inverse(noise, context)
        monkeypatch.setattr(fused_autograd, "TILE", 16)
        tiled_z, tiled_ladj = flow(noise, context)
        tiled_x = flow.bijection.inverse(noise, context)
    assert torch.equal(tiled_z, z) and torch.equal(tiled_x, x)
    torch.testing.assert_close(tiled_ladj, ladj, rtol=1e-5, atol=1e-3)


def test_rows_of_a_batch_and_the_number_of_threads_change_nothing():
    flow = build(ORDERS["noise_flow"])
    noise, context = batch(flow, 5, 4, 8, 9)
    z, ladj = flow(noise, context)
    grads, threads = gradients(flow, noise, context), torch.get_num_threads()
    flow.zero_grad()
    try:
        torch.set_num_threads(3)
        several, several_grads = flow(noise, context), gradients(flow, noise, context)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(grads, several_grads, strict=True))
    alone = [flow(noise[k : k + 1], context.rows(slice(k, k + 1))) for k in range(5)]
    assert torch.equal(z, several[0]) and torch.equal(ladj, several[1])
    assert torch.equal(z, torch.cat([row[0] for row in alone]))


def test_second_derivatives_need_the_layers():
    flow = noise_flow(["S6"], [100])
    noise, context = torch.randn(1, 4, 3, 3), flow.context(torch.rand(1, 4, 3, 3), "S6", 100)
    noise.requires_grad_()
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first = torch.autograd.grad(flow.log_prob(noise, context).sum(), noise, create_graph=True)[0]
        first.square().sum().backward()
    with fused.layer_by_layer():
        first = torch.autograd.grad(flow.log_prob(noise, context).sum(), noise, create_graph=True)[0]
        first.square().sum().backward()
    assert noise.grad.isfinite().all()


def test_a_value_that_is_no_number_stays_visible():
    flow = build(ORDERS["noise_flow"])
    noise, context = batch(flow, 2, 4, 5, 5)
    noise[1, 2, 3, 3] = torch.nan
    found = flow.log_prob(noise, context)
    assert found[0].isfinite() and found[1].isnan()
