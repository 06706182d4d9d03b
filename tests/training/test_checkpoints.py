"""Checkpoints: a full disk leaves the earlier ones, and a damaged one is named."""

import pytest
import torch
from cases.training import LOSS, config, models, pairs, weights

from n2nf_core.files import CheckpointError
from n2nf_core.training import checkpoints, fit


def test_a_full_disk_leaves_earlier_checkpoints_and_no_half_written_one(tmp_path, monkeypatch):
    """The disk is simulated: the writer of tensors raises as a full one does."""
    import safetensors.torch

    save, calls = safetensors.torch.save_file, []

    def full(tensors, path):
        calls.append(path)
        if len(calls) == 3:
            save({"part": torch.zeros(1)}, path)
            raise OSError(28, "No space left on device")
        save(tensors, path)

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(CheckpointError, match="cannot write the checkpoint of step 24.*No space left"):
        fit(*models(), pairs(), config(), tmp_path, loss=LOSS)
    left = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert left == ["step-00000008", "step-00000016"]
    monkeypatch.undo()
    resumed, unbroken = models(), models()
    fit(*resumed, pairs(), config(), tmp_path, loss=LOSS)
    fit(*unbroken, pairs(), config(), tmp_path / "whole", loss=LOSS)
    assert torch.equal(weights(*resumed), weights(*unbroken))


def test_a_damaged_checkpoint_is_named(tmp_path):
    fit(*models(), pairs(), config(), tmp_path, loss=LOSS)
    path = tmp_path / "checkpoints/step-00000030/tensors.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="step-00000030 cannot be read"):
        fit(*models(), pairs(), config(), tmp_path, loss=LOSS)


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    model = torch.nn.Linear(2, 1)
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    tensors["model.bias"] = torch.tensor([float("nan")])
    with pytest.raises(CheckpointError, match="step-1: the tensor bias has NaN or infinite values"):
        checkpoints.restore_model(model, tensors, tmp_path / "step-1")
    assert model.bias.isfinite().all()
