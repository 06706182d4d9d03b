"""Real bursts that come with the package, which names stand for wherever a burst is read."""

from __future__ import annotations

from pathlib import Path

import n2nf_core

FOLDER = Path(n2nf_core.__file__).parent / "data"
"""Folder of the bursts; its README says where they come from."""


def located(path: str | Path) -> Path:
    """The embedded burst whose name ``path`` is, ``esis`` or ``esis-dark``, and else ``path``.

    A file or folder of such a name in the working folder comes first.

    >>> located("esis").name, located("mine.npz").name
    ('esis.npz', 'mine.npz')
    """
    path = Path(path)
    embedded = FOLDER / f"{path.name}.npz"
    return embedded if path.parent == Path() and embedded.is_file() and not path.exists() else path
