"""Files that are whole or absent, locks, and errors in one line: what everything that writes shares."""

from __future__ import annotations

import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
"""How the name of an unfinished file ends; it begins with a dot and the name that the file will have."""


class CheckpointError(ValueError):
    """A file of trained models that is damaged, of another run, or no such file at all; the message names it."""


@contextmanager
def durable_replace(path: str | Path) -> Iterator[Path]:
    """A new path beside ``path``, to write a file or a folder to; on leaving, that takes the place of ``path``.

    Whoever looks, and whatever a power cut leaves, sees the former content or the new one, whole: the new one reaches
    the disk before it is renamed, and the rename before this returns. Folders above ``path`` are made. Where the body
    raises, or the disk is full, ``path`` stays as it was and nothing is left beside it.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "deep" / "result.txt"
    >>> with durable_replace(target) as new:
    ...     _ = new.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{PARTIAL}")
    try:
        yield new
        _sync(new)
        _rename(new, path)
        _sync(path.parent, below=False)
    finally:
        remove(new)


def _sync(path: Path, below: bool = True) -> None:
    """Wait until a file, or a folder and all that lies ``below`` it, is on the disk."""
    for each in [*path.rglob("*"), path] if path.is_dir() and below else [path]:
        if each.is_dir() and os.name == "nt":  # Windows opens no folders
            continue
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _rename(new: Path, path: Path) -> None:
    """Rename ``new`` to ``path``; a folder that stands there is moved aside first and removed after."""
    if not path.is_dir():
        os.replace(new, path)
        return
    old = new.with_suffix(".old")
    os.replace(path, old)
    try:
        os.replace(new, path)
    except BaseException:
        os.replace(old, path)
        raise
    remove(old)


def remove(path: Path) -> None:
    """Remove a file or a folder for good, if it exists: other threads may still add files to it for a moment."""
    for _ in range(20):
        if not path.is_dir():
            path.unlink(missing_ok=True)
            return
        shutil.rmtree(path, ignore_errors=True)
        time.sleep(0.02)


@contextmanager
def locked(path: str | Path, busy: str) -> Iterator[None]:
    """Hold the lock file ``path``; where another process holds it, say ``busy`` on standard error and wait.

    The lock is the operating system's: it ends with the process that holds it, however that ends.
    """
    from filelock import FileLock, Timeout

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(busy, file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def one_line(error: BaseException, most: int = 200) -> str:
    """What an error says, in one line of at most ``most`` characters; its type where it says nothing.

    >>> one_line(ValueError("two\\n  lines")), one_line(KeyboardInterrupt())
    ('two lines', 'KeyboardInterrupt')
    """
    return " ".join(str(error).split())[:most] or type(error).__name__
