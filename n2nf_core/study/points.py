"""A point of a study: one notebook with one set of parameters, and the one folder that holds its run.

    runs/<date>-<notebook>-<hash>/{run.ipynb, params.json, result.json}

The hash says what decides the numbers, and nothing else:

- the notebook's name, and all its parameters, defaults included. Places (``output_dir``, and ``trained`` for models
  that notebooks share) are left out; of ``data``, the content counts and not the path;
- the code that decides the numbers, of the notebook and of the core, as :mod:`n2nf_core.study.code_hash` finds it.

Left out because a result says them (``provenance``) and a point should survive them: the date, the commit, the machine
and its device, the versions of other packages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from n2nf_core.study.code_hash import Code

PLACES = {"output_dir", "trained"}  # parameters that say where something lies, not what it is
WHOLE = 1 << 26  # bytes; of a larger file, size and both ends count
DIGITS = 10


class Point(NamedTuple):
    """A notebook, its parameters as they decide the result, and the hash of all that does."""

    notebook: str
    parameters: dict[str, object]
    digest: str

    @property
    def name(self) -> str:
        """What a run's folder is called, but for the date."""
        return f"{self.notebook}-{self.digest}"

    def folder(self, runs: Path, day: str = "") -> Path:
        """The folder of this point's run: the one that exists, whatever its date, or else one of ``day`` or today."""
        found = sorted(runs.glob(f"????-??-??-{self.name}"))
        return found[0] if found else runs / f"{day or date.today().isoformat()}-{self.name}"


def describe(code: Code, parameters: Mapping[str, object]) -> Point:
    """The point of a notebook's ``code`` with all its ``parameters`` (JSON values; data is a path, or empty).

    The point keeps of ``data`` the last name, for the reader, and the hash its content.
    """
    own = {name: value for name, value in parameters.items() if name not in PLACES}
    decides = dict(own)
    if own.get("data"):
        path = Path(str(own["data"]))
        own["data"], decides["data"] = path.name, checksum(path)
    text = json.dumps([code.notebook, decides, code.cells, code.core], sort_keys=True)
    return Point(code.notebook, own, hashlib.sha256(text.encode()).hexdigest()[:DIGITS])


def checksum(path: Path) -> str:
    """SHA-256 over names and contents of a file, or of all files of a folder; of large ones, size and both ends."""
    total = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        size = file.stat().st_size
        total.update(f"{file.relative_to(path) if file != path else ''}\0{size}\0".encode())
        with file.open("rb") as stream:
            if size <= WHOLE:
                total.update(stream.read())
            else:
                total.update(stream.read(WHOLE // 2))
                stream.seek(-WHOLE // 2, 2)
                total.update(stream.read())
    return total.hexdigest()
