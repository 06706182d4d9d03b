"""What the command line does with a model file."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from cases.stacks import npz_stack

from n2nf_core import cli, importers
from n2nf_core.baselines import GaussianNoise
from n2nf_core.bursts import BurstWarning
from n2nf_core.denoisers import DnCNN
from n2nf_core.evaluation.denoised import denoised_frames, mosaic_in_dn, scene_estimate
from n2nf_core.export import CameraNoise, exchange, load_model, save_model
from n2nf_core.export.exchange import export_text
from n2nf_core.importers import read_bursts
from n2nf_core.types import NLF


@pytest.fixture
def model_file(tmp_path):
    table = GaussianNoise({"Sony A7": {iso: NLF(1e-5 * iso, 1e-6) for iso in (100, 400, 800, 1600)}})
    about = {"camera": "Sony A7", "iso": 100, "black": 100, "white": 4095}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        denoiser = DnCNN(layers=2, features=4)
    return save_model(tmp_path / "m.safetensors", table, denoiser, about)


def test_a_name_that_frames_cannot_have_is_refused_before_any_work(model_file, tmp_path, capsys):
    assert cli.main(["denoise", str(model_file), str(tmp_path / "none.npz"), "-o", str(tmp_path / "scene.jpg")]) == 2
    assert "scene.jpg: the name must end in" in capsys.readouterr().err


def test_export_prints_text_or_writes_it(model_file, tmp_path, capsys):
    for form in ("table", "json", "dng", "darktable"):
        assert cli.main(["export", str(model_file), "--to", form]) == 0
        assert capsys.readouterr().out == export_text(model_file, form)
    out = tmp_path / "deep" / "n.json"
    assert cli.main(["export", str(model_file), "--to", "darktable", "--maker", "Nikon", "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"{out}\n" and out.read_text() == export_text(
        model_file, "darktable", maker="Nikon"
    )
    assert cli.main(["export", str(model_file), "--to", "dng", "--camera", "X"]) == 2
    assert "error: camera 'X' is not known" in capsys.readouterr().err
    assert cli.main(["export", str(model_file), "--to", "onnx"]) == 2
    assert "say where to write them, with -o NAME" in capsys.readouterr().err


def test_export_hands_onnx_on(model_file, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(exchange, "export_onnx", lambda *given: asked.append(given) or ["a", "b"])
    assert cli.main(["export", str(model_file), "--to", "onnx", "-o", "cam", "--camera", "c"]) == 0
    assert asked == [(model_file, Path("cam"), "c")] and capsys.readouterr().out == "a\nb\n"


def test_noise_on_images(model_file, tmp_path, capsys):
    image = np.full((64, 64), 0.5, np.float32)
    np.savez(tmp_path / "clean.npz", image=image)
    given = ["noise", str(model_file), str(tmp_path / "clean.npz"), "-o", str(tmp_path / "out.npz"), "--seed", "3"]
    assert cli.main([*given, "--iso", "400", "800", "--exposure", "0.25"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'out.npz'}: linear, black 0 and white 1\n"
    noise = CameraNoise(load_model(model_file)[1], iso=(400, 800), exposure=0.25)
    expected = noise(torch.from_numpy(image)[None], torch.Generator().manual_seed(3))[0]
    np.testing.assert_allclose(np.load(tmp_path / "out.npz")["image"], expected, atol=1e-6)
    assert cli.main([*given, "--black", "2", "--white", "1"]) == 2
    assert "white level 1 must lie above the black level 2" in capsys.readouterr().err
    assert cli.main([*given, "--iso", "1", "2", "3"]) == 2
    assert capsys.readouterr().err == "error: --iso takes one value or two, got 3\n"
    assert cli.main([*given, "--camera", "X"]) == 2
    assert "'X' is not known" in capsys.readouterr().err


def test_noise_is_the_cameras_of_the_file_unless_others_are_named(tmp_path, capsys):
    table = GaussianNoise({"loud": {100: NLF(0.0, 1e-2)}, "quiet": {100: NLF(0.0, 1e-6)}})
    about = {"camera": "quiet", "iso": 100, "black": 0, "white": 1}
    path = save_model(tmp_path / "m.safetensors", table, DnCNN(layers=2, features=4), about)
    np.savez(tmp_path / "clean.npz", image=np.full((64, 64), 0.5))
    for camera, least, most in (([], 5e-4, 2e-3), (["--camera", "loud"], 0.05, 0.2)):
        out = tmp_path / "out.npz"
        assert cli.main(["noise", str(path), str(tmp_path / "clean.npz"), "-o", str(out), *camera]) == 0
        assert least < np.load(out)["image"].std() < most


def test_denoise_a_burst(model_file, tmp_path, capsys):
    np.savez(tmp_path / "b.npz", **npz_stack(camera="Sony A7", iso=400, cfa="RGGB"))
    denoiser = load_model(model_file)[0]
    (burst,) = read_bursts(tmp_path / "b.npz")
    scene, weight = scene_estimate(denoiser, burst)
    given = ["denoise", str(model_file), str(tmp_path / "b.npz"), "-o"]
    assert cli.main([*given, str(tmp_path / "scene.npz")]) == 0
    words = f"scene from 4 frames: {weight:.0%} mean of the denoised frames, the rest plain mean\n"
    assert capsys.readouterr().out == f"{words}{tmp_path / 'scene.npz'}\n"
    with np.load(tmp_path / "scene.npz") as found:
        assert np.array_equal(found["frames"], mosaic_in_dn(scene, burst)[None])
        assert (str(found["camera"]), float(found["iso"]), str(found["cfa"])) == ("Sony A7", 400, "RGGB")
    assert cli.main([*given, str(tmp_path / "every.npz"), "--every"]) == 0
    expected = [mosaic_in_dn(frame, burst) for frame in denoised_frames(denoiser, burst)]
    assert np.array_equal(np.load(tmp_path / "every.npz")["frames"], expected)
    assert cli.main([*given, str(tmp_path / "f.dng"), "--every"]) == 0
    assert [path.name for path in sorted(tmp_path.glob("*.dng"))] == [f"f_00{t}.dng" for t in range(4)]
    assert cli.main([*given, str(tmp_path / "l.npz"), "--black", "50", "--white", "5000", "--cfa", "MONO"]) == 0
    with np.load(tmp_path / "l.npz") as found:
        assert (found["black"].tolist(), float(found["white"]), str(found["cfa"])) == ([50.0] * 4, 5000, "MONO")


def test_noise_on_a_denoised_scene(model_file, tmp_path, capsys):
    np.savez(tmp_path / "b.npz", **npz_stack(camera="Sony A7", iso=400, cfa="RGGB"))
    scene, out = (str(tmp_path / name) for name in ("scene.tif", "noisy.tif"))
    assert cli.main(["denoise", str(model_file), str(tmp_path / "b.npz"), "-o", scene]) == 0
    assert cli.main(["noise", str(model_file), scene, "-o", out, "--black", "64", "--white", "4095"]) == 0
    clean, noisy = tifffile.imread(scene), tifffile.imread(out)
    assert clean.shape == (1, *noisy.shape) and clean.dtype == noisy.dtype and (clean != noisy).any()


def test_denoise_says_what_the_importer_warns_of(model_file, tmp_path, capsys, monkeypatch):
    np.savez(tmp_path / "b.npz", **npz_stack(camera="Sony A7", iso=400, cfa="RGGB"))
    reader = importers.iter_unchecked

    def warned(*given):
        warnings.warn("the level jumps", BurstWarning, stacklevel=2)
        return reader(*given)

    monkeypatch.setattr(importers, "iter_unchecked", warned)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        given = ["denoise", str(model_file), str(tmp_path / "b.npz"), "-o", str(tmp_path / "s.npz")]
        assert cli.main(given) == 0
    assert capsys.readouterr().out.startswith("note: the level jumps\nscene from 4 frames")


def test_denoise_takes_one_burst(model_file, tmp_path, capsys):
    np.savez(tmp_path / "b.npz", **npz_stack(setting=np.array([0, 0, 1, 1])))
    assert cli.main(["denoise", str(model_file), str(tmp_path / "b.npz"), "-o", str(tmp_path / "c.npz")]) == 2
    assert "b.npz holds 2 bursts: give the file or folder of one" in capsys.readouterr().err


def test_denoise_refuses_frames_of_a_single_cell(model_file, tmp_path, capsys):
    for side, status in ((3, 2), (4, 0)):
        np.savez(tmp_path / "b.npz", **npz_stack(frames=np.arange(2 * side**2, dtype=np.uint16).reshape(2, side, side)))
        given = ["denoise", str(model_file), str(tmp_path / "b.npz"), "-o", str(tmp_path / "c.npz")]
        assert cli.main(given) == status
        assert ("give frames of at least 4 x 4" in capsys.readouterr().err) == (status == 2)


def test_noise_on_the_npz_of_a_denoised_scene(model_file, tmp_path, capsys):
    np.savez(tmp_path / "b.npz", **npz_stack(camera="Sony A7", iso=400, cfa="RGGB"))
    scene, out = (str(tmp_path / name) for name in ("scene.npz", "noisy.npz"))
    assert cli.main(["denoise", str(model_file), str(tmp_path / "b.npz"), "-o", scene]) == 0
    assert cli.main(["noise", str(model_file), scene, "-o", out]) == 0
    assert "linear, black 100 and white 4095" in capsys.readouterr().out
    clean, noisy = np.load(scene)["frames"][0], np.load(out)["frames"]
    assert clean.shape == noisy.shape and (clean != noisy).any()
    assert cli.main(["noise", str(model_file), str(tmp_path / "b.npz"), "-o", out]) == 2
    assert "b.npz: it holds 4 frames: noise is put on one, so give a file for each" in capsys.readouterr().err
