"""What a file states twice: the first statement is used, and a note says so where the other one differs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from n2nf_core.importers.stated import Stated, Unclear, worded

COMPARED = ("iso", "exposure_s", "aperture", "black", "white", "cfa")
"""Fields of :class:`Stated` with one unit. Gains and offsets have several, and cameras several names."""

_NEAR = 0.01  # a measured time differs a little from one that was set


def first_of(field: str, said: Iterable[tuple[str, object]], notes: list[str]) -> object:
    """The first value that is said of a field, or None.

    Arguments:
        field: name of the field.
        said: (who says it, value); None for nothing.
        notes: receives a sentence where the field is one of :data:`COMPARED` and another value differs by over 1 %.
    """
    known = [(who, value) for who, value in said if value is not None]
    for who, value in known[1:] if field in COMPARED else ():
        if not (isinstance(value, Unclear) or _same(known[0][1], value)):
            mine, other = (worded(tuple(np.ravel(v).tolist()) if np.ndim(v) else v) for v in (known[0][1], value))
            notes.append(f"{known[0][0]} states {field} {mine}, but {who} states {other}: the former is used")
    return known[0][1] if known else None


def merged(sources: Iterable[tuple[str, Stated]], notes: list[str]) -> Stated:
    """What several sources state together; for every field, the first that states it.

    Arguments:
        sources: (name, what it states).
        notes: receives a sentence for every field that another source states differently.
    """
    named = list(sources)
    return Stated(
        *(first_of(name, [(who, getattr(one, name)) for who, one in named], notes) for name in Stated._fields)
    )


def _same(first: object, second: object) -> bool:
    if isinstance(first, str) or isinstance(second, str):
        return first == second or isinstance(first, Unclear)
    return np.size(first) in (1, np.size(second)) and bool(np.allclose(first, second, rtol=_NEAR, atol=0))
