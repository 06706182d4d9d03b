import json
import os

import numpy as np
import pytest
import torch

from n2nf_core.study import results


def test_json_is_plain_and_finite(tmp_path):
    content = {
        "a": np.float32(0.5),
        "b": torch.tensor([1, 2]),
        "c": float("nan"),
        "d": (np.int64(3), {"e": torch.tensor(2.0)}),
    }
    path = results.write_json(tmp_path / "deep/r.json", content)
    assert json.loads(path.read_text()) == {"a": 0.5, "b": [1, 2], "c": None, "d": [3, {"e": 2.0}]}


def test_an_interrupted_write_leaves_the_former_file(tmp_path, monkeypatch):
    path = results.write_json(tmp_path / "r.json", {"kept": 1})

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        results.write_json(path, {"kept": 2})
    assert json.loads(path.read_text()) == {"kept": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_provenance_says_what_made_a_result():
    block = results.provenance("the command", "smoke", 3, [{"sha256": "x"}], {"joint": 5})
    assert block["command"] == "the command" and block["profile"] == "smoke" and block["seed"] == 3
    assert block["packages"]["torch"].startswith(torch.__version__.split("+")[0])
    assert len(block["commit"].split("+")[0]) == 40 or block["commit"] == "unknown"
    assert block["data"] == [{"sha256": "x"}] and block["steps"] == {"joint": 5}
    json.dumps(block)


def test_the_command_names_the_file_and_not_its_folder():
    assert results.command("00_start_here", "cpu", 1, "some/where/mine.npz").endswith("-p seed 1 -p data mine.npz")


def test_without_git_the_environment_says_the_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("COMMIT", raising=False)
    assert results.commit() == "unknown"
    monkeypatch.setenv("COMMIT", "f" * 40)
    assert results.commit() == "f" * 40
