"""Checkpoints: a full disk leaves the earlier ones, and a damaged one is set aside for the one before it."""

import json
from pathlib import Path

import pytest
import torch
from cases.training import LOSS, config, models, pairs, weights

from n2nf_core.files import CheckpointError
from n2nf_core.training import checkpoints, fit


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """Weights of a run that nothing disturbs."""
    trained = models()
    fit(*trained, pairs(), config(), tmp_path_factory.mktemp("run") / "whole", loss=LOSS)
    return weights(*trained)


def test_a_full_disk_leaves_earlier_checkpoints_and_no_half_written_one(tmp_path, monkeypatch, unbroken):
    """The disk is simulated: the third writing of tensors ends half-way as on a full one."""
    write, calls = Path.write_bytes, []

    def full(path, data):
        calls.append(path)
        if len(calls) == 3:
            write(path, data[:100])
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CheckpointError, match="cannot write .*step-00000024: No space left on device; free space"):
        fit(*models(), pairs(), config(), tmp_path / "run", loss=LOSS)
    left = sorted(p.name for p in (tmp_path / "run/checkpoints").iterdir())
    assert left == ["step-00000008", "step-00000016"]
    monkeypatch.undo()
    resumed = models()
    fit(*resumed, pairs(), config(), tmp_path / "run", loss=LOSS)
    assert torch.equal(weights(*resumed), unbroken)


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "cut": lambda step: cut(step / "tensors.safetensors"),
    "one bit": lambda step: flip(step / "tensors.safetensors"),
    "absent": lambda step: (step / "tensors.safetensors").unlink(),
    "no state": lambda step: (step / "state.json").unlink(),
    "empty state": lambda step: (step / "state.json").write_text(""),
    "another state": lambda step: (step / "state.json").write_text("{}"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_run_goes_on_from_the_last_checkpoint_that_reads_and_says_so(tmp_path, capsys, damage, unbroken):
    fit(*models(), pairs(), config(), tmp_path / "run", loss=LOSS)
    folder = tmp_path / "run/checkpoints"
    DAMAGES[damage](folder / "step-00000030")
    (folder / ".step-00000013.0123abcd.partial").mkdir()  # what an ended process left
    resumed = models()
    fit(*resumed, pairs(), config(), tmp_path / "run", loss=LOSS)
    told = capsys.readouterr().err
    assert "step-00000030 cannot be read" in told and "it becomes damaged-step-00000030" in told
    assert torch.equal(weights(*resumed), unbroken)
    assert sorted(p.name for p in folder.iterdir()) == ["damaged-step-00000030", "step-00000024", "step-00000030"]
    assert checkpoints.read_checkpoint(folder / "step-00000030")[1]["step"] == 30


def test_a_checkpoint_that_states_no_checksum_is_read(tmp_path):
    path = checkpoints.save_checkpoint(tmp_path, 8, {"model.a": torch.ones(2)}, {"config": {}, "history": []})
    state = json.loads((path / "state.json").read_text())
    del state["tensors_sha256"]
    (path / "state.json").write_text(json.dumps(state))
    assert torch.equal(checkpoints.read_checkpoint(path)[0]["model.a"], torch.ones(2))


def test_the_files_can_be_read_by_whom_the_umask_lets(tmp_path):
    path = checkpoints.save_checkpoint(tmp_path, 8, {"model.a": torch.ones(2)}, {})
    (tmp_path / "plain").touch()
    assert {p.stat().st_mode for p in path.iterdir()} == {(tmp_path / "plain").stat().st_mode}


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    model = torch.nn.Linear(2, 1)
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors["model.bias"] = torch.tensor([float("nan")])
    with pytest.raises(CheckpointError, match="step-1: the tensor bias has NaN or infinite values"):
        checkpoints.restore_model(model, tensors, tmp_path / "step-1")
    assert model.bias.isfinite().all()
