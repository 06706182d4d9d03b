"""Noise models, what they are compared on, and what the page computes for it in Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from n2nf_core.baselines import GaussianNoise, calibrated_pg, camera_nlf
from n2nf_core.cameras import NLF
from n2nf_core.flow import nlf_flow, noise_flow, sensor_flow
from n2nf_core.widgets import weights

HERE = Path(__file__).parents[1] / "widgets"


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
        "sensor_flow": perturbed(sensor_flow(list(isos), isos), 3),
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
