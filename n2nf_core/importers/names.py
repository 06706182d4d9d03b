"""Settings by the names under which headers and metadata state them -> :class:`Stated`.

Names are compared without case, spaces and punctuation: ``EXPTIME``, ``Exposure-ms`` and ``exposure_s`` are all known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from n2nf_core import raw
from n2nf_core.files import one_line
from n2nf_core.importers.agreement import first_of
from n2nf_core.importers.stated import Stated, Unclear

# fmt: off
_TEXTS = {
    "camera": ("camera", "cameraname", "cameramodel", "corecamera", "instrume", "camid", "detectormodel"),
    "filter": ("filter", "filtername", "filter1"),
}
_NUMBERS = {
    "iso": ("iso", "isospeed", "isospeedratings", "photographicsensitivity"),
    "aperture": ("aperture", "fnumber"),
    "black": ("black", "blacklevel", "pedestal"),
    "white": ("white", "whitelevel", "saturate", "satlevel"),
}
_NUMBERS_OR_TEXTS = {
    "gain": ("gain", "cameragain", "detectorgain", "egain"),
    "offset": ("offset", "cameraoffset", "detectoroffset", "blklevel"),
}
_SECONDS = {
    1.0: ("exposures", "exptime", "exposure", "exposuretime", "exposuretimes"),
    1e-3: ("exposurems", "exposuretimems", "imgexp"),
    1e-6: ("exposureus", "exposuretimeus"),
}
_KINDS = ("imagetyp", "imagetype", "frametype", "frame", "kind", "obstype")
_BITS = ("bitdepth", "significantbits", "adcbits")
_CFAS = ("cfa", "bayerpat", "bayerpattern")
_MODES = (
    "readoutm", "readmode", "readoutmode", "mode", "xbinning", "ybinning", "binning", "camerabinning",
    "detectorbinning", "emgain", "detsec", "ccdname", "ampname", "ampid", "ncombine", "stackcnt",
)
# fmt: on
UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "usec", "\u00b5s", "\u03bcs", "microsecond", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e-9),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
"""Unit of time in lower case -> its seconds; micro is written as the sign or as the Greek letter."""

_NUMBER = re.compile(r"(?:(?<!\w)[-+])?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_NONE = ("", "NONE", "NULL", "FALSE", "N/A", "UNKNOWN")


def stated_by_name(where: str | Path, facts: Mapping[str, object], notes: list[str]) -> Stated:
    """What ``facts`` state. Names that are not known are left out.

    Arguments:
        where: the file, for messages.
        facts: name -> a number, a text that holds one, such as "ISO 800", or numbers.
        notes: receives a sentence about every value that is not understood and therefore taken as not stated.

    A level or colour filter that is not understood becomes :class:`Unclear`, because no default can stand for it.
    """
    known = {_plain(name): (name, value) for name, value in facts.items()}

    def said(names, read, strict=False):
        return [(known[n][0], _read(where, *known[n], read, strict, notes)) for n in names if n in known]

    def first(field, names, read, strict=False):
        return first_of(field, said(names, read, strict), notes)

    found = {field: first(field, names, _text) for field, names in _TEXTS.items()}
    found |= {field: first(field, names, _number_or_text) for field, names in _NUMBERS_OR_TEXTS.items()}
    for field in ("iso", "aperture"):
        found[field] = first(field, _NUMBERS[field], lambda value: _not_negative(value) or None)
    found["black"] = first("black", _NUMBERS["black"], levels, strict=True)
    found["cfa"] = first("cfa", _CFAS, cfa_of, strict=True)
    times = [one for unit, names in _SECONDS.items() for one in said(names, lambda value, u=unit: seconds(value, u))]
    found["exposure_s"] = first_of("exposure_s", times, notes)
    found["kind"] = first("kind", _KINDS, kind_of)
    found["white"] = _white(said(_NUMBERS["white"], one_white, strict=True), said(_BITS, number), notes)
    modes = [f"{name} {text}" for name, text in said(_MODES, _text) if text is not None]
    return Stated(**found, mode=", ".join(modes) or None)


def _white(said: list[tuple[str, object]], bits: list[tuple[str, float | None]], notes: list[str]) -> float | None:
    """The white level, by its name or from the number of bits, which cannot hold a higher one."""
    white, name, depth = first_of("white", said, notes), *next((b for b in bits if b[1] and 8 < b[1] < 16), ("", None))
    if white is None or depth is None:
        return white if depth is None else 2.0**depth - 1
    if not isinstance(white, Unclear) and white > 2.0**depth:
        notes.append(f"white is stated as {white:g}, but {name} as {depth:g}, which cannot hold it: the former is used")
    return white


def is_known(name: str) -> bool:
    """Whether :func:`stated_by_name` understands the name."""
    groups = [*_TEXTS.values(), *_NUMBERS.values(), *_NUMBERS_OR_TEXTS.values(), *_SECONDS.values()]
    return _plain(name) in {one for group in (*groups, _KINDS, _BITS, _CFAS, _MODES) for one in group}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _read(where, name: str, value, read, strict: bool, notes: list[str]):
    value = value.item() if isinstance(value, np.generic) else value
    value = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    try:
        return read(value)
    except (TypeError, ValueError, OverflowError) as error:
        if strict:
            return Unclear(f"{where}: field {name}: {one_line(error)}: correct it, or give {option_for(name)}")
        notes.append(f"{name} {_short(value)} is not understood, so it is taken as not stated")
        return None


def option_for(name: str) -> str:
    """How a user gives the option that replaces the level or the colour filter ``name``, for messages.

    >>> option_for("BAYERPAT")
    'cfa (make demo: CFA=...)'
    """
    option = next((field for field in ("black", "white") if _plain(name) in _NUMBERS[field]), "cfa")
    return f"{option} (make demo: {option.upper()}=...)"


def _short(value: object) -> str:
    return " ".join(repr(value).split())[:60]


def number(value: object) -> float:
    """The number that ``value`` is, or the only one in a text; ValueError where there is another count of numbers.

    A number that is not finite is no number.

    >>> number("ISO 800"), number([2.0])
    (800.0, 2.0)
    """
    value = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    if isinstance(value, str):
        found = _NUMBER.findall(value)
        if len(found) != 1:
            raise ValueError(f"{value!r} is not {'one' if found else 'a'} number")
        value = found[0]
    values = np.asarray(value, dtype=float).ravel()
    if values.size != 1 or not np.isfinite(values[0]):
        raise ValueError(f"{value} is not one number")
    return float(values[0])


def _not_negative(value: object) -> float:
    if (known := number(value)) < 0:
        raise ValueError(f"{value} is negative")
    return known


def seconds(value: object, unit: float = 1.0) -> float:
    """An exposure time in seconds; ``unit`` is that of a plain number. Fractions and units in a text are understood.

    ValueError for a negative time and for a unit that is not in :data:`UNITS`.

    >>> seconds("1/50"), seconds("20 ms"), seconds(3, 1e-3)
    (0.02, 0.02, 0.003)
    """
    if not isinstance(value, str):
        return _not_negative(value) * unit
    number_text, name = re.fullmatch(r"(.*?)([^\W\d_]*)\.?\s*", value, re.DOTALL).groups()
    if name and name.lower() not in UNITS:
        raise ValueError(f"{value!r} has an unknown unit of time")
    if match := re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", number_text):
        if not int(match[2]):
            raise ValueError(f"{value} is not a time")
        return int(match[1]) / int(match[2]) * (UNITS[name.lower()] if name else 1.0)
    return _not_negative(number_text) * (UNITS[name.lower()] if name else unit)


def levels(value: object) -> float | tuple[float, ...]:
    """A black level: one number, or four by position in the 2x2 cell. Text may hold one number."""
    if np.size(value) == 1:
        return number(value if isinstance(value, (str, bytes)) else np.ravel(value)[0])
    return raw.four_levels(value)


def one_white(value: object) -> float:
    """A white level: one number, or the lowest of several, above which a value of some pixel is clipped."""
    if not np.size(value):
        raise ValueError("it is empty")
    return min(number(one) for one in ([value] if isinstance(value, (str, bytes)) else np.ravel(value).tolist()))


def cfa_of(value: object) -> str | None:
    """Name of a colour filter, given as a text or as the colours of the 2x2 cell (0 = R, 1 = G, 2 = B).

    >>> cfa_of([[0, 1], [1, 2]]), cfa_of("gbrg "), cfa_of("NONE")
    ('RGGB', 'GBRG', None)
    """
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    value = value.decode("ascii", "replace") if isinstance(value, bytes) else value
    if not isinstance(value, str):
        if np.size(value) != 4:
            raise ValueError(f"a colour filter {_short(value)} of shape {np.shape(value)} is not a 2x2 cell")
        cell = np.ravel(value).tolist()
        if not all(isinstance(colour, str) for colour in cell):
            return raw.cfa_name(cell)
        value = "".join(cell)
    text = re.sub(r"[\s'\"/,]", "", value).upper()
    if text in _NONE:
        return None
    if text.startswith(("MONO", "GRAY", "GREY")):
        return raw.MONO
    raw.crop_of(text)
    return text


def kind_of(value: object) -> str | None:
    """Type of a frame in lower case, without words such as "frame" and "field".

    >>> kind_of("Light Frame"), kind_of("FLAT FIELD"), kind_of("Science")
    ('light', 'flat', 'light')
    """
    text = _text(value)
    words = [word for word in re.split(r"[^a-z]+", (text or "").lower()) if word not in ("", "frame", "field", "image")]
    return " ".join("light" if word in ("object", "science") else word for word in words) or None


def _text(value: object) -> str | None:
    if np.size(value) != 1:
        raise ValueError(f"{value} is not one text")
    value = np.ravel(value)[0] if isinstance(value, (np.ndarray, list, tuple)) else value
    text = " ".join((value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).split())
    return None if text.upper() in _NONE else text


def _number_or_text(value: object) -> float | str | None:
    text = _text(value)
    try:
        return text if text is None else number(float(text))
    except ValueError:
        if text.lower().strip("+-") in ("nan", "inf", "infinity"):
            raise
        return text
