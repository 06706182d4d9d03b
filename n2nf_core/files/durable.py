"""Atomic writes and locks, for all code that writes files."""

from __future__ import annotations

import ctypes
import errno
import glob
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from n2nf_core.files.errors import cannot_write

PARTIAL = ".partial"
"""Suffix of the name of an unfinished file. The name begins with a dot and the name of the finished file."""
FORMER = ".former"
"""Suffix of the name of a folder that is being replaced, where the system cannot swap two folders in one step."""
_UNFINISHED = re.compile(rf"\.(?P<name>.+)\.[0-9a-f]{{8}}({PARTIAL}|{FORMER})")
_LOCK = re.compile(r"\.(?P<name>.+)\.lock")
_CANNOT_SWAP = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


@contextmanager
def durable_replace(path: str | Path) -> Iterator[Path]:
    """Write a file or a folder to a new path beside ``path``, which replaces ``path`` when the body ends.

    Other programs see either the old content or the new content, complete, and so does a restart after a power cut.
    For this the new content reaches the disk before it is renamed, and the rename reaches the disk before this returns.
    Folders above ``path`` are made. Where the body raises an error, or the disk is full, ``path`` does not change, and
    the new path is removed. A second writer of the same ``path`` waits for the first. What writers that have ended left
    beside ``path`` is removed. Files have the mode that the umask asks for.

    Errors: OSError, with the system's number and one line that names ``path``, where it cannot be written.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "deep" / "result.txt"
    >>> with durable_replace(target) as new:
    ...     _ = new.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{PARTIAL}")
    try:
        make_folder(path.parent)
        with locked(lock_of(path), f"another process writes {path}; waiting for it"):
            _clear(path)
            mode = _umask_mode(new)
            try:
                yield new
                _settle(new, mode)
                _rename(new, path)
                _sync(path.parent)
            finally:
                remove(new)
    except OSError as error:
        raise cannot_write(error, path) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, so that they are there after a power cut."""
    missing = [one for one in (path, *path.parents) if not one.is_dir()]
    try:
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)
    except OSError as error:
        raise cannot_write(error, path) from error


def _umask_mode(new: Path) -> int:
    """The mode of a new file; the umask itself cannot be asked for without changing it for all threads."""
    new.touch()
    mode = new.stat().st_mode & 0o777
    new.unlink()
    return mode


def _settle(new: Path, mode: int) -> None:
    """Give every file its mode, and wait until a file, or a folder and everything in it, is on the disk."""
    for path in [*new.rglob("*"), new] if new.is_dir() else [new]:
        if path.is_file() and path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)
        _sync(path)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot open folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _rename(new: Path, path: Path) -> None:
    """Give ``new`` the name ``path``. A folder changes its name with a new folder, and is never replaced by a file."""
    if path.is_dir() and not new.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not (path.is_dir() or new.is_dir() and path.exists()):
        os.replace(new, path)
    elif not _swap(new, path):
        former = new.with_suffix(FORMER)
        os.replace(path, former)  # after a crash here, _clear puts it back
        try:
            os.replace(new, path)
        except BaseException:
            os.replace(former, path)
            raise
        remove(former)


def _swap(one: Path, other: Path) -> bool:
    """Let two paths change their names in one step; False where the system or the file system cannot (renameat2(2))."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2
    if call(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT_SWAP:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _clear(path: Path) -> None:
    """Remove what ended writers of ``path`` left beside it. The caller holds the lock, so no writer is alive."""
    left = [path.parent / name for name in glob.glob(f".{glob.escape(path.name)}.*", root_dir=path.parent)]
    left = [one for one in left if (found := _UNFINISHED.fullmatch(one.name)) and found["name"] == path.name]
    for one in left:
        if one.suffix == FORMER and not path.exists():
            os.replace(one, path)
        else:
            remove(one)


def clear_leftovers(folder: Path) -> None:
    """Remove unfinished files and locks from a folder, but not those of a process that is still writing.

    A folder that was being replaced, and whose new content did not get its name, gets its name back.
    """
    from filelock import FileLock, Timeout

    names = os.listdir(folder) if folder.is_dir() else []
    for name in {one["name"] for one in (is_leftover(name) for name in names) if one}:
        lock = FileLock(lock_of(folder / name))
        with suppress(Timeout):
            lock.acquire(timeout=0)
            try:
                _clear(folder / name)
            finally:
                _release(lock)


def is_leftover(name: str) -> re.Match | None:
    """Whether a file's name is that of an unfinished file or of a lock, which are no part of a folder's content.

    >>> [bool(is_leftover(name)) for name in (".a.json.0123abcd.partial", ".a.json.lock", "a.json")]
    [True, True, False]
    """
    return _UNFINISHED.fullmatch(name) or _LOCK.fullmatch(name)


def remove(path: Path) -> None:
    """Remove a file or a folder if it exists; tries again where other threads still add files to the folder."""
    for _ in range(20):
        if not path.is_dir() or path.is_symlink():
            path.unlink(missing_ok=True)
            return
        shutil.rmtree(path, ignore_errors=True)
        time.sleep(0.02)


def lock_of(path: Path) -> Path:
    """The lock file of whoever writes the file or the folder ``path``; it lies beside it."""
    path = Path(os.path.abspath(path))
    return path.with_name(f".{path.name}.lock")


@contextmanager
def locked(path: str | Path, busy: str) -> Iterator[None]:
    """Lock the file ``path`` while the body runs. Where another process has locked it, print ``busy`` and wait.

    ``busy`` is printed on standard error. The lock is the operating system's, so it ends when its process ends, also
    after a crash. The file is removed when the body ends.
    """
    from filelock import FileLock, Timeout

    path = Path(path)
    make_folder(path.parent)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(busy, file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        _release(lock)


def _release(lock) -> None:
    """Remove the file while it is locked: whoever has opened it meanwhile sees that it has no name, and tries again."""
    with suppress(OSError):  # Windows does not remove files that are open
        os.unlink(lock.lock_file)
    lock.release()
