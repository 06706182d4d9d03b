"""Errors of files, and their messages in one line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


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


def cannot_write(error: OSError, path: Path) -> OSError:
    """The error of writing ``path`` in words for a user; an error of another file, such as a source, stays as it is."""
    where, own = str(error.filename or path), (str(path), str(path.with_name(f".{path.name}.")))
    told = str(error.strerror).startswith("cannot write ")
    if told or error.errno is None or not (where.startswith(own) or Path(where) in path.parents):
        return error
    reason = error.strerror or one_line(error)
    return OSError(error.errno, f"cannot write {path}: {reason}; free space or choose another folder")


def reason(error: BaseException) -> str:
    """What went wrong and where, in one line for a user.

    >>> reason(FileNotFoundError(2, "No such file or directory", "a.npz")), reason(KeyError("iso"))
    ('a.npz: No such file or directory', "KeyError: 'iso'")
    """
    if isinstance(error, OSError) and error.strerror:
        return one_line(f"{error.filename}: {error.strerror}" if error.filename else error.strerror, 1000)
    told = isinstance(error, (OSError, ValueError, RuntimeError, ImportError)) and str(error)
    return one_line(error, 1000) if told else f"{type(error).__name__}: {one_line(error, 1000)}"


def printable(text: str) -> str:
    """``text`` with escapes in place of characters that cannot be printed, such as line breaks in a file's name.

    >>> printable("two\\nlines")
    'two\\\\nlines'
    """
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


def one_line(error: BaseException | str, most: int = 200) -> str:
    """The message of an error in one line of at most ``most`` characters, or its type where the message is empty.

    >>> one_line(ValueError("two\\n  lines")), one_line(KeyboardInterrupt())
    ('two lines', 'KeyboardInterrupt')
    """
    return " ".join(str(error).split())[:most] or type(error).__name__


def show_warning(message: Warning | str, *_, **__) -> None:
    """Print a warning in one line to standard error; it can take the place of ``warnings.showwarning``."""
    print(f"warning: {one_line(str(message), 1000)}", file=sys.stderr)
