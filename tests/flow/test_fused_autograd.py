"""The fused steps on tensors: tiles, threads and rows change nothing, and there is one derivative."""

import pytest
import torch
from cases.fused import ORDERS, batch, build, gradients

from n2nf_core.flow import fused, fused_autograd, noise_flow


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
