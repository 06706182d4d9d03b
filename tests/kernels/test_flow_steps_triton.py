"""The GPU's kernels, run by Triton's interpreter on the CPU, against the CPU's own. Where Triton is installed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import torch
from n2nf_core.flow import fused, fused_autograd
from n2nf_core.kernels import flow_steps_triton
from cases.fused import ORDERS, batch, build

flow = build(ORDERS[sys.argv[1]], int(sys.argv[3]))
noise, context = batch(flow, *map(int, sys.argv[2:]))
for part in flow.bijection._plan:
    if not isinstance(part, fused.FusedSteps):
        continue
    mixing = torch.stack([layer.weight() for layer in part.convolutions])
    weights = [w.detach().contiguous().requires_grad_() for w in (mixing, *part._conditioners())]
    x = (10 * noise).requires_grad_()
    z, ladj = fused_autograd.forward_on_cpu(x, weights, part.margin)
    grads = torch.randn(z.shape), torch.randn(ladj.shape)
    true = torch.autograd.grad((z, ladj), (x, *weights), grads)
    plain = tuple(w.detach() for w in weights)
    for learn in (True, False):
        found_z, found_ladj, saved = flow_steps_triton.forward(x.detach(), plain, learn)
        torch.testing.assert_close(found_z, z.detach(), atol=1e-4, rtol=1e-5)
        torch.testing.assert_close(found_ladj, ladj.detach(), atol=1e-4, rtol=1e-5)
        assert (saved is not None) == learn
        if learn:
            found = flow_steps_triton.backward(*grads, saved, plain)
    for mine, other in zip(found, true, strict=True):
        assert mine.shape == other.shape
        assert float((mine - other).abs().max()) < 1e-5 * float(other.abs().max()) + 1e-6
    inverse = (torch.linalg.inv(plain[0]).contiguous(), *plain[1:])
    error = (flow_steps_triton.inverse(z.detach(), inverse) - x).abs().max().detach()
    assert float(error) < 1e-4 * float(x.abs().max())
    print("compared", len(part.couplings))
"""


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.parametrize(
    "order, shape", [("noise_flow", (2, 4, 7, 10)), ("gains", (1, 6, 20, 40)), ("loose", (2, 4, 9, 5))]
)
def test_kernels_are_those_of_the_cpu(order, shape):
    """Sizes of which no block of 32 columns and 8 rows is full, and some need several."""
    environment = {**os.environ, "TRITON_INTERPRET": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", SCRIPT, order, *map(str, shape)]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=Path(__file__).parents[2])
    assert found.returncode == 0, found.stderr[-3000:]
    assert "compared" in found.stdout
