"""Files that belong together are replaced together; where a call was interrupted, their list of checksums says so."""

import os
import subprocess

import pytest

from n2nf_core.study import file_set


def fill(folder, text, names=("a.txt", "b.txt")):
    with file_set.replace_together(folder, kept="*.txt") as stage:
        for name in names:
            (stage / name).write_text(text)


def content(folder):
    return {p.name: p.read_text() for p in folder.iterdir() if p.name != file_set.SUMS}


def test_the_list_is_one_that_sha256sum_reads(tmp_path):
    fill(tmp_path / "set", "one")
    assert content(tmp_path / "set") == {"a.txt": "one", "b.txt": "one"} and file_set.complete(tmp_path / "set")
    assert subprocess.run(["sha256sum", "-c", "--quiet", file_set.SUMS], cwd=tmp_path / "set").returncode == 0
    (tmp_path / "set/b.txt").write_text("two")
    assert not file_set.complete(tmp_path / "set")
    (tmp_path / "set/b.txt").unlink()
    assert not file_set.complete(tmp_path / "set") and not file_set.complete(tmp_path)


def test_files_of_other_calls_stay_and_are_listed(tmp_path, capsys):
    fill(tmp_path, "one", ["a.txt"])
    fill(tmp_path, "two", ["b.txt"])
    assert content(tmp_path) == {"a.txt": "one", "b.txt": "two"} and file_set.complete(tmp_path)
    assert capsys.readouterr().err == ""


def test_an_error_changes_nothing(tmp_path):
    fill(tmp_path, "one")
    with pytest.raises(OSError, match="cannot write .*No space left"):
        with file_set.replace_together(tmp_path, kept="*.txt") as stage:
            (stage / "a.txt").write_text("two")
            raise OSError(28, "No space left on device")
    assert content(tmp_path) == {"a.txt": "one", "b.txt": "one"} and file_set.complete(tmp_path)


def test_an_interruption_is_seen_and_told_by_the_next_call(tmp_path, monkeypatch, capsys):
    fill(tmp_path, "one")
    replace, calls = os.replace, []

    def stop(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        fill(tmp_path, "two")
    monkeypatch.undo()
    assert content(tmp_path) == {"a.txt": "two", "b.txt": "one"} and not file_set.complete(tmp_path)
    fill(tmp_path, "two")
    assert "do not agree with SHA256SUMS" in capsys.readouterr().err
    assert content(tmp_path) == {"a.txt": "two", "b.txt": "two"} and file_set.complete(tmp_path)


def test_a_first_call_that_was_interrupted_leaves_no_list(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / ".new").mkdir()
    fill(tmp_path, "two")
    assert "a call was interrupted" in capsys.readouterr().err and sorted(content(tmp_path)) == ["a.txt", "b.txt"]
