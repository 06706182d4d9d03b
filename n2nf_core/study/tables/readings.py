"""What committed tables say: numbers and paired differences, each with its interval and one of three readings.

A difference is *better* or *worse* where its 95 % interval does not contain 0, and *undecided* where it does. An
undecided difference is never "no effect": its interval bounds it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd

from n2nf_core.study.tables.columns import flatten

UNITS = {
    "nll_nats_per_dim": "nats per dimension",
    "regret_nats_per_dim": "nats per dimension",
    "kl_nats": "nats",
    "psnr_db": "dB",
    "ssim": "",
}
"""Score -> its unit in a sentence."""

MORE_IS_BETTER = ("psnr_db", "ssim")


def student_interval(values: Iterable[float]) -> tuple[float, float, float]:
    """The mean and the ends of Student's 95 % interval of the mean; both ends are the mean where there is one value.

    >>> [round(v, 2) for v in student_interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48]
    """
    from scipy import stats

    known = pd.Series(list(values), dtype=float).dropna()
    mean = float(known.mean())
    if len(known) < 2:
        return mean, mean, mean
    half = float(stats.t.ppf(0.975, len(known) - 1)) * float(known.std()) / len(known) ** 0.5
    return mean, mean - half, mean + half


def decimals(half: float) -> int:
    """Digits after the point that show two digits of an interval's half width.

    >>> decimals(0.0243), decimals(12.0), decimals(0.0)
    (3, 0, 5)
    """
    return 5 if half <= 0 else min(max(0, 1 - math.floor(math.log10(half))), 6)


def reading(low: float, high: float, more_is_better: bool = False) -> Literal["better", "worse", "undecided"]:
    """What an interval of a difference, first minus second, says about the first: undecided where it contains 0.

    An undecided difference is not "no effect": it is smaller than the further end of the interval.

    Arguments:
        low, high: ends of the interval, in the unit of the score.
        more_is_better: whether a larger score is the better one, as of PSNR; it is not of NLL, KL or regret.

    >>> reading(-0.02, -0.01), reading(-0.02, 0.01), reading(0.2, 0.3, more_is_better=True)
    ('better', 'undecided', 'better')
    """
    if low <= 0 <= high:
        return "undecided"
    return "better" if (low > 0) == more_is_better else "worse"


class Gap(NamedTuple):
    """A difference of two scores with its 95 % interval.

    Arguments:
        mean, low, high: in the unit of the score.
        score: a key of :data:`UNITS`.
        seeds: how many seeds the interval is over; 1 for an interval over held-out data alone.
        values: the difference of every seed.
    """

    mean: float
    low: float
    high: float
    score: str
    seeds: int = 1
    values: tuple[float, ...] = ()

    @property
    def word(self) -> str:
        """ "better", "worse" or "undecided", by :func:`reading`."""
        return reading(self.low, self.high, self.score in MORE_IS_BETTER)

    @property
    def bound(self) -> str:
        """The largest size that the interval allows, with the unit."""
        half = (self.high - self.low) / 2
        return f"{max(abs(self.low), abs(self.high)):.{decimals(half)}f} {UNITS[self.score]}".strip()

    @property
    def size(self) -> str:
        """The size of the mean without its sign, with the unit."""
        return f"{abs(self.mean):.{decimals((self.high - self.low) / 2)}f} {UNITS[self.score]}".strip()

    def says(self, better: str, worse: str, undecided: str) -> str:
        """The one of three texts that belongs to the reading.

        Arguments:
            better, worse, undecided: a text for each reading.
        """
        return {"better": better, "worse": worse, "undecided": undecided}[self.word]

    @property
    def numbers(self) -> str:
        """The mean and its interval without the unit, for a table whose head states it."""
        digits = decimals((self.high - self.low) / 2)
        ends = ", ".join(f"{end:+z.{digits}f}" for end in (self.low, self.high))  # z: no -0.00
        return f"{self.mean:+z.{digits}f} [{ends}]".replace("-", "−")

    def __str__(self) -> str:
        return f"{self.numbers} {UNITS[self.score]}".strip()


def rows(path: Path) -> pd.DataFrame:
    """The rows of a file of results: the points of a Parquet table, or the one run of a JSON file."""
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.DataFrame([flatten(json.loads(path.read_text()))])


class Tables:
    """The files of a folder of results, asked for by the first digits of a notebook's name, or by the name of a run.

    Arguments:
        folder: holds <notebook>.parquet, and single runs as <notebook>-<name>.json.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self._read: dict[str, pd.DataFrame] = {}

    def frame(self, notebook: str, **where) -> pd.DataFrame:
        """The rows of a notebook's table whose parameters have the given values.

        Errors: ValueError if there is no such table, parameter or row.
        """
        found = [path for kind in ("parquet", "json") for path in sorted(self.folder.glob(f"{notebook}*.{kind}"))]
        if not found:
            raise ValueError(f"{self.folder}: no table of notebook {notebook}; run `make results`")
        frame = self._read.setdefault(found[0].stem, rows(found[0]))
        for key, value in where.items():
            column = f"point.parameters.{key}" if f"point.parameters.{key}" in frame else key
            frame = frame[_column(frame, column, found[0].name) == value]
        if frame.empty:
            raise ValueError(f"{found[0].name}: no point with {where}; change the sentence that asks for it")
        return frame

    def numbers(self, notebook: str, column: str, **where) -> list[float]:
        """The values of a column, one per point, without those that are missing."""
        frame = self.frame(notebook, **where)
        return [float(v) for v in _column(frame, column, f"table of notebook {notebook}").dropna()]

    def mean(self, notebook: str, column: str, **where) -> float:
        """The mean of a column over the points."""
        values = self.numbers(notebook, column, **where)
        return sum(values) / len(values)

    def gap(self, notebook: str, first: str, second: str, score: str, **where) -> Gap:
        """Score of ``first`` minus that of ``second``, paired within every point, over seeds.

        Arguments:
            notebook: the first digits of its name.
            first, second: names of two models of the same table.
            score: a key of :data:`UNITS`.
            where: parameters of the points that are used.
        """
        group = "denoisers" if score in MORE_IS_BETTER else "noise_models"
        frame = self.frame(notebook, **where)
        one, other = (_column(frame, f"{group}.{name}.{score}", notebook) for name in (first, second))
        return over_seeds(one - other, score)

    def change(self, notebook: str, column: str, key: str, values: tuple[float, float], **where) -> Gap:
        """A column at the second value of the parameter ``key`` minus the same at the first, paired by seed.

        Arguments:
            notebook: the first digits of its name.
            column: a column of scores, group.model.score.
            key: name of the parameter.
            values: the value that is subtracted, and the other one.
            where: parameters of the points that are used.
        """
        sides = [self.frame(notebook, **{key: v}, **where).set_index("provenance.seed")[column] for v in values]
        return over_seeds((sides[1] - sides[0]).dropna(), column.rsplit(".", 1)[1])

    def stored(self, notebook: str, block: str, score: str, **where) -> Gap:
        """A difference that one run wrote, with its interval over held-out data.

        Arguments:
            notebook: the first digits of its name.
            block: the columns are ``block``.mean and ``block``.interval.
            score: a key of :data:`UNITS`.
            where: parameters of the point.
        """
        frame = self.frame(notebook, **where)
        low, high = _column(frame, f"{block}.interval", notebook).iloc[0]
        return Gap(float(frame[f"{block}.mean"].iloc[0]), float(low), float(high), score)


def over_seeds(values: pd.Series, score: str) -> Gap:
    """Differences, one per seed, with Student's interval of their mean."""
    known = tuple(float(v) for v in values.dropna())
    return Gap(*student_interval(known), score, len(known), known)


def _column(frame: pd.DataFrame, column: str, place: str) -> pd.Series:
    if column not in frame:
        raise ValueError(f"{place}: no column {column}; change the sentence that asks for it")
    return frame[column]
