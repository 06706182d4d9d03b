"""The scores of one run as a table to read: names as readers see them, short headings, units in the headings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from n2nf_core.plots import heading, label
from n2nf_core.study.tables.beside_paper import ROWS, number, rows_beside
from n2nf_core.study.tables.columns import markdown_row

if TYPE_CHECKING:
    from IPython.display import Markdown

COLUMNS = {
    "nll_nats_per_dim": ("NLL (nats/dim)", 4),
    "regret_nats_per_dim": ("regret (nats/dim)", 5),
    "kl_nats": ("KL (nats)", 4),
    "kl_floor_nats": ("its floor", 4),
    "psnr_db": ("PSNR (dB)", 2),
    "ssim": ("SSIM", 3),
    "excess_kl_nats": ("KL above floor (nats)", 4),
    "by_chance_nats": ("by chance", 4),
    "width_nats": ("wrong width", 4),
    "variance_ratio": ("variance / model's", 3),
    "mean_signal": ("mean signal", 4),
    "most_frequent_setting": ("most frequent setting", 0),
    "gain_dn_per_electron": ("gain (DN per electron)", 4),
    "read_dn": ("read noise (DN)", 3),
    "read_electrons": ("read noise (electrons)", 2),
    "white_electrons": ("white level (electrons)", 0),
    "excluded_share": ("share left out", 4),
}
"""Column of a row -> its heading and digits; what is not listed is not shown."""


def table(rows: Mapping[str, Mapping], columns: Mapping[str, tuple[str, int]] = COLUMNS, first: str = "model") -> str:
    """Scores as Markdown, one line per model and "-" where a model has no such score.

    Arguments:
        rows: name of a model -> column -> value.
        columns: the columns that are shown, with heading and digits.
        first: heading of the names.

    >>> print(table({"awgn": {"kl_nats": 0.25, "kl_nats_interval": [0, 1]}}))
    | model | KL (nats) |
    |---|---|
    | AWGN | 0.2500 |
    """
    shown = {c: v for c, v in columns.items() if any(c in row for row in rows.values())}
    lines = [markdown_row([first, *(title for title, _ in shown.values())]), "|" + "---|" * (1 + len(shown))]
    for name, row in rows.items():
        values = [(row.get(column), digits) for column, (_, digits) in shown.items()]
        cells = [value if isinstance(value, str) else number(value, digits) for value, digits in values]
        lines.append(markdown_row([heading(name), *cells]))
    return "\n".join(lines)


def score_table(rows: Mapping[str, Mapping], first: str = "model") -> Markdown:
    """:func:`table` as the output of a cell."""
    from IPython.display import Markdown

    return Markdown(table(rows, first=first))


SETTINGS = {"iso": "ISO", "black": "black level (DN)", "white": "white level (DN)", "cfa": "colour filter"}
"""Field of a burst or of a model file -> its name in a table."""


def value_table(values: Mapping[str, object], first: str) -> Markdown:
    """Named values as the output of a cell, with a column of errors where a value has one.

    Arguments:
        values: name -> a text, a number, a list of numbers, or a number and its standard error; "-" stands for None.
        first: heading of the names.
    """
    from IPython.display import Markdown

    def text(value: object, digits: int) -> str:
        if isinstance(value, list):
            return ", ".join(dict.fromkeys(text(one, digits) for one in value))
        if value is None or isinstance(value, str):
            return label(value or "-")
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.{digits}g}"

    rows = {}
    for name, value in values.items():
        found, error = value if isinstance(value, tuple) else (value, None)
        cells = {"value": text(found, 4)} | ({} if error is None else {"error": text(error, 2)})
        rows[SETTINGS.get(name, name)] = cells
    return Markdown(table(rows, {"value": ("value", 0), "error": ("standard error", 0)}, first))


def kl_table(by_setting: Mapping[str, Mapping[str, Mapping]]) -> Markdown:
    """KL of every model for every camera and ISO, as the output of a cell.

    Arguments:
        by_setting: camera and ISO -> model -> row with kl_nats and kl_floor_nats.
    """
    from IPython.display import Markdown

    names = list(dict.fromkeys(name for part in by_setting.values() for name in part))
    rows = {name: {s: part[name]["kl_nats"] for s, part in by_setting.items() if name in part} for name in names}
    rows["floor"] = {setting: part["photon_transfer"]["kl_floor_nats"] for setting, part in by_setting.items()}
    return Markdown(table(rows, {setting: (setting, 4) for setting in by_setting}))


def paper_table(name: str, *groups: Mapping[str, Mapping[str, float]]) -> Markdown:
    """A table of the paper beside the scores of this run, as the output of a cell.

    Arguments:
        name: a key of :data:`~n2nf_core.study.tables.beside_paper.ROWS`.
        groups: name of our model -> scores, of noise models, denoisers or both.
    """
    from IPython.display import Markdown

    ours = {
        row: {key: value for group in groups for key, value in group.get(model, {}).items()}
        for row, model in ROWS[name][1].items()
    }
    return Markdown(rows_beside(name, {"this run": ours}))
