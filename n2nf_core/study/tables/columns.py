"""Nested results as flat rows, and back: {"a": {"b": 1}} is the column ``a.b``. Rows as Markdown."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping


def flatten(nested: Mapping, prefix: str = "") -> dict[str, object]:
    """Nested blocks as columns ``a.b.c``; the inverse of :func:`unflatten`.

    Lists of numbers stay lists. Parquet has no type for other lists, so they become JSON text.

    Arguments:
        nested: the blocks.
        prefix: text at the start of every column's name.

    >>> flatten({"a": {"b": 1, "c": [1, None]}, "d": ["x"]})
    {'a.b': 1, 'a.c': [1, None], 'd': '["x"]'}
    """
    row: dict[str, object] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            row |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list) and not all(isinstance(v, (int, float, type(None))) for v in value):
            row[f"{prefix}{key}"] = json.dumps(value, sort_keys=True)
        else:
            row[f"{prefix}{key}"] = value
    return row


def unflatten(row: Mapping[str, object]) -> dict:
    """Columns ``a.b.c`` as nested blocks; the inverse of :func:`flatten`.

    Arrays become lists. None and NaN are left out, because in a table they stand for columns that the row does not
    have.

    >>> unflatten({"a.b": 1, "a.c": float("nan"), "d": 2})
    {'a': {'b': 1}, 'd': 2}
    """
    nested: dict = {}
    for column, value in row.items():
        if value is None or (isinstance(value, float) and math.isnan(value)):
            continue
        *blocks, name = column.split(".")
        place = nested
        for block in blocks:
            place = place.setdefault(block, {})
        place[name] = value.tolist() if hasattr(value, "tolist") else value
    return nested


PARAMETERS = {"mse_weight": "λ", "physical": "in the dark"}
"""Parameter of a notebook -> what readers call it, where that is another word."""


def parameter_name(column: str) -> str:
    """The parameter that a column holds, as a heading.

    >>> parameter_name("point.parameters.mse_weight"), parameter_name("point.parameters.scenes")
    ('λ', 'scenes')
    """
    name = column.removeprefix("point.parameters.")
    return PARAMETERS.get(name, name)


def parameter_text(value: object) -> str:
    """The value of a parameter in a table; "-" where it was not given.

    >>> [parameter_text(value) for value in (True, False, 262144.0, 0, "S6", "")]
    ['yes', 'no', '262144', '0', 'S6', '-']
    """
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return {"True": "yes", "False": "no", "": "-"}.get(text, text)


def markdown_row(cells: Iterable[str]) -> str:
    """A row of a Markdown table; what would be read as markup stands there as it is.

    >>> print(markdown_row(["A|B", "cost in $"]))
    | A\\|B | cost in \\$ |
    """
    plain = (re.sub(r"([|$])", r"\\\1", cell) for cell in cells)
    return f"| {' | '.join(plain)} |"
