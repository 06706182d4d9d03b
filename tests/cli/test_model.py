"""``n2nf model``: from bursts to a model file."""

import numpy as np
import pytest
import torch
from cases.burst_files import burst_file
from cases.poisson_bursts import texture

from n2nf_core import cli
from n2nf_core.baselines import GaussianNoise
from n2nf_core.bursts import train_test_split
from n2nf_core.cli.model import verdict
from n2nf_core.export import load_model
from n2nf_core.flow import NoiseFlow
from n2nf_core.importers import read_bursts
from n2nf_core.training import PROFILES, Profile, Recipe

TINY = Profile(scenes=1, size=48, patch=8, batch=4, features=4, pretrain=2, joint=2)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(PROFILES, "smoke", TINY)


@pytest.fixture
def paths(tmp_path):
    changes = ({}, {"iso": 800, "camera": "other"})
    return [burst_file(tmp_path / f"b{k}.npz", texture(48, 48), each, seed=k) for k, each in enumerate(changes)]


def test_a_file_of_several_cameras_and_isos(tmp_path, paths, capsys):
    out = tmp_path / "deep" / "camera.safetensors"
    assert cli.main(["model", *paths, "-o", str(out), "--profile", "smoke", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert said.count("gain, DN per electron") == 2 and "wo numbers per ISO value" in said and str(out) in said
    _, model, about = load_model(out)
    assert set(model.cameras) == {"cam", "other"}
    rows = [(row["camera"], row["iso"]) for row in about["settings"]]
    assert rows == [("cam", 100), ("other", 800)]
    assert (about["camera"], about["iso"], about["white"], about["seed"]) == ("cam", 100, 4095, 3)
    assert about["noise_model"] in ("noise_flow", "photon_transfer")
    assert [path.name for path in out.parent.iterdir() if path.suffix == ".training"] == []
    assert cli.main(["export", str(out), "--to", "table"]) == 0


def test_dequantised_frames_are_trained_on_and_compared_on(tmp_path, paths, monkeypatch):
    from n2nf_core import evaluation

    trained, scored = [], []
    train, held_out = Recipe.train, evaluation.held_out_patches
    monkeypatch.setattr(Recipe, "train", lambda recipe: trained.extend(recipe.bursts) or train(recipe))
    monkeypatch.setattr(
        evaluation, "held_out_patches", lambda test, *size: scored.extend(test) or held_out(test, *size)
    )
    out = tmp_path / "m.safetensors"
    assert cli.main(["model", paths[0], "-o", str(out), "--profile", "smoke", "--seed", "4", "--dequantise"]) == 0
    for burst in (trained[0], scored[0]):
        values = burst.frames[0]
        assert burst.provenance["dequantised"] == 4 and (values != values.round()).mean() > 0.9
    assert load_model(out)[2]["dequantised"] is True


@pytest.mark.parametrize("dequantise", [[], ["--dequantise"]])
def test_the_light_that_drifts_is_matched_before_training_and_comparison(tmp_path, monkeypatch, dequantise):
    from n2nf_core import evaluation

    used = []
    train, held_out = Recipe.train, evaluation.held_out_patches
    monkeypatch.setattr(Recipe, "train", lambda recipe: used.extend(recipe.bursts) or train(recipe))
    monkeypatch.setattr(evaluation, "held_out_patches", lambda test, *size: used.extend(test) or held_out(test, *size))
    light = np.array([1.0, 1.03, 0.98, 1.01])[:, None, None, None]
    path = burst_file(tmp_path / "drift.npz", light * texture(48, 48), count=4)
    assert cli.main(["model", path, "-o", str(tmp_path / "m"), "--profile", "smoke", *dequantise]) == 0
    assert len(used) == 2
    for burst in used:
        means = np.array([burst.planes(t).mean() for t in range(4)])
        assert np.ptp(means) < 0.004 * means.mean()


@pytest.mark.parametrize(("gain", "kind"), [(-0.1, "noise_flow"), (0.1, "photon_transfer")])
def test_the_better_model_is_kept(tmp_path, paths, monkeypatch, gain, kind):
    from n2nf_core import evaluation

    monkeypatch.setattr(evaluation, "nll_gain", lambda *given: (gain, [gain - 0.01, gain + 0.01]))
    out = tmp_path / "m.safetensors"
    assert cli.main(["model", paths[0], "-o", str(out), "--profile", "smoke"]) == 0
    _, model, about = load_model(out)
    assert about["noise_model"] == kind and isinstance(model, NoiseFlow if kind == "noise_flow" else GaussianNoise)


def test_the_models_are_compared_on_what_was_not_trained_on(tmp_path, paths, monkeypatch):
    from n2nf_core import evaluation

    seen, gain = [], evaluation.nll_gain
    monkeypatch.setattr(evaluation, "nll_gain", lambda *given: seen.append(given) or gain(*given))
    assert cli.main(["model", paths[0], "-o", str(tmp_path / "m.safetensors"), "--profile", "smoke"]) == 0
    wanted = evaluation.held_out_patches(train_test_split(read_bursts(paths[0]))[1], TINY.patch)
    assert [type(model) for model, _, _ in seen] == [NoiseFlow, GaussianNoise]
    assert all(torch.equal(held.noise, wanted.noise) for _, _, held in seen)
    about = load_model(tmp_path / "m.safetensors")[2]
    assert (about["patches"], about["patches_left_out"]) == (len(wanted.noise), 0)


def test_a_training_that_was_stopped_stays_beside_the_file(tmp_path, paths, monkeypatch, capsys):
    whole, train = Recipe.train_jointly, []

    def stopped(recipe, *given, **options):
        train.append(recipe)
        raise KeyboardInterrupt

    out = tmp_path / "m.safetensors"
    monkeypatch.setattr(Recipe, "train_jointly", stopped)
    assert cli.main(["model", paths[0], "-o", str(out), "--profile", "smoke", "--seed", "3"]) == 130
    assert not out.exists() and (tmp_path / "m.safetensors.training" / "pretraining").is_dir()
    assert train[0].noise_term == "recommended" and train[0].seed == 3
    monkeypatch.setattr(Recipe, "train_jointly", whole)
    assert cli.main(["model", paths[0], "-o", str(out), "--profile", "smoke", "--seed", "3"]) == 0
    assert out.exists() and not (tmp_path / "m.safetensors.training").exists()


def test_the_sentence_depends_on_the_interval():
    assert "do not describe this camera as well" in verdict(-0.02, [-0.03, -0.01])
    for low, high in ((-0.03, 0.01), (-0.01, 0.03)):
        said = verdict((low + high) / 2, [low, high])
        assert said.startswith("Undecided") and "no difference larger than 0.03000 was found" in said
        assert "as well" not in said
    assert "better than this Noise Flow" in verdict(0.02, [0.01, 0.03])
    assert "(-0.02000 nats per dimension on held-out patches, 95 % [-0.03000, -0.01000])" in verdict(
        -0.02, [-0.03, -0.01]
    )


def test_a_small_burst_is_refused_before_any_work(tmp_path, capsys):
    small = burst_file(tmp_path / "small.npz", texture(12, 12))
    assert cli.main(["model", small, "-o", str(tmp_path / "m"), "--profile", "smoke"]) == 2
    said = capsys.readouterr()
    assert "too small to train" in said.err and said.err.count("\n") == 1 and said.out == ""
