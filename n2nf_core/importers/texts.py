"""Options from what a user typed: the texts of a form, or the parameters of a notebook."""

from __future__ import annotations

from collections.abc import Mapping

from n2nf_core.bursts import BurstError
from n2nf_core.importers.options import Options


def options_of(given: Mapping[str, object]) -> Options:
    """The options that are given; an empty text, or None, leaves an option to what the file states.

    Arguments:
        given: name of an option -> text or value. A black level may be four numbers, separated by spaces or commas.
            Other names are ignored.

    Errors: BurstError for a text that should be a number and is none.

    >>> options_of({"black": "64 72, 64 72", "white": "1023", "cfa": ""})
    Options(camera=None, iso=None, black=[64.0, 72.0, 64.0, 72.0], white=1023.0, cfa=None)
    """
    read = {"camera": str, "iso": _number, "black": _level, "white": _number, "cfa": str}
    found = {}
    for name, value in given.items():
        value = value.strip() if isinstance(value, str) else value
        if name not in read or value is None or value == "":
            continue
        try:
            found[name] = read[name](value)
        except (TypeError, ValueError):
            what = "one number or four" if name == "black" else "a number"
            raise BurstError(f"{name} must be {what}, got {value!r}") from None
    return Options(**found)


def _number(value: object) -> float:
    return float(value)


def _level(value: object) -> float | list[float]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    numbers = [float(part) for part in parts] if isinstance(parts, (list, tuple)) else [float(parts)]
    if len(numbers) not in (1, 4):
        raise ValueError
    return numbers[0] if len(numbers) == 1 else numbers
