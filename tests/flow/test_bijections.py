"""One body of tests for every bijection: perturbed parameters, float64, H != W, mixed batches."""

import pytest
import torch
from cases.knots import CAMERAS, ISOS, knots
from torch import nn

from n2nf_core.cameras import NLF
from n2nf_core.flow import AffineCoupling, Chain, Gain, InvertibleConv1x1, SignalDependentScale, nlf_flow, noise_flow
from n2nf_core.types import Context

TOLERANCE = 1e-10  # float64, a few hundred operations


REGISTRY = {
    "signal_dependent_scale": lambda: SignalDependentScale(knots()),
    "gain": Gain,
    "conv1x1": lambda: InvertibleConv1x1(4),
    "conv1x1_six_channels": lambda: InvertibleConv1x1(6),
    "coupling": lambda: AffineCoupling(4),
    "coupling_with_batch_norm_in_evaluation": lambda: AffineCoupling(4, norm=nn.BatchNorm2d).eval(),
    "coupling_six_channels": lambda: AffineCoupling(6, width=3),
    "chain": lambda: Chain([SignalDependentScale(knots()), InvertibleConv1x1(4), AffineCoupling(4), Gain()]),
    "nlf_flow": lambda: nlf_flow(CAMERAS, ISOS).bijection,
    "noise_flow": lambda: noise_flow(CAMERAS, ISOS).bijection,
}


@pytest.fixture(params=REGISTRY, ids=str)
def case(request):
    """A perturbed bijection and a mixed batch: zero-initialised layers would hide errors of sign."""
    torch.manual_seed(0)
    bijection = REGISTRY[request.param]().double()
    for parameter in bijection.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    channels = 6 if "six" in request.param else 4
    clean = torch.rand(3, channels, 5, 3, dtype=torch.float64)
    clean[0, 0, 0, 0] = -0.05  # below black: the variance must stay positive
    context = Context(clean, torch.tensor([0, 1, 1]), torch.tensor([300.0, 100.0, 2000.0], dtype=torch.float64))
    return bijection, torch.randn(3, channels, 5, 3, dtype=torch.float64), context


def test_round_trip_both_ways(case):
    bijection, x, context = case
    z, ladj = bijection(x, context)
    assert ladj.shape == (3,)
    assert z.dtype == ladj.dtype == torch.float64
    torch.testing.assert_close(bijection.inverse(z, context), x, atol=TOLERANCE, rtol=TOLERANCE)
    torch.testing.assert_close(bijection(bijection.inverse(x, context), context)[0], x, atol=TOLERANCE, rtol=TOLERANCE)


def test_ladj_is_the_log_determinant_of_the_autograd_jacobian(case):
    bijection, x, context = case
    for row in range(len(x)):
        one = context.rows(slice(row, row + 1))
        jacobian = torch.autograd.functional.jacobian(lambda v, c=one: bijection(v, c)[0], x[row : row + 1])
        expected = torch.linalg.slogdet(jacobian.reshape(x[0].numel(), -1)).logabsdet
        torch.testing.assert_close(bijection(x, context)[1][row], expected, atol=TOLERANCE, rtol=TOLERANCE)


def test_a_mixed_batch_equals_its_rows(case):
    bijection, x, context = case
    z, ladj = bijection(x, context)
    for row in range(len(x)):
        part = slice(row, row + 1)
        alone, alone_ladj = bijection(x[part], context.rows(part))
        torch.testing.assert_close(z[part], alone, atol=1e-13, rtol=1e-13)
        torch.testing.assert_close(ladj[part], alone_ladj, atol=1e-12, rtol=1e-12)


def test_every_parameter_has_a_gradient(case):
    bijection, x, context = case
    z, ladj = bijection(x, context)
    (0.5 * z.square().flatten(1).sum(1) - ladj).mean().backward()
    for name, parameter in bijection.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_save_and_load_gives_the_same_map(case, tmp_path):
    bijection, x, context = case
    torch.save(bijection.state_dict(), tmp_path / "state.pt")
    expected = bijection(x, context)
    for parameter in bijection.parameters():
        parameter.data += 1.0
    bijection.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    torch.testing.assert_close(bijection(x, context), expected, atol=0, rtol=0)


def test_signal_dependent_scale_is_the_noise_level_function():
    layer = SignalDependentScale(knots(), NLF(0.01, 1e-4))
    layer.set_nlf("S6", 400, NLF(0.02, 4e-4))
    clean = torch.full((2, 4, 1, 1), 0.5)
    context = Context(clean, torch.tensor([1, 0]), torch.tensor([400.0, 100.0]))
    variance = torch.exp(2 * layer.log_scale(context))[:, 0, 0, 0]
    torch.testing.assert_close(variance, torch.tensor([0.02 * 0.5 + 4e-4, 0.01 * 0.5 + 1e-4]))
    with pytest.raises(LookupError, match="no knot at ISO 500 of camera 'S6'"):
        layer.set_nlf("S6", 500, NLF(0.1, 0.1))
