"""The anatomy's layers are the core's, one by one and both ways: states, log-determinants, running NLL."""

import json
import math
import shutil

import pytest
import torch
from cases.page_models import MODULES, TOLERANCE, cases, in_the_page, models

from n2nf_core.flow import AffineCoupling, Gain, InvertibleConv1x1, LineNoise, MixtureCDF, SignalDependentScale
from n2nf_core.types import Context
from n2nf_core.widgets.lab import shipped_models

KINDS = {
    SignalDependentScale: "scale", InvertibleConv1x1: "mix", AffineCoupling: "coupling", Gain: "gain",
    LineNoise: "rows", MixtureCDF: "mixture",
}  # fmt: skip


def flows(model_by_name):
    return {name: model for name, model in model_by_name.items() if hasattr(model, "bijection")}


def context_of(model, about, clean):
    camera = torch.tensor([model.cameras.index(about["camera"])])
    return Context(clean.double(), camera, torch.tensor([about["iso"]], dtype=torch.float64))


@torch.no_grad()
def chain(model, about, clean, noise, eps):
    """Kinds of the layers, and for both ways (states, ladj per layer), in float64."""
    context, layers = context_of(model, about, clean), list(model.double().bijection.layers)
    states, ladj = [noise.double()], []
    for layer in layers:
        z, change = layer(states[-1], context)
        states.append(z)
        ladj.append(float(change))
    back, back_ladj = [eps.double()], []
    for layer in reversed(layers):
        back.append(layer.inverse(back[-1], context))
        back_ladj.append(float(layer(back[-1], context)[1]))
    return [KINDS[type(layer)] for layer in layers], (states, ladj), (back[::-1], back_ladj[::-1])


def running_nll(states, ladj):
    totals = [sum(ladj[:k]) for k in range(len(states))]
    energy = [float(0.5 * (state.square() + math.log(2 * math.pi)).sum()) for state in states]
    return [(e - total) / states[0].numel() for e, total in zip(energy, totals, strict=True)]


def largest_error(model_by_name, made, found):
    """Over all states, log-determinants per dimension and running NLL of both ways; NaN where one is none."""
    errors = []
    for (about, clean, noise, eps), row in zip(made, found, strict=True):
        kinds, *ways = chain(model_by_name[about["model"]], about, clean, noise, eps)
        assert row["kinds"] == kinds
        for (states, ladj), way in zip(ways, (row["forward"], row["backward"]), strict=True):
            for state, values in zip(states, way["states"], strict=True):
                difference = torch.tensor([math.nan if v is None else v for v in values], dtype=torch.float64)
                scale = state.flatten().abs().clamp(min=1)
                errors.append(float(((difference - state.flatten()).abs() / scale).max()))
            pairs = zip(ladj, way["ladj"], strict=True)
            errors += [abs(math.nan if b is None else a - b) / noise.numel() for a, b in pairs]
            pairs = zip(running_nll(states, ladj), way["nll"], strict=True)
            errors += [abs(math.nan if b is None else a - b) for a, b in pairs]
    return float(torch.tensor(errors).max())  # NaN stays NaN


def both(model_by_name, tmp_path, modules=MODULES):
    made = cases(model_by_name)
    return made, in_the_page(model_by_name, made, tmp_path, modules, "layers.mjs")


def test_every_layer_agrees_both_ways(tmp_path):
    model_by_name = flows(models())
    assert largest_error(model_by_name, *both(model_by_name, tmp_path)) < TOLERANCE


def test_every_layer_of_the_shipped_flows_agrees(tmp_path):
    model_by_name = flows(shipped_models())
    assert len(model_by_name) == 12
    assert largest_error(model_by_name, *both(model_by_name, tmp_path)) < TOLERANCE


def test_a_gaussian_table_is_one_layer(tmp_path):
    model_by_name = {"awgn": models()["awgn"]}
    made, found = both(model_by_name, tmp_path)
    for (about, clean, noise, _), row in zip(made, found, strict=True):
        assert row["kinds"] == ["scale"]
        model = model_by_name["awgn"]
        expected = -float(model.log_prob(noise.double(), context_of(model, about, clean))) / noise.numel()
        assert row["forward"]["nll"][-1] == pytest.approx(expected, abs=1e-9)


BREAKS = {  # one layer after the other, broken on purpose: file, what stands there, what takes its place
    "scale": ("models.js", "ladj -= 0.5 * Math.log(variance[i])", "ladj += 0.5 * Math.log(variance[i])"),
    "scale, back": ("models.js", "factor * Math.sqrt(shot * Math.max(clean[i], 0) + read)", "factor"),
    "gain": ("layers.js", "value * Math.exp(-this.logGain)", "value * Math.exp(this.logGain)"),
    "gain, back": ("layers.js", "value * Math.exp(this.logGain)", "value"),
    "gain's ladj": ("layers.js", "ladj: -values.length * this.logGain", "ladj: values.length * this.logGain"),
    "convolution": ("layers.js", "this.mixed(values, this.weight)", "this.mixed(values, this.back)"),
    "convolution's ladj": ("layers.js", "(this.logDet * out.length) / 4", "this.logDet * out.length"),
    "coupling": ("layers.js", "this.run(values, context, false)", "this.run(values, context, true)"),
    "coupling's order": ("layers.js", "couplings.shift()", "couplings.pop()"),
    "order of layers": ("layers.js", "layers[k].inverse", "layers[count - 1 - k].inverse"),
    "rows": ("sensor_flow.js", "(1 + variance * norm[line]) **", "(1 + norm[line]) **"),
    "rows' ladj": ("sensor_flow.js", "const ladj = -sumOfLogs(sigma)", "const ladj = sumOfLogs(sigma)"),
    "rows' mosaic": ("sensor_flow.js", "2 * y + (plane >> 1)", "2 * y + (plane & 1)"),
    "mixture's knots": ("sensor_flow.js", "(place - low)", "0.5"),
    "mixture's tail": ("normal.js", "x + n / fraction", "x + 1 / fraction"),
    "mixture, back": ("sensor_flow.js", "logTail(side * z)", "logTail(z)"),
    "mixture's ladj": ("sensor_flow.js", "density - logDensity(z)", "density"),
    "running NLL": ("layers.js", "total += ladj[k - 1]", "total += ladj[0]"),
}


@pytest.mark.parametrize("layer", BREAKS)
def test_a_broken_layer_is_seen(layer, tmp_path):
    name, there, wrong = BREAKS[layer]
    modules = tmp_path / "js"
    shutil.copytree(MODULES, modules)
    text = (modules / name).read_text()
    assert there in text
    (modules / name).write_text(text.replace(there, wrong))
    (modules / "package.json").write_text(json.dumps({"type": "module"}))
    model_by_name = flows(models())
    assert not largest_error(model_by_name, *both(model_by_name, tmp_path, modules)) < TOLERANCE
