"""A file or a folder is replaced whole or not at all, reaches the disk before its name, and locks are held."""

import os
import subprocess
import sys

import pytest

from n2nf_core.files import durable_replace, locked, one_line


def content(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def write(new, folder: bool, text: str) -> None:
    if folder:
        (new / "inner").mkdir(parents=True)
        (new / "inner" / "file").write_text(text)
    else:
        new.write_text(text)


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_the_new_takes_the_place_of_the_former(tmp_path, folder):
    for text in ("first", "second"):
        with durable_replace(tmp_path / "deep/place") as new:
            write(new, folder, text)
            assert new.parent == tmp_path / "deep" and new.name.startswith(".place.")
        assert list(content(tmp_path).values()) == [text]
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["place"]


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
@pytest.mark.parametrize("fault", ["body", "sync", "rename"])
def test_a_fault_leaves_the_former_and_nothing_beside_it(tmp_path, monkeypatch, folder, fault):
    with durable_replace(tmp_path / "place") as new:
        write(new, folder, "former")
    before, replace = content(tmp_path), os.replace

    def refuse(source, *_):
        if fault == "sync" or str(source).endswith(".partial"):
            raise OSError(28, "No space left on device")
        return replace(source, *_)

    if fault != "body":
        monkeypatch.setattr(f"os.{'fsync' if fault == 'sync' else 'replace'}", refuse)
    with pytest.raises(OSError, match="No space"), durable_replace(tmp_path / "place") as new:
        write(new, folder, "new")
        if fault == "body":
            refuse(new)
    monkeypatch.undo()
    assert content(tmp_path) == before


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_the_content_is_on_the_disk_before_its_name_and_the_name_before_it_returns(tmp_path, monkeypatch, folder):
    """Which file a descriptor is of, is read from the system (Linux)."""
    events, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr("os.fsync", lambda fd: (events.append(os.readlink(f"/proc/self/fd/{fd}")), fsync(fd))[1])
    monkeypatch.setattr("os.replace", lambda *names: (events.append("rename"), replace(*names))[1])
    with durable_replace(tmp_path / "place") as new:
        write(new, folder, "new")
    inner = [new / "inner" / "file", new / "inner", new] if folder else [new]
    assert set(events[: len(inner)]) == {str(path) for path in inner}
    assert events[len(inner) :] == ["rename", str(tmp_path)]


def test_the_mode_is_what_the_umask_asks_for(tmp_path):
    former = os.umask(0o027)
    try:
        with durable_replace(tmp_path / "file") as new:
            new.write_text("")
    finally:
        os.umask(former)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_the_second_waits_and_says_so(tmp_path):
    hold = "import sys; from n2nf_core.files import locked\nwith locked(sys.argv[1], 'busy'): print('held', flush=True)"
    with locked(tmp_path / "lock", "busy"):
        words = [sys.executable, "-c", hold, str(tmp_path / "lock")]
        second = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stderr.readline() == "busy\n" and second.poll() is None
    assert second.communicate(timeout=60)[0] == "held\n"


def test_an_error_in_one_line():
    assert one_line(ValueError("a\n b " + "c" * 300)) == "a b " + "c" * 196
    assert one_line(KeyError()) == "KeyError"
