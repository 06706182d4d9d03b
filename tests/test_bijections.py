"""One body of tests for every bijection, which lies in cases/bijections.py, and what single layers add to it."""

import importlib
import pkgutil

import pytest
import torch
from cases import bijections
from torch import nn

from n2nf_core import flow
from n2nf_core.cameras import NLF, IsoKnots
from n2nf_core.flow import (
    AffineCoupling,
    Bijection,
    Chain,
    ConditionalScale,
    Gain,
    InvertibleConv1x1,
    SignalDependentScale,
    nlf_flow,
    noise_flow,
)
from n2nf_core.types import Context

CAMERAS, ISOS = ("IP", "S6"), {"IP": (100, 800), "S6": (100, 400, 3200)}


def knots():
    return IsoKnots(CAMERAS, ISOS)


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
    return bijections.perturbed(REGISTRY[request.param], 6 if "six" in request.param else 4)


def test_round_trip_both_ways(case):
    bijections.round_trip(case)


def test_ladj_is_the_log_determinant_of_the_autograd_jacobian(case):
    bijections.ladj_is_that_of_autograd(case)


def test_a_mixed_batch_equals_its_rows(case):
    bijections.mixed_batch_is_its_rows(case)


def test_every_parameter_has_a_gradient(case):
    bijections.every_parameter_has_a_gradient(case)


def test_save_and_load_gives_the_same_map(case, tmp_path):
    bijections.saved_and_loaded_is_the_same(case, tmp_path / "state.pt")


BASES = {Bijection, ConditionalScale}
"""What layers are made from, and no layers themselves."""


def test_every_layer_is_in_the_registry():
    modules = [importlib.import_module(m.name) for m in pkgutil.iter_modules(flow.__path__, "n2nf_core.flow.")]
    classes = {c for module in modules for c in vars(module).values() if isinstance(c, type)}
    known = {type(module) for build in REGISTRY.values() for module in build().modules()}
    assert {c for c in classes if issubclass(c, Bijection)} - BASES <= known


def test_coupling_needs_an_even_number_of_channels():
    with pytest.raises(ValueError, match="even number of channels, got 3"):
        AffineCoupling(3)


def test_conv1x1_holds_the_weight_it_is_given():
    weight = torch.randn(4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    layer = InvertibleConv1x1(4).double()
    layer.set_weight(weight)
    x = torch.randn(1, 4, 2, 3, dtype=torch.float64)
    z, _ = layer(x, Context(x, torch.zeros(1, dtype=torch.long), torch.ones(1)))
    torch.testing.assert_close(z, torch.einsum("oc,bchw->bohw", weight, x), atol=1e-12, rtol=1e-12)
    with pytest.raises(ValueError, match="singular"):
        layer.set_weight(torch.zeros(4, 4))


def test_signal_dependent_scale_is_the_noise_level_function():
    layer = SignalDependentScale(knots(), NLF(0.01, 1e-4))
    layer.set_nlf("S6", 400, NLF(0.02, 4e-4))
    clean = torch.full((2, 4, 1, 1), 0.5)
    context = Context(clean, torch.tensor([1, 0]), torch.tensor([400.0, 100.0]))
    variance = torch.exp(2 * layer.log_scale(context))[:, 0, 0, 0]
    torch.testing.assert_close(variance, torch.tensor([0.02 * 0.5 + 4e-4, 0.01 * 0.5 + 1e-4]))
    with pytest.raises(LookupError, match="no knot at ISO 500 of camera 'S6'"):
        layer.set_nlf("S6", 500, NLF(0.1, 0.1))


def test_batch_statistics_make_a_density_depend_on_the_batch():
    """In training mode the coupling with batch normalisation is invertible, but no row is what it is alone."""
    torch.manual_seed(0)
    coupling = AffineCoupling(4, norm=nn.BatchNorm2d).double()
    for parameter in coupling.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    x, context = torch.randn(3, 4, 5, 7, dtype=torch.float64), None
    z, ladj = coupling(x, context)
    torch.testing.assert_close(coupling.inverse(z, context), x)
    assert (coupling(x[:1], context)[0] - z[:1]).abs().max() > 1e-3
    assert (coupling.eval()(x, context)[1] - ladj).abs().max() > 1e-3
    model = noise_flow(CAMERAS, ISOS, steps=2, coupling=lambda channels: AffineCoupling(channels, norm=nn.BatchNorm2d))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in model.modules()) == 2 * 2 * 2
