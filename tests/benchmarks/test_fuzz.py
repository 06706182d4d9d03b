"""A few damaged files of every format: an error of one line, the same values, or a difference that is said."""

import json
import signal

import numpy as np
import pytest

from benchmarks import fuzz

CHECKSUMS = ("npz", "zarr", "model")
"""The formats that have a checksum of all that they hold."""


@pytest.fixture(scope="module")
def reader():
    child = fuzz.Child()
    yield child
    child.close()


@pytest.mark.parametrize("name", fuzz.FORMATS)
def test_damaged_files_are_errors_of_one_line_or_change_nothing_in_silence(reader, name, monkeypatch):
    monkeypatch.setattr(fuzz, "LIMIT_S", 120.0)  # on a busy machine, a file may take longer than 10 s
    examples = []
    found, longest, peak = fuzz.fuzz(name, 6, 1, reader, examples)
    assert not (found["traceback"] or found["crash"] or found["hang"]), examples
    assert found["refused"] > 0 and found.total() == 6 and peak < 1500
    if name in CHECKSUMS:
        assert not (found["silent"] or found["pixels"]), examples


def test_every_damage_changes_the_data():
    data, rng = bytes(range(256)) * 20, np.random.default_rng(0)
    assert sum(fuzz.damaged(data, rng) != data for _ in range(200)) > 190


def test_outcomes_are_told_apart():
    original = {"pixels": "a", "other": "b", "notes": 1, "warnings": 0}
    answers = {
        "refused": {"refused": "file: a line"},
        "equal": original,
        "flagged": original | {"pixels": "x", "warnings": 1},
        "pixels": original | {"pixels": "x"},
        "silent": original | {"other": "x"},
        "hang": {"hang": True},
        "crash": {"crash": -11},
    }
    assert {name: fuzz.classified(answer, original) for name, answer in answers.items()} == {n: n for n in answers}
    assert fuzz.classified({"refused": "two\nlines"}, original) == "traceback"


def test_a_child_that_crashes_or_hangs_is_told_and_replaced(reader, monkeypatch, tmp_path):
    assert "refused" in reader.read(tmp_path / "none.npz")
    reader.process.kill()
    reader.process.wait()
    assert "refused" in reader.read(tmp_path / "none.npz")
    reader.process.send_signal(signal.SIGSTOP)  # it stands still, so it cannot answer in time
    monkeypatch.setattr(fuzz, "LIMIT_S", 0.2)
    assert reader.read(tmp_path / "none.npz") == {"hang": True}


def test_the_peak_is_the_readers_own():
    mine = np.ones(2**28)  # 2 GB, which a process that starts another hands on as its largest size so far
    child = fuzz.Child()
    try:
        assert child.read(fuzz.ROOT / "none.npz")["peak_mb"] < 1500 < mine.nbytes / 2**20
    finally:
        child.close()


def test_the_table_of_the_readme_is_the_committed_run():
    run = json.loads((fuzz.ROOT / "benchmarks/fuzz.json").read_text())
    assert run["count"] >= 300 and set(run["formats"]) == set(fuzz.FORMATS)
    assert fuzz.table(run) in (fuzz.ROOT / "benchmarks/README.md").read_text()
    for name, row in run["formats"].items():
        assert sum(row[outcome] for outcome in fuzz.OUTCOMES) == run["count"]
        assert not (row["traceback"] or row["crash"] or row["hang"]), name
