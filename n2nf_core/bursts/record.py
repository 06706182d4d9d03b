"""What is stored about a burst beside its arrays: camera, ISO, levels and provenance, as JSON values."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path

from n2nf_core.bursts.burst import Burst, BurstError
from n2nf_core.types import NLF

FIELDS = ("black", "white", "cfa", "camera", "iso", "scene", "nlf", "provenance")


def record_of(burst: Burst, seen: Mapping) -> dict:
    """The JSON record of a burst.

    Arguments:
        burst: the burst.
        seen: what its checks found, which is added to its provenance.
    """
    record = {name: getattr(burst, name) for name in FIELDS}
    record["provenance"] = {**burst.provenance, **seen}
    return json.loads(json.dumps(record))


def digest(record: Mapping, arrays: Mapping) -> str:
    """SHA-256 of a record, and of the shapes and types of the arrays that belong to it.

    Arguments:
        record: as :func:`record_of` returns it.
        arrays: name -> array with ``shape`` and ``dtype``.
    """
    forms = {name: [list(array.shape), str(array.dtype)] for name, array in arrays.items()}
    return hashlib.sha256(json.dumps([record, forms], sort_keys=True).encode()).hexdigest()


def read_record(path: Path, attributes: Mapping) -> dict:
    """The fields of a burst from the attributes of a store.

    Arguments:
        path: the store, for the message.
        attributes: JSON values by name.

    Errors: BurstError, one line that names the path and the field, for a field that is missing or of another form.
    """
    for name in FIELDS:
        holds, form = _FORMS[name]
        if name not in attributes or not holds(attributes[name]):
            found = repr(attributes[name])[:60] if name in attributes else "nothing"
            raise BurstError(f"{path}: the attribute {name} must be {form}, got {found}: convert the source again")
    record = {name: attributes[name] for name in FIELDS}
    return record | {"nlf": None if record["nlf"] is None else NLF(*record["nlf"])}


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(value: object, *lengths: int) -> bool:
    return isinstance(value, list) and len(value) in lengths and all(map(_number, value))


def _text(value: object) -> bool:
    return isinstance(value, str)


def _provenance(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    notes, window, saturated = (value.get(name) for name in ("notes", "window", "saturated_fraction"))
    return (
        (notes is None or (isinstance(notes, list) and all(map(_text, notes))))
        and (window is None or (isinstance(window, list) and len(window) == 2 and all(_numbers(w, 2) for w in window)))
        and (saturated is None or (_number(saturated) and 0 <= saturated <= 1))
        and all(value.get(name) is None or _text(value[name]) for name in ("name", "source", "sha256", "frames_sha256"))
    )


_FORMS: dict[str, tuple[Callable[[object], bool], str]] = {
    "black": (lambda v: _number(v) or _numbers(v, 1, 4), "one finite number or four"),
    "white": (_number, "a finite number"),
    "cfa": (_text, "a text"),
    "camera": (_text, "a text"),
    "iso": (lambda v: _number(v) and v > 0, "a positive number"),
    "scene": (_text, "a text"),
    "nlf": (lambda v: v is None or _numbers(v, 2), "null or two finite numbers"),
    "provenance": (_provenance, "a mapping whose notes are texts and whose fractions lie in [0, 1]"),
}
"""Field -> whether a JSON value is of its form, and the form in words."""
