"""The command line: one line for what is wrong, and the exit status says of what kind it is."""

import re
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

from n2nf_core import cli
from n2nf_core.baselines import GaussianNoise
from n2nf_core.bursts import BurstError
from n2nf_core.denoisers import DnCNN
from n2nf_core.evaluation.denoised import denoised_frames, mosaic_in_dn, scene_estimate
from n2nf_core.export import CameraNoise, exchange, load_model, save_model
from n2nf_core.export.exchange import export_text
from n2nf_core.importers import read_bursts
from n2nf_core.study import runner
from n2nf_core.study.tables import collect
from n2nf_core.training import PROFILES
from n2nf_core.types import NLF


def stack(**changes):
    rng = np.random.default_rng(0)
    return {"frames": rng.integers(200, 900, (4, 64, 64)).astype(np.uint16), "black": 100, "white": 4095} | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": stack()["frames"][:1]}, "frame"),
        ({"frames": stack()["frames"][:, :63]}, "even"),
        ({"frames": np.full((4, 64, 64), np.nan, np.float32)}, "NaN"),
        ({"frames": np.full((4, 64, 64), 500, np.uint16)}, "constant"),
        ({"frames": np.full((4, 64, 64), 4095, np.uint16) - (stack()["frames"] % 4 == 0)}, "saturat|white"),
        ({"black": 3000}, "black"),
        ({"white": 50}, "white"),
    ],
    ids=["single", "odd", "nan", "constant", "saturated", "black", "white"],
)
def test_bad_data_is_one_line_before_any_work(tmp_path, capsys, changes, message):
    np.savez(tmp_path / "bad.npz", **stack(**changes))
    notebook = Path(__file__).parents[1] / "notebooks/00_start_here.md"
    status = cli.main(["run", str(notebook), "--out", str(tmp_path / "out"), "-p", "data", str(tmp_path / "bad.npz")])
    error = capsys.readouterr().err
    assert status == 2 and error.startswith("error: ") and error.count("\n") == 1
    assert re.search(message, error), error
    assert not (tmp_path / "out").exists()


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"n2nf {metadata.version('n2nf-core')}\n"


@pytest.mark.parametrize("arguments", [[], ["rum"], ["collect", "runs", "--profiles", "fast", "--out", "x"]])
def test_a_command_that_there_is_not_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2 and "usage: n2nf" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (BurstError("no frames"), 2, "error: no frames\n"),
        (FileNotFoundError("no notebook"), 2, "error: no notebook\n"),
        (RuntimeError("wrote no result"), 1, "error: wrote no result\n"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on from the last checkpoint\n"),
    ],
)
def test_the_exit_status_says_of_what_kind_a_fault_is(monkeypatch, capsys, error, status, message):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(runner, "run_point", fail)
    assert cli.main(["run", "tiny.md"]) == status
    assert capsys.readouterr().err == message


def test_parameters_and_places_reach_the_runner(monkeypatch, tmp_path, capsys):
    asked = []
    answer = (tmp_path / "result.json", False)
    monkeypatch.setattr(runner, "run_point", lambda *given, **options: asked.append((given, options)) or answer)
    given = ["-p", "seed", "7", "-p", "profile", "smoke", "--runs", "here", "--date", "2001-02-03"]
    assert cli.main(["run", "tiny.md", *given]) == 0
    parameters = {"seed": "7", "profile": "smoke"}
    assert asked == [((Path("tiny.md"), Path("here"), parameters), {"day": "2001-02-03"})]
    assert capsys.readouterr().out == f"finished already: {tmp_path / 'result.json'}\n"


def test_collect_takes_all_profiles_unless_some_are_named(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(collect, "collect", lambda *given: asked.append(given) or ["a.parquet", "tables.md"])
    assert cli.main(["collect", "a", "b", "--out", "x"]) == 0
    assert cli.main(["collect", "a", "--out", "x", "--profiles", "gpu"]) == 0
    assert asked == [([Path("a"), Path("b")], list(PROFILES), Path("x")), ([Path("a")], ["gpu"], Path("x"))]
    assert capsys.readouterr().out == 2 * "a.parquet\ntables.md\n"


@pytest.mark.parametrize("value", ["-7", "--out", "-p", "a=b", "", "-1.5e3"])
def test_a_value_may_look_like_an_option(monkeypatch, tmp_path, value):
    asked = []
    monkeypatch.setattr(runner, "run_point", lambda *given, **_: asked.append(given[2]) or (tmp_path, False))
    assert cli.main(["run", "tiny.md", "-p", "data", value, "-p", "seed", "1"]) == 0
    assert cli.main(["run", "tiny.md", f"-pdata={value}", "-pseed=1"]) == 0
    assert asked == [{"data": value, "seed": "1"}] * 2


def test_a_setting_without_a_value_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "tiny.md", "-p", "seed"])
    assert "argument -p: give a NAME and a VALUE" in capsys.readouterr().err


def test_an_empty_folder_is_chosen_by_the_parameters(monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(runner, "default_out", lambda notebook, runs, given: runs / "demo")
    monkeypatch.setattr(runner, "run_notebook", lambda *given: asked.append(given) or tmp_path / "tiny.json")
    assert cli.main(["run", "tiny.md", "--out=", "--runs", "here"]) == 0
    assert cli.main(["run", "tiny.md", "--out=-x"]) == 0
    assert [given[1] for given in asked] == [Path("here/demo"), Path("-x")]


@pytest.fixture
def model_file(tmp_path):
    table = GaussianNoise({"Sony A7": {iso: NLF(1e-5 * iso, 1e-6) for iso in (100, 400, 800, 1600)}})
    about = {"camera": "Sony A7", "iso": 100, "black": 100, "white": 4095}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        denoiser = DnCNN(layers=2, features=4)
    return save_model(tmp_path / "m.safetensors", table, denoiser, about)


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
    np.savez(tmp_path / "b.npz", **stack(camera="Sony A7", iso=400, cfa="RGGB"))
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


def test_denoise_takes_one_burst(model_file, tmp_path, capsys):
    np.savez(tmp_path / "b.npz", **stack(setting=np.array([0, 0, 1, 1])))
    assert cli.main(["denoise", str(model_file), str(tmp_path / "b.npz"), "-o", str(tmp_path / "c.npz")]) == 2
    assert "b.npz holds 2 bursts: give the file or folder of one" in capsys.readouterr().err
