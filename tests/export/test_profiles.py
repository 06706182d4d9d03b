"""Profiles: exact for Gaussian models, a fit with a verdict for others; darktable's and DNG's forms."""

import json

import jsonschema
import numpy as np
import pytest
import torch
from cases.darktable import SCHEMA

from n2nf_core.baselines import GaussianMixture, GaussianNoise, PerPlane, camera_nlf
from n2nf_core.cameras import UnknownCameraError
from n2nf_core.export.profiles import darktable_isos, darktable_profiles, dng_profiles, profile, profiles
from n2nf_core.flow import InvertibleConv1x1, nlf_flow, noise_flow
from n2nf_core.types import NLF

ROWS = {100: NLF(4e-4, 2e-6), 400: NLF(1.6e-3, 3e-6), 800: NLF(3.2e-3, 5e-6), 1600: NLF(6e-3, 0.0)}


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=2e-12)


@pytest.mark.parametrize("kind", ["table", "flow", "planes"])
def test_a_gaussian_model_gives_back_its_numbers(kind):
    rows = {iso: ROWS[iso] for iso in (100, 800)}
    if kind == "table":
        model, expected = GaussianNoise({"mine": rows}), [[rows[i]] * 4 for i in rows]
    elif kind == "flow":
        model = nlf_flow(["mine"], list(rows)).start_from({"mine": rows}).double()
        expected = [[nlf] * 4 for nlf in model.nlf()["mine"].values()]
    else:
        tables = [{i: NLF(shot * k, read / k) for i, (shot, read) in rows.items()} for k in (1, 2, 3, 4)]
        model = PerPlane([GaussianNoise({"mine": table}) for table in tables])
        expected = [[table[i] for table in tables] for i in rows]
    found = profiles(model)
    assert [(p.camera, p.iso) for p in found] == [("mine", 100), ("mine", 800)]
    close([p.planes for p in found], expected)
    assert found[0].words().endswith("so two numbers per colour say all of it")
    assert found[0].colours[1] == tuple(np.mean(found[0].planes[1:3], 0))


def gaussian_flow(matrix=None):
    """A Noise Flow that starts as a Gaussian of known variance; ``matrix`` then mixes its planes."""
    flow = noise_flow(["mine"], [100], steps=1).start_from({"mine": {100: NLF(4e-3, 1e-5)}})
    layers = [layer for layer in flow.modules() if isinstance(layer, InvertibleConv1x1)]
    for k, layer in enumerate(layers):
        layer.set_weight(torch.eye(4) if matrix is None or k else matrix)
    return flow


def test_a_flow_that_is_gaussian_is_found_to_be_so():
    found = profile(gaussian_flow(), "mine", 100)
    # a weighted fit to 16 variances of 128^2 values each: its two numbers have errors of some 0.4 and 0.8 %
    np.testing.assert_allclose(found.planes, [NLF(4e-3, 1e-5)] * 4, rtol=0.04)
    assert 0 < found.spread < 0.025 and abs(found.kurtosis) < 0.03 and abs(found.correlation) < 0.015
    assert "mine at ISO 100: two numbers per colour describe the noise" in found.words()
    assert found == profile(gaussian_flow(), "mine", 100)


def test_mixed_planes_are_correlated():
    turn = torch.eye(4)
    turn[:2, :2] = torch.tensor([[1.0, 0.0], [0.5, 1.0]])
    found = profile(gaussian_flow(turn.inverse()), "mine", 100)
    expected = 0.5 / 1.25**0.5  # of n_0 and 0.5 n_0 + n_1
    assert abs(found.correlation - expected) < 0.02
    assert "do not describe" in found.words()


def mixture(variances, weights=(0.5, 0.5), slope=0.0):
    """Two Gaussians of mean 0; variances in DN^2 at signal 0, black 0 and white 100, each rising by exp(slope) s."""
    rows = [[0.0] * 3] * 2 + [[np.log(v), slope, -40.0] for v in variances] + [[np.log(w), 0.0, 0.0] for w in weights]
    return GaussianMixture(torch.tensor(rows, dtype=torch.float64).float(), (0, 100), 1e-9, (0, 100), "mine")


def test_heavy_tails_are_named():
    """Excess kurtosis of a scale mixture: 3 E[v^2] / E[v]^2 - 3."""
    found = profile(mixture((1.0, 9.0), slope=-40.0), "mine", 100)
    np.testing.assert_allclose(found.planes, [NLF(0.0, 5e-4)] * 4, rtol=1e-6, atol=1e-9)
    assert abs(found.kurtosis - (3 * 41 / 25 - 3)) < 0.06
    assert found.spread < 1e-6 and "do not describe" in found.words()


