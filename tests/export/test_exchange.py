"""A model file in every form: each holds what the function for this form makes of the file's models."""

import json

import pytest

from n2nf_core.baselines import GaussianNoise
from n2nf_core.cameras import UnknownCameraError
from n2nf_core.denoisers import DnCNN
from n2nf_core.export import exchange, save_model
from n2nf_core.export.exchange import FORMATS, export_onnx, export_text
from n2nf_core.export.profiles import darktable_profiles, dng_profiles, profiles
from n2nf_core.export.summary import as_json, as_table
from n2nf_core.types import NLF

ABOUT = {"camera": "Sony A7", "iso": 100, "black": 64, "white": 1023}
ROWS = {iso: NLF(1e-5 * iso, 1e-6) for iso in (100, 200, 400, 800)}
MODEL = GaussianNoise({"Canon R5": ROWS, "Sony A7": {iso: NLF(2 * s, r) for iso, (s, r) in ROWS.items()}})


@pytest.fixture
def path(tmp_path):
    return save_model(tmp_path / "m.safetensors", MODEL, DnCNN(layers=2, features=4), ABOUT)


def test_the_text_of_every_form(path):
    everything = profiles(MODEL)
    denoiser = DnCNN(layers=2, features=4)
    assert export_text(path, "table") == as_table(ABOUT, everything)
    assert export_text(path, "dng") == dng_profiles(everything)
    assert export_text(path, "json") == as_json(MODEL, denoiser, ABOUT, everything)
    assert export_text(path, "darktable") == darktable_profiles(MODEL, "Sony A7")
    assert export_text(path, "darktable", "Canon R5") == darktable_profiles(MODEL, "Canon R5")
    assert export_text(path, "dng", "Canon R5") == dng_profiles(profiles(MODEL, ["Canon R5"]))
    found = json.loads(export_text(path, "darktable", maker="Nikon"))["noiseprofiles"][0]
    assert (found["maker"], found["models"][0]["model"]) == ("Nikon", "Sony A7")


def test_what_cannot_be_exported_is_said(path):
    with pytest.raises(ValueError, match="there is no text form 'vkdt': choose one of table, json, dng, darktable"):
        export_text(path, "vkdt")
    for form in FORMATS[:-1]:
        with pytest.raises(UnknownCameraError, match="'X' is not known"):
            export_text(path, form, "X")


def test_onnx_is_two_files(path, monkeypatch):
    monkeypatch.setattr(exchange, "sampler_onnx", lambda model, camera: f"{model.cameras} {camera}".encode())
    monkeypatch.setattr(exchange, "denoiser_onnx", lambda denoiser: type(denoiser).__name__.encode())
    for camera, name in ((None, "Sony A7"), ("Canon R5", "Canon R5")):
        found = export_onnx(path, path.parent / "deep" / "a.onnx", camera)
        assert [each.name for each in found] == ["a-sampler.onnx", "a-denoiser.onnx"]
        assert [each.read_text() for each in found] == [f"{MODEL.cameras} {name}", "DnCNN"]
