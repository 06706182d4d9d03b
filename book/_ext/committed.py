"""What results/ holds, as Markdown: the figure of a notebook, and tables and provenance of each committed file."""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from n2nf_core.study.tables import collect

RESULTS = Path(__file__).parents[2] / "results"


class Committed(NamedTuple):
    """One file of results: where it is, and one row for each of its points."""

    path: Path
    frame: pd.DataFrame

    def named(self, column: str) -> list:
        """The values that a column of the provenance takes, in order."""
        values = self.frame.get(f"provenance.{column}", pd.Series(dtype=object)).dropna()
        return sorted(values.unique())


def read(path: Path) -> Committed:
    """A Parquet file of points, or the JSON of one run."""
    if path.suffix == ".parquet":
        return Committed(path, pd.read_parquet(path))
    return Committed(path, collect.table([json.loads(path.read_text())]))


def of(notebook: str, folder: Path = RESULTS) -> list[Committed]:
    """The committed results of a notebook: its points first, then single runs."""
    files = [folder / f"{notebook}.parquet", *sorted(folder.glob(f"{notebook}*.json"))]
    return [found for found in (read(path) for path in files if path.exists()) if "provenance.commit" in found.frame]


def everything(folder: Path = RESULTS) -> list[Committed]:
    """All committed results, in the order of their names."""
    files = sorted(path for pattern in ("*.parquet", "*.json") for path in folder.glob(pattern))
    return [found for found in map(read, files) if "provenance.commit" in found.frame]


def days(times: list[str]) -> str:
    """One day, or the first and the last.

    >>> days(["2026-01-02T10:00:00+00:00", "2026-01-02T11:00:00+00:00"])
    '2 January 2026'
    """
    stamps = sorted(pd.Timestamp(time) for time in times)
    first, last = (f"{stamp.day} {stamp:%B %Y}" for stamp in (stamps[0], stamps[-1]))
    return first if first == last else f"{first} to {last}"


def commits(found: Committed) -> str:
    """Short names of the commits that made it."""
    return ", ".join(f"`{commit[:10]}`" for commit in found.named("commit"))


def made(found: Committed) -> str:
    """Profile, points, seeds, commit and date in one line."""
    count = len(found.frame)
    points = f"{count} points, " if count > 1 else ""
    seeds = f"seed{'s' * (len(found.named('seed')) > 1)} " + ", ".join(map(str, found.named("seed")))
    profile = ", ".join(f"`{name}`" for name in found.named("profile"))
    word = "commit" if len(found.named("commit")) == 1 else "commits"
    return f"profile {profile}, {points}{seeds}; {word} {commits(found)}, {days(found.named('time'))}"


def drawn(sweep: Path, page: str) -> str:
    """The figure of a sweep as Markdown, seen from ``page``; "" where it has none."""
    figure = sweep.with_suffix(".svg")
    if not figure.exists():
        return ""
    said = re.sub(r"\s+", " ", (collect.FIGURES[sweep.stem].__doc__ or "").strip().split("\n\n")[0])
    return f"![{said}]({os.path.relpath(figure, RESULTS.parent / 'book' / os.path.dirname(page))})\n\n*{said}*"


def shown(found: Committed, notebook: str) -> str:
    """Provenance and tables of one file, in a drawer."""
    tables = [text for text in (collect.readable(found.frame, group) for group in collect.GROUPS) if text]
    how = f"\n\n```\n{found.named('command')[0]}\n```" if len(found.frame) == 1 else ""
    parts = [f"{made(found)}.{how}", *tables, collect.differences(found.frame, notebook)]
    body = "\n\n".join(part for part in parts if part)
    return f"::::{{dropdown}} results/{found.path.name}\n{body}\n::::"


NOTHING = "A long run of this notebook is not in `results` yet. The outputs on this page are from the profile `smoke`."
BRACKETS = (
    "The tables give means over seeds. The brackets hold the least and the greatest value, or, of one seed, the 95 % "
    "interval over the held-out data. Differences are paired within a run, and their brackets hold the 95 % interval "
    "of the mean over seeds."
)


def section(notebook: str, more: str = "") -> str:
    """The foot of a notebook's page: all that is committed for it, in drawers, and ``more``, a drawer of its own."""
    body = "\n\n".join(shown(found, notebook) for found in of(notebook)) or NOTHING
    if "|---|" in body:
        body = f"{BRACKETS}\n\n{body}"
    return f"(results-of-{notebook})=\n## Behind this page\n\n{body}\n\n{more}\n"
