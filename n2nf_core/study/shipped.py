"""The notebooks and the study that come with the package, and copies of the notebooks for a reader to change."""

from __future__ import annotations

from pathlib import Path

import n2nf_core
from n2nf_core.files import durable_replace, make_folder

_PACKAGE = Path(n2nf_core.__file__).parent
NOTEBOOKS, WORKFLOW = _PACKAGE / "notebooks", _PACKAGE / "workflow"
"""Folders of the text notebooks, and of the study's engine."""

LAB_SETTINGS = _PACKAGE / "study" / "lab"
"""Settings with which JupyterLab opens a text notebook as a notebook."""


def copy_notebooks(folder: str | Path) -> tuple[list[Path], list[Path]]:
    """Copy all notebooks to a folder, but never over a file: (new copies, files that differ from the package's).

    folder: made if it does not exist; a file that is there is the reader's, and stays as it is.
    """
    folder, written, changed = Path(folder), [], []
    make_folder(folder)
    for source in (*sorted(NOTEBOOKS.glob("*.md")), NOTEBOOKS / "jupytext.toml"):
        to = folder / source.name
        if not to.exists():
            with durable_replace(to) as new:
                new.write_bytes(source.read_bytes())
            written.append(to)
        elif to.read_bytes() != source.read_bytes():
            changed.append(to)
    return written, changed
