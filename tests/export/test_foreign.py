"""Noise models of other programs, from files of the form that these programs write."""

import json

import numpy as np
import pytest
import torch
from cases.dng import write_dng
from cases.stacks import mosaics

from n2nf_core.baselines import GaussianMixture, GaussianNoise, PerPlane
from n2nf_core.export.foreign import read_careamics, read_darktable, read_dng_profile
from n2nf_core.export.profiles import darktable_profiles, profile, profiles
from n2nf_core.types import NLF, NoiseModel

WEIGHT = np.array([[0, 0], [1, -2], [2, 4], [1, 3], [0, 1], [0, 0]], dtype=np.float32)


def careamics_file(path, **changes):
    arrays = {"trained_weight": WEIGHT, "min_signal": np.float32(10), "max_signal": np.array([510.0]), "min_sigma": 2.5}
    np.savez(path, **{key: value for key, value in (arrays | changes).items() if value is not None})
    return path


def test_careamics_file_is_the_mixture(tmp_path):
    found = read_careamics(careamics_file(tmp_path / "nm.npz"), black=10, white=210, camera="scope", iso=4)
    assert isinstance(found, NoiseModel) and found.cameras == ("scope",) and found.isos == {"scope": (4.0,)}
    expected = GaussianMixture(torch.from_numpy(WEIGHT).double(), (10, 510), 2.5, (10, 210), "scope", 4)
    context = found.context(torch.rand(2, 4, 5, 6, dtype=torch.float64), "scope", 4)
    noise = 0.01 * torch.randn(2, 4, 5, 6, dtype=torch.float64)
    assert torch.equal(found.log_prob(noise, context), expected.log_prob(noise, context))


def test_several_careamics_files_are_one_per_plane(tmp_path):
    paths = [careamics_file(tmp_path / f"{k}.npz", trained_weight=WEIGHT + k) for k in range(4)]
    found = read_careamics(paths, 0, 500)
    assert isinstance(found, PerPlane)
    for model, k in zip(found.models, range(4), strict=True):
        assert torch.equal(model.weight, torch.from_numpy(WEIGHT + k).double())


def test_a_careamics_model_is_exported_as_any_other(tmp_path):
    found = profile(read_careamics(careamics_file(tmp_path / "nm.npz"), 10, 210), "camera", 100)
    assert found.kurtosis > 0.1 and "do not describe" in found.words()


@pytest.mark.parametrize(
    "changes", [{"min_sigma": None}, {"trained_weight": np.zeros((4, 2))}, {"max_signal": np.zeros(2)}]
)
def test_other_npz_files_are_named(tmp_path, changes):
    with pytest.raises(ValueError, match="nm.npz: not a noise model of CAREamics: it needs trained_weight, min_signal"):
        read_careamics(careamics_file(tmp_path / "nm.npz", **changes), 0, 1)
    (tmp_path / "cut.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match="cut.npz: not a noise model"):
        read_careamics(tmp_path / "cut.npz", 0, 1)


def darktable_file(path, rows, model="D7000"):
    one = {"comment": "", "model": model, "profiles": rows}
    document = {"version": 0, "noiseprofiles": [{"maker": "Nikon", "models": [one, {**one, "model": "D90"}]}]}
    path.write_text(json.dumps(document))
    return path


def row(iso, a, b, **more):
    return {"name": f"D7000 iso {iso}", "iso": iso, "a": a, "b": b, **more}


ROWS = [row(100, [1e-3, 2e-3, 3e-3], [1e-6, 2e-6, -3e-6]), row(400, [4e-3, 8e-3, 9e-3], [1e-6, 2e-6, 3e-6])]


@pytest.mark.parametrize("name", ["D7000", "Nikon D7000"])
def test_darktables_numbers_are_those_of_the_planes(tmp_path, name):
    skipped = row(800, [1, 1, 1], [1, 1, 1], skip=True)
    found = read_darktable(darktable_file(tmp_path / "n.json", [*ROWS, skipped]), name)
    assert isinstance(found, NoiseModel) and found.isos == {name: (100.0, 400.0)}
    first = [NLF(1e-3, 1e-6), NLF(2e-3, 2e-6), NLF(2e-3, 2e-6), NLF(3e-3, 0.0)]
    np.testing.assert_allclose(profiles(found)[0].planes, first, rtol=1e-9, atol=2e-12)


def test_darktable_there_and_back(tmp_path):
    rows = {iso: NLF(1e-5 * iso, 1e-8 * iso) for iso in (100, 200, 400, 800)}
    (tmp_path / "n.json").write_text(darktable_profiles(GaussianNoise({"Nikon D7000": rows}), "Nikon D7000"))
    again = read_darktable(tmp_path / "n.json", "Nikon D7000")
    found = {p.iso: p.planes for p in profiles(again)}
    for iso, nlf in rows.items():
        np.testing.assert_allclose(found[iso], [nlf] * 4, rtol=1e-9)


def test_what_darktables_file_does_not_hold_is_said(tmp_path):
    path = darktable_file(tmp_path / "n.json", ROWS)
    with pytest.raises(ValueError, match="n.json: no such camera; 'D5' is asked for, and it has 2 cameras"):
        read_darktable(path, "D5")
    with pytest.raises(ValueError, match="n.json: several cameras of this name"):
        read_darktable(darktable_file(path, ROWS, model="D90"), "D90")
    path.write_text("[1]")
    with pytest.raises(ValueError, match="n.json: not a noiseprofiles.json of darktable"):
        read_darktable(path, "D5")
    with pytest.raises(FileNotFoundError):
        read_darktable(tmp_path / "none.json", "D5")


def test_the_profile_of_a_dng(tmp_path):
    write_dng(tmp_path / "a.dng", mosaics(1)[0])
    found = read_dng_profile(tmp_path / "a.dng")
    (one,) = profiles(found)
    assert (one.camera, one.iso) == ("Model 1", 400)
    np.testing.assert_allclose(one.planes, [NLF(1e-3, 2e-6)] * 4, rtol=1e-9)
    assert read_dng_profile(tmp_path / "a.dng", "mine", 64).isos == {"mine": (64.0,)}


def test_a_dng_without_a_profile_is_named(tmp_path):
    write_dng(tmp_path / "a.dng", mosaics(1)[0], profile=None)
    with pytest.raises(ValueError, match="a.dng: the tag NoiseProfile must hold 2 or 6 numbers, and it holds 0"):
        read_dng_profile(tmp_path / "a.dng")
    (tmp_path / "b.dng").write_bytes(b"no tiff")
    with pytest.raises(ValueError, match="b.dng: not a readable DNG"):
        read_dng_profile(tmp_path / "b.dng")
    with pytest.raises(FileNotFoundError):
        read_dng_profile(tmp_path / "c.dng")
