"""ONNX files: sampler and denoiser give PyTorch's values at sizes and ISO values that the export did not see."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

from n2nf_core.baselines import GaussianMixture, GaussianNoise
from n2nf_core.cameras import IsoClampWarning
from n2nf_core.denoisers import DnCNN, LinearSkip, UNet
from n2nf_core.export import onnx_files
from n2nf_core.export.onnx_files import denoiser_onnx, sampler_onnx
from n2nf_core.flow import noise_flow
from n2nf_core.types import NLF

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
pytest.importorskip("onnxscript", reason="needs the extra [onnx]")


def run(data, **inputs):
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == list(inputs)
    (output,) = session.get_outputs()
    return output.name, torch.from_numpy(session.run(None, {k: v.numpy() for k, v in inputs.items()})[0])


def perturbed(module):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return module


KNOTS = {"b": [100, 400], "a": [50, 200, 3200]}
SAMPLERS = {
    "gaussian": lambda: GaussianNoise({c: {i: NLF(1e-5 * i, 1e-6) for i in row} for c, row in KNOTS.items()}),
    "noise_flow": lambda: perturbed(noise_flow(list(KNOTS), KNOTS, steps=1)),
}


@pytest.mark.parametrize("kind", SAMPLERS)
def test_the_sampler_is_pytorchs(kind):
    model = SAMPLERS[kind]().double().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    data = sampler_onnx(model, "a")
    after = model.state_dict()
    assert model.training and list(after) == list(before) and all(torch.equal(after[k], before[k]) for k in before)
    assert b"n2nf_core/" not in data and b".py" not in data
    normal = torch.randn(4, 4, 11, 26, generator=torch.Generator().manual_seed(0))
    clean = torch.rand(normal.shape, generator=torch.Generator().manual_seed(1)) - 0.1
    iso = torch.tensor([20.0, 77.0, 1000.0, 9000.0])
    name, found = run(data, normal=normal, clean=clean, iso=iso)
    model.float()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", IsoClampWarning)
        expected = model.from_normal(normal, model.context(clean, "a", iso.tolist()))
    assert name == "noise" and float(expected.std()) > 1e-3
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_a_sample_is_the_map_of_normal_values():
    model = SAMPLERS["noise_flow"]()
    context = model.context(torch.rand(2, 4, 6, 8), "a", 100)
    normal = torch.randn(2, 4, 6, 8, generator=torch.Generator().manual_seed(0))
    drawn = model.sample(context, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn, model.from_normal(normal, context))


DENOISERS = {
    "dncnn": lambda: DnCNN(layers=3, features=6, skip=LinearSkip()),
    "unet": lambda: UNet(features=4, depth=2),
}


@pytest.mark.parametrize("kind", DENOISERS)
def test_the_denoiser_is_pytorchs(kind):
    denoiser = perturbed(DENOISERS[kind]()).eval()
    noisy = torch.rand(3, 4, 13, 22, generator=torch.Generator().manual_seed(0))
    name, found = run(denoiser_onnx(denoiser), noisy=noisy)
    with torch.no_grad():
        expected = denoiser(noisy)
    assert name == "clean" and float((expected - noisy).abs().max()) > 1e-3
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_a_model_that_is_no_map_of_normal_values_is_refused():
    mixture = GaussianMixture(torch.zeros(3, 1), (0, 1), 1.0, (0, 1))
    with pytest.raises(ValueError, match="a GaussianMixture draws its noise in its own way"):
        sampler_onnx(mixture, "camera")


def test_a_file_that_differs_from_pytorch_is_not_given_out(monkeypatch):
    class Session:
        def __init__(self, *_, **__):
            pass

        def run(self, outputs, inputs):
            return [next(iter(inputs.values())) + np.float32(2e-5)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with pytest.raises(RuntimeError, match="differs from PyTorch by 2e-05 at 36 x 54 pixels, more than 1e-05"):
        denoiser_onnx(nn.Identity())


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    with pytest.raises(ImportError, match="pip install 'n2nf-core.onnx.'"):
        denoiser_onnx(nn.Identity())
    assert onnx_files.TOLERANCE == 1e-5
