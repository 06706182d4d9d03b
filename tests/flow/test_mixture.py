"""The mixture layer: its density is the mixture's, its tails hold in float32, both directions have right gradients."""

import math

import pytest
import torch
from cases.knots import knots
from scipy import stats

from n2nf_core.cameras import IsoKnots
from n2nf_core.flow import MixtureCDF, layer_by_layer
from n2nf_core.flow.mixture import from_base, standardised, to_base
from n2nf_core.types import Context

LINE = torch.linspace(-60, 60, 20_001, dtype=torch.float64)


def single_camera():
    torch.manual_seed(1)
    layer = MixtureCDF(IsoKnots(("A",), (100,)), unit=0.01).double()
    for parameter in layer.parameters():
        parameter.data += 0.5 * torch.randn_like(parameter)
    return layer.requires_grad_(False)


def context_at(signals):
    """One image of each signal, 4 planes of 1 x 8 pixels."""
    clean = torch.as_tensor(signals, dtype=torch.float64)[:, None, None, None].expand(-1, 4, 1, 8)
    return Context(clean, torch.zeros(len(clean), dtype=torch.long), torch.full((len(clean),), 100.0).double())


def density(layer, signal, u):
    """p(u) at one signal, by the layer, for u (N,)."""
    context = context_at([signal])._replace(clean=torch.full((1, 1, 1, len(u)), signal).to(u))
    z, log_slope = to_base(u[None], *layer.components(context))
    return torch.exp(log_slope - 0.5 * z.square())[0] / math.sqrt(2 * math.pi)


def test_the_density_is_that_of_the_standardised_mixture_at_a_signal_knot():
    layer = single_camera()
    knot = 5  # t = 2
    weight = layer.logit[0, 0, knot].softmax(0)
    mean, variance = layer.mean[0, 0, knot], 0.04 + layer.log_width[0, 0, knot].exp() ** 2
    centre = (weight * mean).sum()
    spread = ((weight * (mean**2 + variance)).sum() - centre**2).sqrt()
    parts = torch.distributions.Normal((mean - centre) / spread, variance.sqrt() / spread)
    expected = (weight * parts.log_prob(LINE[:, None]).exp()).sum(1)
    found = density(layer, float(layer.signals()[0, 0, knot]), LINE)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("signal", [0.0, 0.0031, 0.5])
def test_above_black_it_changes_the_shape_alone(signal):
    p, step = density(single_camera(), signal, LINE), float(LINE[1] - LINE[0])
    moments = [float((p * LINE**k).sum() * step) for k in range(3)]
    assert moments == pytest.approx([1, 0, 1], abs=1e-9)


def test_below_black_it_has_a_standard_deviation_of_its_own():
    layer, step = single_camera(), float(LINE[1] - LINE[0])
    for knot in range(3):
        variance = float((density(layer, float(layer.signals()[0, 0, knot]), LINE) * LINE**2).sum() * step)
        assert variance == pytest.approx(float(layer.log_below[0, 0, knot].exp()) ** 2)


def test_stated_moments_are_those_of_the_density():
    layer, step = single_camera(), float(LINE[1] - LINE[0])
    signals, (skewness, kurtosis) = layer.signals()[0, 0], layer.moments()
    assert signals[3] == 0 and signals[0] < 0 < signals[-1]
    for knot in range(3, 12):
        p = density(layer, float(signals[knot]), LINE)
        assert float((p * LINE**3).sum() * step) == pytest.approx(float(skewness[0, 0, knot]), rel=1e-6, abs=1e-7)
        assert float((p * LINE**4).sum() * step) - 3 == pytest.approx(float(kurtosis[0, 0, knot]), rel=1e-6, abs=1e-7)


def test_one_component_is_the_identity_above_black():
    layer = MixtureCDF(knots(), components=1)
    x, context = torch.randn(1, 4, 3, 5), Context(torch.rand(1, 4, 3, 5), torch.tensor([0]), torch.tensor([100.0]))
    z, ladj = layer(x, context)
    torch.testing.assert_close(z, x, rtol=1e-5, atol=1e-6)
    assert ladj.abs().max() < 1e-4


def test_tails_are_right_in_float32():
    """Up to |z| = 26 and far beyond, where probabilities are far below the smallest float32 number."""
    raw = torch.tensor([[2.0, 0, -1], [0.1, -0.2, 0.4], [-0.5, 0.0, 1.0]]).double()  # logits, means, log widths
    shape = standardised(*raw[:, None, :, None], torch.zeros(()))
    u = torch.cat((torch.linspace(-80, 80, 4001), torch.tensor([-3e3, 3e3])))[None].double()
    expected, expected_slope = to_base(u, *shape)
    found, slope = to_base(u.float(), *(part.float() for part in shape))
    assert expected.abs()[0, :4001].max() > 25
    torch.testing.assert_close(found.double(), expected, rtol=2e-6, atol=2e-6)
    torch.testing.assert_close(slope.double()[:, :4001], expected_slope[:, :4001], rtol=0, atol=1e-3)
    assert slope.isfinite().all()
    back = from_base(found, *(part.float() for part in shape))
    torch.testing.assert_close(back.double(), u, rtol=1e-5, atol=1e-5)


def test_both_directions_have_the_gradient_of_finite_differences():
    torch.manual_seed(0)
    raw = [torch.randn(1, 3, 3, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    log_sd = torch.randn(1, 1, 3, dtype=torch.float64, requires_grad=True)
    u = (2 * torch.randn(1, 3, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, *p: to_base(v, *standardised(*p)), (u, *raw, log_sd))
    assert torch.autograd.gradcheck(lambda v, *p: from_base(v, *standardised(*p)), (u, *raw, log_sd))


def test_sampling_has_the_density():
    layer, generator = single_camera(), torch.Generator().manual_seed(0)
    context = context_at([-0.004, 0.0, 0.002, 0.3]).rows(torch.arange(4).repeat_interleave(500))
    x = layer.inverse(torch.randn(context.clean.shape, generator=generator, dtype=torch.float64), context)
    log_weight, mean, log_width = (part[::500, :, 0] for part in layer.components(context))
    for row in range(4):
        weight, parts = log_weight[row].exp().numpy(), stats.norm(mean[row], log_width[row].exp())
        values = x[500 * row : 500 * (row + 1)].flatten().numpy()
        cdf = lambda v, w=weight, p=parts: (w * p.cdf(v[:, None])).sum(1)  # noqa: E731
        assert stats.kstest(values, cdf).pvalue > 1e-4


def test_the_kernel_solves_what_the_layer_solves():
    layer = single_camera().float()
    context = Context(*(field if k == 1 else field.float() for k, field in enumerate(context_at([-0.01, 0, 0.2]))))
    z = torch.linspace(-9, 9, context.clean.numel()).view(context.clean.shape)
    with torch.no_grad():
        found = layer.inverse(z, context)
        with layer_by_layer():
            expected = layer.inverse(z, context)
    torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5)
    assert layer.inverse(z.requires_grad_(), context).requires_grad  # the kernel has no derivatives


def test_the_unit_is_set_by_knot():
    layer = MixtureCDF(knots(), unit=0.5)
    layer.set_unit("S6", 400, 0.02)
    assert layer.signals()[1, 1, -1] == pytest.approx(0.02 * math.sinh(8) / 4)
    assert layer.signals()[1, 0, -1] == pytest.approx(0.5 * math.sinh(8) / 4)
    with pytest.raises(LookupError, match="no knot at ISO 500 of camera 'S6'"):
        layer.set_unit("S6", 500, 0.02)
