"""A point of a study: one notebook with one set of parameters. One folder holds its run.

    runs/<date>-<notebook>-<hash>/{run.ipynb, params.json, result.json}

The hash covers what decides the numbers, and nothing else:

- the notebook's name and all its parameters, with their defaults. The parameters ``output_dir`` and ``trained`` (the
  folder of models that notebooks share) are left out. For ``data`` the content counts, and its path does not;
- the code of the notebook and of the core that decides the numbers, as :mod:`n2nf_core.study.code_hash` finds it.

The date, the commit, the machine, its device and the versions of other packages are not part of the hash. A result
states them in its ``provenance``, and a point is not run again because they change.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from n2nf_core.files import is_leftover, one_line
from n2nf_core.study.code_hash import Code

PLACES = {"output_dir", "trained"}  # parameters that are folders and do not change the numbers
WHOLE = 1 << 26  # bytes; for a larger file, the checksum covers its size and both ends
DIGITS = 10


class Point(NamedTuple):
    """A notebook with its parameters, and the hash of all that decides its numbers.

    Arguments:
        notebook: name of the notebook.
        parameters: all parameters but :data:`PLACES`; ``data`` is the last part of its path.
        digest: the first :data:`DIGITS` hexadecimal digits of the hash.
    """

    notebook: str
    parameters: dict[str, object]
    digest: str

    @property
    def name(self) -> str:
        """The name of the run's folder, without the date."""
        return f"{self.notebook}-{self.digest}"

    def folder(self, runs: Path, day: str = "") -> Path:
        """The folder of this point's run: the one that exists, or else a new one.

        Arguments:
            runs: folder below which every point has a folder.
            day: date in the name of a new folder, as YYYY-MM-DD; "" for today. An existing folder may have any date.
        """
        found = sorted(runs.glob(f"????-??-??-{self.name}"))
        return found[0] if found else runs / f"{day or date.today().isoformat()}-{self.name}"


def read_result(result: Path) -> dict:
    """The content of a point's result.json. ValueError, which names the file, where it is empty or damaged."""
    try:
        content = json.loads(result.read_text())
        if not {"notebook", "parameters", "digest"} <= set(content["point"]):
            raise ValueError("its block point is not complete")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{result} is damaged ({one_line(error)}): run its point again") from error
    return content


def finished(result: Path, point: Point) -> bool:
    """Whether ``result`` is the result of ``point``. One that is damaged is removed, and standard error says so."""
    if not result.is_file():
        return False
    try:
        if read_result(result)["point"]["digest"] == point.digest:
            return True
        raise ValueError(f"{result} is the result of another point: run this one again")
    except ValueError as error:
        print(f"{error}; it is removed now", file=sys.stderr)
        result.unlink(missing_ok=True)
        return False


def describe(code: Code, parameters: Mapping[str, object]) -> Point:
    """The point of a notebook's code with all its parameters.

    The point keeps the last part of the path ``data`` for the reader. The hash covers the content of the data.

    Arguments:
        code: decisive code of the notebook.
        parameters: name -> JSON value; ``data`` is a path, or empty.
    """
    own = {name: value for name, value in parameters.items() if name not in PLACES}
    decides = dict(own)
    if own.get("data"):
        path = Path(str(own["data"]))
        own["data"], decides["data"] = path.name, checksum(path)
    text = json.dumps([code.notebook, decides, code.cells, code.core], sort_keys=True)
    return Point(code.notebook, own, hashlib.sha256(text.encode()).hexdigest()[:DIGITS])


def checksum(path: Path) -> str:
    """SHA-256 over names and contents of a file, or of all files in a folder.

    For large files, it covers size and both ends. Unfinished files of other processes do not count.
    """
    total = hashlib.sha256()
    below = (p for p in path.rglob("*") if p.is_file() and not any(map(is_leftover, p.relative_to(path).parts)))
    files = sorted(below) if path.is_dir() else [path]
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