def test_a_curved_variance_is_named():
    """v = 1 + e^s0 s + 400 s^2 in DN^2: the relative error of the best line is known from a grid search."""
    rows = [[0.0] * 3, [0.0, 0.0, np.log(400.0)], [0.0] * 3]
    model = GaussianMixture(torch.tensor(rows), (0, 100), 1e-9, (0, 100), "mine")
    found = profile(model, "mine", 100)
    signal = np.linspace(0, 0.95**0.5, 16) ** 2
    variance = (1 + signal + 400 * signal**2) / 100**2
    line = found.planes[0].shot * signal + found.planes[0].read

    def error(shot, read):
        return np.sum(((shot * signal + read) / variance - 1) ** 2)

    least = error(*found.planes[0])
    assert all(
        error(found.planes[0].shot * a, found.planes[0].read * b) >= least for a in (0.99, 1.01) for b in (0.99, 1.01)
    )
    np.testing.assert_allclose(found.spread, np.abs(np.sqrt(variance / line) - 1).max(), rtol=1e-4)
    assert found.spread > 0.3 and "do not describe" in found.words()


def test_dng_numbers():
    tables = [GaussianNoise({"mine": {100: NLF(shot, 2e-6)}}) for shot in (1e-3, 2e-3, 4e-3, 5e-3)]
    lines = dng_profiles(profiles(PerPlane(tables))).splitlines()
    assert all(line.startswith("#") for line in lines[:3]) and len(lines) == 4
    camera, iso, numbers = lines[3].split("\t")
    assert (camera, iso) == ("mine", "100")
    np.testing.assert_allclose([float(v) for v in numbers.split()], [1e-3, 2e-6, 3e-3, 2e-6, 5e-3, 2e-6], rtol=1e-8)


def test_darktables_file_is_valid_and_exact():
    model = GaussianNoise({"Nikon D7000": ROWS})
    document = json.loads(darktable_profiles(model, "Nikon D7000"))
    jsonschema.validate(document, SCHEMA)
    (maker,) = document["noiseprofiles"]
    (one,) = maker["models"]
    assert (maker["maker"], one["model"]) == ("Nikon", "D7000")
    assert [row["iso"] for row in one["profiles"]] == list(ROWS)
    assert [row["name"] for row in one["profiles"]] == [f"D7000 iso {iso}" for iso in ROWS]
    for row, (shot, read) in zip(one["profiles"], ROWS.values(), strict=True):
        close(row["a"], [shot] * 3)
        close(row["b"], [read] * 3)


def test_two_iso_values_are_filled_up_between():
    assert darktable_isos([100, 1600]) == [100, 200, 400, 800, 1600]
    assert darktable_isos([100, 400, 1600]) == [100, 200, 400, 800, 1600]
    assert darktable_isos([1600, 100, 200, 400]) == [100, 200, 400, 1600]
    model = GaussianNoise({"S6": {100: NLF(1e-3, 1e-6), 1600: NLF(1.6e-2, 1.6e-5)}})
    document = json.loads(darktable_profiles(model, "S6", "Samsung"))
    jsonschema.validate(document, SCHEMA)
    found = document["noiseprofiles"][0]["models"][0]["profiles"]
    close([row["a"][0] for row in found], [1e-3, 2e-3, 4e-3, 8e-3, 1.6e-2])


@pytest.mark.parametrize(
    ("model", "camera", "maker", "message"),
    [
        (camera_nlf(["S6"]), "S6", None, "the maker of S6 is not stated: for darktable, give one of Canon, DJI"),
        (camera_nlf(["S6"]), "S6", "Acme", "darktable does not know the maker 'Acme'"),
        (GaussianNoise({"Sony a/7": ROWS}), "Sony a/7", None, "darktable cannot hold the name 'a/7'"),
        (GaussianNoise({"Sony A7": {100: ROWS[100]}}), "Sony A7", None, "needs 4 ISO values .* only ISO 100"),
        (GaussianNoise({"Sony A7": {100: ROWS[100], 101: ROWS[100]}}), "Sony A7", None, "only ISO 100, 101"),
        (GaussianNoise({"Sony A7": {1: ROWS[100], 800: ROWS[100]}}), "Sony A7", None, "from 10 to 2048000, got 1 to"),
    ],
)
def test_what_darktable_cannot_hold_is_said(model, camera, maker, message):
    with pytest.raises(ValueError, match=message):
        darktable_profiles(model, camera, maker)


def test_an_unknown_camera_is_named():
    for make in (
        lambda: profiles(camera_nlf(["S6"]), ["X"]),
        lambda: darktable_profiles(camera_nlf(["S6"]), "X", "Sony"),
    ):
        with pytest.raises(UnknownCameraError, match="'X' is not known to this model; it knows S6"):
            make()


def test_a_model_without_iso_values_is_named():
    with pytest.raises(TypeError, match="has no isos"):
        profiles(type("Bare", (), {"cameras": ("a",), "context": lambda *_: None})())
