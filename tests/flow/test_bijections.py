"""One body of tests for every bijection, which lies in cases/bijections.py, and what single layers add to it."""

import importlib
import pkgutil

import pytest
import torch
from cases import bijections
from cases.knots import CAMERAS, ISOS, knots
from torch import nn

from n2nf_core import flow
from n2nf_core.cameras import NLF
from n2nf_core.flow import (
    AffineCoupling,
    Bijection,
    Chain,
    ConditionalScale,
    Gain,
    InvertibleConv1x1,
    LineNoise,
    MixtureCDF,
    SignalDependentScale,
    nlf_flow,
    noise_flow,
    sensor_flow,
)
from n2nf_core.types import Context

REGISTRY = {
    "signal_dependent_scale": lambda: SignalDependentScale(knots()),
    "gain": Gain,
    "conv1x1": lambda: InvertibleConv1x1(4),
    "conv1x1_six_channels": lambda: InvertibleConv1x1(6),
    "coupling": lambda: AffineCoupling(4),
    "coupling_with_batch_norm_in_evaluation": lambda: AffineCoupling(4, norm=nn.BatchNorm2d).eval(),
    "coupling_six_channels": lambda: AffineCoupling(6, width=3),
    "mixture": lambda: MixtureCDF(knots()),
    "mixture_six_channels": lambda: MixtureCDF(knots(), components=2),
    "row_noise": lambda: LineNoise(SignalDependentScale(knots())),
    "row_and_column_noise": lambda: LineNoise(SignalDependentScale(knots()), columns=True),
    "chain": lambda: Chain([SignalDependentScale(knots()), InvertibleConv1x1(4), AffineCoupling(4), Gain()]),
    "nlf_flow": lambda: nlf_flow(CAMERAS, ISOS).bijection,
    "noise_flow": lambda: noise_flow(CAMERAS, ISOS).bijection,
    "sensor_flow": lambda: sensor_flow(CAMERAS, ISOS, columns=True).bijection,
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


def test_signal_dependent_scale_is_the_noise_level_function():
    layer = SignalDependentScale(knots(), NLF(0.01, 1e-4))
    layer.set_nlf("S6", 400, NLF(0.02, 4e-4))
    clean = torch.full((2, 4, 1, 1), 0.5)
    context = Context(clean, torch.tensor([1, 0]), torch.tensor([400.0, 100.0]))
    variance = torch.exp(2 * layer.log_scale(context))[:, 0, 0, 0]
    torch.testing.assert_close(variance, torch.tensor([0.02 * 0.5 + 4e-4, 0.01 * 0.5 + 1e-4]))
    with pytest.raises(LookupError, match="no knot at ISO 500 of camera 'S6'"):
        layer.set_nlf("S6", 500, NLF(0.1, 0.1))
