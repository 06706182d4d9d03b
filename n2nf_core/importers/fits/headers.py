"""What a FITS header states about its frames: camera, ISO, gain, exposure, filter, type of frame, CFA and levels."""

from __future__ import annotations

import math
import re
from pathlib import Path

from n2nf_core import raw
from n2nf_core.importers.names import UNITS, is_known, number, option_for, stated_by_name
from n2nf_core.importers.stated import Stated, Unclear


def header_stated(path: Path, primary, header, notes: list[str]) -> Stated:
    """What ``header`` states, or where it is silent the primary header of its file.

    Arguments:
        path: the file, for messages.
        primary: header of the first HDU.
        header: header of the HDU that holds the frames.
        notes: receives sentences about what is not understood, and about levels that are read from it.
    """
    facts = {}
    for one in (primary, header):
        facts |= {name: _timed(one, name) for name in one if name and isinstance(one[name], (bool, int, float, str))}
    known = {name: value for name, value in facts.items() if is_known(name)}
    if pedestal := facts.get("PEDESTAL"):
        known["PEDESTAL"] = abs(pedestal) if isinstance(pedestal, (int, float)) else pedestal
        notes.append(f"black level from PEDESTAL {pedestal}")
    else:
        known.pop("PEDESTAL", None)
    most = facts.get("DATAMAX")
    if isinstance(most, (int, float)) and most in {2**bits - 1 for bits in range(8, 17)}:  # else it is the image's own
        known.setdefault("SATURATE", most)
    stated = stated_by_name(path, known, notes)
    if stated.cfa in (None, raw.MONO) or isinstance(stated.cfa, Unclear):
        return stated
    try:
        return stated._replace(cfa=_phase(stated.cfa, facts, header["NAXIS2"]))
    except ValueError as error:
        return stated._replace(cfa=Unclear(f"{path}: field {error}: correct it, or give {option_for('cfa')}"))


def _timed(header, name: str) -> object:
    """The value of a keyword; a number with its unit, if that is one of time (FITS standard 4.0, section 4.3.2)."""
    value, unit = header[name], re.match(r"\s*\[\s*(\w+)\s*\]", header.comments[name])
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return f"{value} {unit[1]}" if number and unit and unit[1].lower() in UNITS else value


def _phase(cfa: str, facts: dict, height: int) -> str:
    """The pattern of the first stored rows and columns.

    ``BAYERPAT`` names the pattern from the top of the image. ``ROWORDER`` BOTTOM-UP says that the last row is stored
    first. ``XBAYROFF`` and ``YBAYROFF`` count from the pattern's corner to the first pixel.
    """
    cell = [cfa[:2], cfa[2:]]
    if str(facts.get("ROWORDER", "")).strip().upper().startswith("BOTTOM"):
        cell = [cell[(height - 1 - row) % 2] for row in (0, 1)]
    rows, columns = (_offset(name, facts.get(name)) for name in ("YBAYROFF", "XBAYROFF"))
    return "".join(cell[(row + rows) % 2][(column + columns) % 2] for row in (0, 1) for column in (0, 1))


def _offset(name: str, value: object) -> int:
    """A whole number of pixels; 0 where it is not stated."""
    try:
        pixels = number(value) if value not in (None, "") else 0.0
    except ValueError:
        pixels = math.nan
    if not pixels.is_integer():
        raise ValueError(f"{name}: {value!r} is not a whole number of pixels")
    return int(pixels)
