"""Files of one folder that belong together, such as tables and the page made from them.

They are written together, and the file SHA256SUMS lists them with their checksums. It is written last, so a folder in
which a call was interrupted does not agree with it. ``sha256sum -c SHA256SUMS`` compares them.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from n2nf_core.files import cannot_write, clear_leftovers, durable_replace, make_folder, remove

SUMS = "SHA256SUMS"


def checksums(files: Iterable[Path]) -> str:
    """The content of SHA256SUMS: a line for each file, sorted by name."""
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)
    return "".join(sorted(lines, key=lambda line: line[66:]))


def complete(folder: Path) -> bool:
    """Whether the files of a folder are those that its SHA256SUMS lists."""
    sums = folder / SUMS
    known = sums.read_text() if sums.is_file() else ""
    files = [folder / line[66:] for line in known.splitlines()]
    return bool(known) and all(path.is_file() for path in files) and checksums(files) == known


@contextmanager
def replace_together(folder: Path, kept: str) -> Iterator[Path]:
    """Yield a folder for new files, which take their places in ``folder`` when the body ends, and then SHA256SUMS.

    Where the body raises an error, nothing in ``folder`` changes. If an earlier call was interrupted, standard error
    says so. The caller holds a lock.

    Arguments:
        folder: receives the files; it is made.
        kept: pattern of files of ``folder`` that the body reads beside its own. It finds copies of them.
    """
    make_folder(folder)
    clear_leftovers(folder)
    if any(folder.glob(kept)) and not complete(folder):
        print(
            f"{folder}: the files do not agree with {SUMS}: a call was interrupted, or one was changed", file=sys.stderr
        )
    stage = folder / ".new"
    remove(stage)  # of a call that was killed
    try:
        stage.mkdir()
        for path in folder.glob(kept):
            shutil.copyfile(path, stage / path.name)
        yield stage
        for path in sorted(stage.iterdir()):
            target = folder / path.name
            if not target.is_file() or target.read_bytes() != path.read_bytes():
                with durable_replace(target) as new:
                    shutil.copyfile(path, new)
        with durable_replace(folder / SUMS) as new:
            new.write_text(checksums(folder / path.name for path in stage.iterdir()))
    except OSError as error:
        raise cannot_write(error, stage) from error
    finally:
        remove(stage)
