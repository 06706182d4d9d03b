"""The page's models are the core's: latents, log-determinants and samples, from the same weights."""

import shutil

import pytest
import torch
from cases.page_models import MODULES, TOLERANCE, cases, in_the_page, models

from n2nf_core.baselines import GaussianNoise
from n2nf_core.official import load_official
from n2nf_core.types import Context
from n2nf_core.widgets.lab import shipped_models


def expected(model, about, clean, noise, eps):
    """What the core computes, in float64."""
    camera = torch.tensor([model.cameras.index(about["camera"])])
    context = Context(clean.double(), camera, torch.tensor([about["iso"]], dtype=torch.float64))
    model = model.double()
    with torch.no_grad():
        if isinstance(model, GaussianNoise):
            deviation = model.variance(context).sqrt()
            latents, ladj, sample = noise / deviation, -deviation.log().sum(), eps * deviation
        else:
            latents, ladj = model(noise.double(), context)
            sample = model.bijection.inverse(eps.double(), context)
        return latents, float(ladj), float(model.log_prob(noise.double(), context)), sample


def largest_error(model_by_name, made, found):
    """Per model: the largest error of latents and samples (relative where above 1) and of ladj, log p per dimension."""
    errors = {name: 0.0 for name in model_by_name}
    for (about, clean, noise, eps), row in zip(made, found, strict=True):
        latents, ladj, log_prob, sample = expected(model_by_name[about["model"]], about, clean, noise, eps)
        if None in (row["ladj"], row["logProb"]):  # JSON's word for NaN
            return {about["model"]: float("nan")}
        seen = [abs(row["ladj"] - ladj) / clean.numel(), abs(row["logProb"] - log_prob) / clean.numel()]
        for key, tensor in (("latents", latents), ("sample", sample)):
            difference = torch.tensor(row[key], dtype=torch.float64).view_as(tensor) - tensor
            seen.append(float((difference.abs() / tensor.abs().clamp(min=1)).max()))
        errors[about["model"]] = max(errors[about["model"]], *seen)
    return errors


def test_latents_ladj_and_samples_agree(tmp_path):
    model_by_name = models()
    made = cases(model_by_name)
    errors = largest_error(model_by_name, made, in_the_page(model_by_name, made, tmp_path))
    assert max(errors.values()) < TOLERANCE, errors


def test_every_shipped_model_agrees(tmp_path):
    model_by_name = shipped_models()
    made = cases(model_by_name)
    assert len(made) > 3 * len(model_by_name)
    errors = largest_error(model_by_name, made, in_the_page(model_by_name, made, tmp_path))
    assert max(errors.values()) < TOLERANCE, errors


def test_the_authors_released_model_agrees(real_data, tmp_path):
    _, model = load_official(real_data / "noise2noiseflow_official_best_model.pth")
    made = cases({"official": model})
    errors = largest_error({"official": model}, made, in_the_page({"official": model}, made, tmp_path))
    assert max(errors.values()) < TOLERANCE, errors


BREAKS = {  # one layer after the other, broken on purpose: file, what stands there, what takes its place
    "1x1 convolution": ("matrices.js", "sign_s[r] * Math.exp(log_s[r])", "Math.exp(log_s[r])"),
    "border channel": ("coupling.js", "sum += edge[k]", "sum += 0"),
    "gain": ("models.js", "gain *= Math.exp(-layer.log_gain[0])", "gain *= 1"),
    "coupling's sign": ("coupling.js", "p2 - shift2[x]", "p2 + shift2[x]"),
    "ISO between knots": ("models.js", "weight * (value(high) - value(low))", "0"),
    "negative signal": (
        "models.js",
        "shot * Math.max(clean[i], 0) + read;\n  return out",
        "shot * clean[i] + read;\n  return out",
    ),
}


@pytest.mark.parametrize("layer", BREAKS)
def test_a_broken_layer_is_seen(layer, tmp_path):
    name, there, wrong = BREAKS[layer]
    modules = tmp_path / "js"
    shutil.copytree(MODULES, modules)
    text = (modules / name).read_text()
    assert there in text
    (modules / name).write_text(text.replace(there, wrong))
    (modules / "package.json").write_text('{"type": "module"}')
    model_by_name = models()
    made = cases(model_by_name)
    errors = largest_error(model_by_name, made, in_the_page(model_by_name, made, tmp_path, modules))
    assert not max(errors.values()) < TOLERANCE
