"""Atomic writes, locks, and error messages in one line, for all code that writes files."""

from n2nf_core.files.durable import (
    FORMER,
    PARTIAL,
    clear_leftovers,
    durable_replace,
    is_leftover,
    lock_of,
    locked,
    make_folder,
    remove,
)  # fmt: skip
from n2nf_core.files.errors import (
    CheckpointError,
    cannot_write,
    check_weights,
    one_line,
    printable,
    reason,
    show_warning,
)  # fmt: skip

__all__ = [
    "FORMER", "PARTIAL", "CheckpointError", "cannot_write", "check_weights", "clear_leftovers", "durable_replace",
    "is_leftover", "lock_of", "locked", "make_folder", "one_line", "printable", "reason", "remove", "show_warning",
]  # fmt: skip
