"""The command line: one line for what is wrong, and the exit status says of what kind it is."""

import json
import shlex
from importlib import metadata

import numpy as np
import pytest
from cases.burst_files import SETTINGS, mosaic_of
from cases.poisson_bursts import exposed, texture

from n2nf_core import cli
from n2nf_core.baselines import GaussianNoise
from n2nf_core.bursts import BurstError, open_burst
from n2nf_core.denoisers import DnCNN
from n2nf_core.export import load_model, save_model
from n2nf_core.study import runner
from n2nf_core.training import PROFILES, Profile
from n2nf_core.types import NLF


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
        (KeyboardInterrupt(), 130, "stopped; a training goes on from its last checkpoint with the same command\n"),
    ],
)
def test_the_exit_status_says_of_what_kind_a_fault_is(monkeypatch, capsys, error, status, message):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(runner, "run_point", fail)
    assert cli.main(["run", "tiny.md"]) == status
    assert capsys.readouterr().err == message


def test_frames_of_odd_size_work_in_every_subcommand(tmp_path, monkeypatch, capsys):
    """65 x 67 pixels without a colour filter: each subcommand does its work and says what it cut off."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PROFILES, "smoke", Profile(1, 48, 8, 4, 4, pretrain=2, joint=2))
    frames = mosaic_of(exposed(texture(34, 34), 3))[:, :65, :67]
    np.savez("odd.npz", frames=frames, **(SETTINGS | {"cfa": "MONO"}))
    note = "note: frames of 65 x 67 cropped to 64 x 66, into 2x2 cells\n"
    commands = {
        "check odd.npz": note,
        "measure odd.npz": note,
        "model odd.npz -o m.safetensors --profile smoke": note,
        "denoise m.safetensors odd.npz -o scene.npz": note,
        "noise m.safetensors image.npz -o noisy.npz": "",
        "convert odd.npz stored": "",
    }
    np.savez("image.npz", image=frames[0])
    for command, said in commands.items():
        assert cli.main(command.split()) == 0, command
        assert said in capsys.readouterr().out, command
    assert np.load("scene.npz")["frames"].shape == (1, 64, 66) and np.load("noisy.npz")["image"].shape == (65, 67)
    assert open_burst(tmp_path / "stored/odd.burst.zarr").shape == (3, 4, 32, 33)
    assert load_model("m.safetensors")[2]["cfa"] == "MONO"


@pytest.mark.parametrize("black", ["64,65,65,70", "64 65 65 70", "'64 65, 65 70'", "=64,65,65,70"])
def test_a_black_level_of_four_numbers_has_one_form_everywhere(tmp_path, monkeypatch, capsys, black):
    """Also before the files, where a number could be taken for the name of one."""
    monkeypatch.chdir(tmp_path)
    np.savez("desk.npz", frames=mosaic_of(exposed(texture(32, 32), 3)), **SETTINGS)
    option = f"--black{'' if black.startswith('=') else ' '}{black}"
    assert cli.main(shlex.split(f"check {option} desk.npz --json")) == 0
    assert json.loads(capsys.readouterr().out)[0]["black"] == [64, 65, 65, 70]
    assert cli.main(shlex.split(f"convert {option} desk.npz stored")) == 0
    assert open_burst(tmp_path / "stored/desk.burst.zarr").black == (64, 65, 65, 70)
    save_model("m.safetensors", GaussianNoise({"cam": {100: NLF(0.01, 1e-4)}}), DnCNN(layers=2, features=4), SETTINGS)
    assert cli.main(shlex.split(f"denoise m.safetensors {option} desk.npz -o scene.npz")) == 0
    assert np.load("scene.npz")["black"].tolist() == [64, 65, 65, 70]
    np.savez("image.npz", image=np.full((32, 32), 500, np.uint16))
    assert cli.main(shlex.split(f"noise m.safetensors {option} --white 4095 image.npz -o noisy.npz")) == 0
    assert "black 66 and white 4095" in capsys.readouterr().out


def test_a_number_behind_black_may_be_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with open("100", "w"):
        pass
    assert cli.main(["check", "--black", "64", "100"]) == 2
    assert "100: nothing here is understood" in capsys.readouterr().err
