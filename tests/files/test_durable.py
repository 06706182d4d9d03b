"""A file or a folder is replaced whole or not at all, reaches the disk before its name, and locks are held."""

import errno
import os
import subprocess
import sys
import threading

import pytest

from n2nf_core.files import (
    cannot_write,
    clear_leftovers,
    durable,
    durable_replace,
    lock_of,
    locked,
    make_folder,
    reason,
)


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

    monkeypatch.setattr(durable, "_swap", lambda *paths: False)
    if fault != "body":
        monkeypatch.setattr(f"os.{'fsync' if fault == 'sync' else 'replace'}", refuse)
    told = "cannot write .*place: No space left on device; free space or choose another folder"
    with pytest.raises(OSError, match=told), durable_replace(tmp_path / "place") as new:
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux swaps two names in one step")
def test_a_folder_is_replaced_in_one_step(tmp_path, monkeypatch):
    with durable_replace(tmp_path / "place") as new:
        write(new, True, "former")
    monkeypatch.setattr("os.replace", None)
    with durable_replace(tmp_path / "place") as new:
        write(new, True, "new")
    assert content(tmp_path) == {"place/inner/file": "new"}


CRASH = """
import os, sys
from pathlib import Path
from n2nf_core.files import durable
durable._swap = lambda *paths: False
replace = os.replace
os.replace = lambda source, target: os._exit(9) if str(source).endswith(".partial") else replace(source, target)
with durable.durable_replace(sys.argv[1]) as new:
    new.mkdir()
    (new / "file").write_text("new")
"""


@pytest.mark.parametrize("by", ["the next writer", "clear_leftovers"])
def test_a_crash_between_two_renames_loses_nothing(tmp_path, by):
    """Where names cannot be swapped, a folder is away for a moment."""
    (tmp_path / "place").mkdir()
    (tmp_path / "place/file").write_text("former")
    assert subprocess.run([sys.executable, "-c", CRASH, tmp_path / "place"]).returncode == 9
    assert not (tmp_path / "place").exists() and len(content(tmp_path)) == 3, "the former, the new and a lock"
    if by == "clear_leftovers":
        clear_leftovers(tmp_path)
    else:
        with pytest.raises(ZeroDivisionError), durable_replace(tmp_path / "place"):
            raise ZeroDivisionError
    assert content(tmp_path) == {"place/file": "former"}


def test_a_writer_removes_what_ended_ones_left_and_nothing_else(tmp_path):
    stay = (".place.partial", ".other.0123abcd.partial", "place.0123abcd.partial", ".place.x.0123abcd.partial")
    for name in (".place.0123abcd.partial", ".place.4567abcd.former", *stay):
        (tmp_path / name).write_text("")
    with durable_replace(tmp_path / "place") as new:
        new.write_text("new")
    assert sorted(content(tmp_path)) == sorted([*stay, "place"])


def test_what_a_living_writer_writes_is_not_removed(tmp_path):
    (tmp_path / ".old.0123abcd.partial").write_text("")
    (tmp_path / ".old.lock").write_text("")
    with durable_replace(tmp_path / "place") as new:
        new.write_text("new")
        clear_leftovers(tmp_path)
        assert set(content(tmp_path)) == {".place.lock", new.name}
    assert content(tmp_path) == {"place": "new"}


def test_two_writers_of_one_place_take_turns(tmp_path, capsys):
    began, seen = threading.Event(), []

    def second():
        began.set()
        with durable_replace(tmp_path / "place") as new:
            seen.append((tmp_path / "place").read_text())
            new.write_text("second")

    thread = threading.Thread(target=second)
    with durable_replace(tmp_path / "place") as new:
        thread.start()
        began.wait()
        thread.join(0.2)
        assert thread.is_alive() and not seen
        new.write_text("first")
    thread.join()
    assert seen == ["first"] and content(tmp_path) == {"place": "second"}
    assert f"another process writes {tmp_path / 'place'}" in capsys.readouterr().err


def test_a_lock_whose_file_was_removed_meanwhile_is_none(tmp_path):
    """Twenty threads add one to a number that each reads and writes: with a lock that splits, some are lost."""
    (tmp_path / "number").write_text("0")

    def add():
        with locked(tmp_path / "lock", ""):
            number = int((tmp_path / "number").read_text())
            (tmp_path / "number").write_text(str(number + 1))

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert content(tmp_path) == {"number": "20"}


def test_an_error_of_another_file_is_not_told_as_one_of_the_place(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"), durable_replace(tmp_path / "place"):
        (tmp_path / "absent").read_text()
    error = OSError(errno.EIO, "Input/output error", "source.npz")
    assert cannot_write(error, tmp_path / "place") is error
    told = cannot_write(OSError(errno.EROFS, "Read-only file system", str(tmp_path)), tmp_path / "place")
    assert (
        reason(told) == f"cannot write {tmp_path / 'place'}: Read-only file system; free space or choose another folder"
    )


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path):
    (tmp_path / "photographs").mkdir()
    (tmp_path / "photographs/one").touch()
    with pytest.raises(IsADirectoryError, match="photographs"), durable_replace(tmp_path / "photographs") as new:
        new.write_text("model")
    assert [path.name for path in tmp_path.rglob("*")] == ["photographs", "one"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write .*file/deep"):
        make_folder(tmp_path / "file/deep")
    make_folder(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()
    assert lock_of(tmp_path / "a") == tmp_path / ".a.lock"


def test_the_mode_is_what_the_umask_asks_for(tmp_path):
    former = os.umask(0o027)
    try:
        with durable_replace(tmp_path / "file") as new:
            new.write_text("")
        with durable_replace(tmp_path / "folder") as new:
            new.mkdir()
            os.close(os.open(new / "file", os.O_CREAT, 0o600))
    finally:
        os.umask(former)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder/file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


def test_the_second_waits_and_says_so(tmp_path):
    hold = "import sys; from n2nf_core.files import locked\nwith locked(sys.argv[1], 'busy'): print('held', flush=True)"
    with locked(tmp_path / "lock", "busy"):
        words = [sys.executable, "-c", hold, str(tmp_path / "lock")]
        second = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert second.stderr.readline() == "busy\n" and second.poll() is None
    assert second.communicate(timeout=60)[0] == "held\n"
