"""Atomic writes, locks, and error messages in one line, for all code that writes files."""

from __future__ import annotations

import os
import shutil
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PARTIAL = ".partial"
"""Suffix of the name of an unfinished file. The name begins with a dot and the name of the finished file."""


class CheckpointError(ValueError):
    """A file of trained models is damaged, belongs to another run, or is another kind of file; the message names it."""


_WEIGHTS = {f"torch.{name}" for name in ("float16", "bfloat16", "float32", "float64", "int64")}


def check_weights(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """CheckpointError, which names the file, where a tensor is of a strange type or has NaN or infinite values.

    Arguments:
        path: the file that the tensors are of.
        tensors: name -> tensor.
    """
    for name, tensor in tensors.items():
        if str(tensor.dtype) not in _WEIGHTS:
            raise CheckpointError(f"{path}: the tensor {name} is of {tensor.dtype}, which no model uses: copy it again")
        if not tensor.isfinite().all():
            raise CheckpointError(f"{path}: the tensor {name} has NaN or infinite values: copy it again, or train anew")


@contextmanager
def durable_replace(path: str | Path) -> Iterator[Path]:
    """Write a file or a folder to a new path beside ``path``, which replaces ``path`` when the body ends.

    Other programs see either the old content or the new content, complete, and so does a restart after a power cut.
    For this the new content reaches the disk before it is renamed, and the rename reaches the disk before this returns.
    Folders above ``path`` are made. Where the body raises an error, or the disk is full, ``path`` does not change, and
    the new path is removed.

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
    """Wait until a file, or a folder and with ``below`` everything in it, is on the disk."""
    for each in [*path.rglob("*"), path] if path.is_dir() and below else [path]:
        if each.is_dir() and os.name == "nt":  # Windows cannot open folders
            continue
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _rename(new: Path, path: Path) -> None:
    """Rename ``new`` to ``path``. A folder that exists there is renamed first, and removed afterwards."""
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
    """Remove a file or a folder if it exists; tries again where other threads still add files to the folder."""
    for _ in range(20):
        if not path.is_dir():
            path.unlink(missing_ok=True)
            return
        shutil.rmtree(path, ignore_errors=True)
        time.sleep(0.02)


@contextmanager
def locked(path: str | Path, busy: str) -> Iterator[None]:
    """Lock the file ``path`` while the body runs. Where another process has locked it, print ``busy`` and wait.

    ``busy`` is printed on standard error. The lock is the operating system's, so it ends when its process ends, also
    after a crash.
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
    """The message of an error in one line of at most ``most`` characters, or its type where the message is empty.

    >>> one_line(ValueError("two\\n  lines")), one_line(KeyboardInterrupt())
    ('two lines', 'KeyboardInterrupt')
    """
    return " ".join(str(error).split())[:most] or type(error).__name__
