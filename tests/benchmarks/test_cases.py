"""What benchmarks compare is the same: the plain way and ours give the same numbers, cameras mixed."""

import pytest
import torch

from benchmarks import cases
from benchmarks.plain import frame_by_frame, plain_flow
from examples import plain_noise2noiseflow as example
from n2nf_core.losses import joint_loss

CPU = torch.device("cpu")


@pytest.fixture
def measured():
    """Our flow, and pairs of five cameras between two of their ISO knots, in float64."""
    flow = cases.perturbed_flow(CPU).double()
    pair = cases.batch_of(flow, 5, 6, 9, CPU).to(torch.float64)
    return flow, pair._replace(iso=torch.full((5,), 250.0, dtype=torch.float64))


def test_the_plain_flow_has_the_density_of_ours(measured):
    flow, pair = measured
    noise, context = pair.second - pair.first, pair.context(pair.first)
    copy = plain_flow(flow, pair.camera, pair.iso)
    assert torch.allclose(copy.log_prob(noise, context.clean), flow.log_prob(noise, context), rtol=1e-10, atol=0)


def test_the_plain_joint_loss_is_ours(measured):
    flow, pair = measured
    denoiser = cases.PLAIN.build(CPU).double()
    copy = plain_flow(flow, pair.camera.repeat(2), pair.iso.repeat(2))
    found = example.joint_loss(frame_by_frame(denoiser), copy, pair.first, pair.second, 1.0)
    assert found.item() == pytest.approx(joint_loss(denoiser, flow, pair, 1.0).total.item(), rel=1e-10)


def test_marginal_kl_of_the_loop_is_ours():
    assert [row["way"] for row in cases.kl(CPU, patches=4)] == ["numpy.histogram", "ours"]  # it compares the values
