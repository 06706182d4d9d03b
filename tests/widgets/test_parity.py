"""The page's models are the core's: latents, log-determinants and samples, from the same weights."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from n2nf_core.baselines import GaussianNoise, calibrated_pg, camera_nlf
from n2nf_core.cameras import NLF
from n2nf_core.flow import nlf_flow, noise_flow
from n2nf_core.official import load_official
from n2nf_core.types import Context
from n2nf_core.widgets import weights
from n2nf_core.widgets.lab import shipped_models

HERE = Path(__file__).parent
MODULES = HERE.parents[1] / "n2nf_core/widgets/js"
SIZES = ((6, 8), (5, 7), (1, 9), (4, 1), (32, 20))
TOLERANCE = 1e-9  # of latents and samples, relative to 1 where they are larger; of ladj per dimension


def perturbed(model, seed):
    """Parameters away from where they start, so that no layer is the identity."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.2 if "conditioner" in name or "scale" in name else 0.1
            parameter += spread * torch.randn(parameter.shape, generator=generator)
    return model


def models():
    isos = {"A": (100, 400, 1600), "B": (50, 3200), "C": (200,)}
    torch.manual_seed(0)
    return {
        "noise_flow": perturbed(noise_flow(list(isos), isos), 1),
        "nlf_flow": perturbed(nlf_flow(list(isos), isos), 2),
        "awgn": GaussianNoise({"A": {100: NLF(0.0, 1e-4), 800: NLF(0.0, 1e-3)}}),
        "camera_nlf": camera_nlf(),
        "calibrated_pg": calibrated_pg(),
    }


def case(name, model, number, camera, iso, size):
    """Inputs of both sides: a clean signal with negative values, noise and a base sample."""
    generator = torch.Generator().manual_seed(number)
    clean = torch.rand(1, 4, *size, generator=generator) - 0.1
    noise, eps = 0.03 * torch.randn(2, 1, 4, *size, generator=generator)[0], None
    eps = torch.randn(1, 4, *size, generator=generator)
    about = {"model": name, "camera": camera, "iso": iso, "height": size[0], "width": size[1]}
    return about, clean, noise, eps


def cases(model_by_name):
    made = []
    for name, model in model_by_name.items():
        for camera in model.cameras:
            knots = model.knots.isos[camera]
            between = (knots[0] * knots[-1]) ** 0.5
            for iso in {knots[0], between, 0.7 * knots[-1], knots[-1]} if len(knots) > 1 else {knots[0]}:
                iso = max(iso, knots[0])
                made.append(case(name, model, len(made), camera, iso, SIZES[len(made) % len(SIZES)]))
    return made


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


def in_the_page(model_by_name, made, folder, modules=MODULES, script="parity.mjs"):
    """What the JavaScript computes, in Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node: install Node.js 18 or newer to compare the page's models with the core's")
    (folder / "weights").write_bytes(weights.dump(model_by_name))
    rows = [
        {**about, "clean": clean.flatten().tolist(), "noise": noise.flatten().tolist(), "eps": eps.flatten().tolist()}
        for about, clean, noise, eps in made
    ]
    (folder / "cases.json").write_text(json.dumps(rows))
    paths = [str(path) for path in (modules, folder / "weights", folder / "cases.json", folder / "out.json")]
    subprocess.run([node, str(HERE / script), *paths], check=True, timeout=120)
    return json.loads((folder / "out.json").read_text())


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
