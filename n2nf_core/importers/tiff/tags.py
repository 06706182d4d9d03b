"""What the tags of a TIFF page state (TIFF/EP, DNG): model, ISO, exposure time, colour filter, black, white level."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from n2nf_core import raw
from n2nf_core.importers.names import stated_by_name
from n2nf_core.importers.stated import Stated, Unclear

_RATIONAL = (5, 10)
_MODEL, _MAX_SAMPLE, _EXPOSURE, _EXIF, _ISO = 272, 281, 33434, 34665, 34855
_ISO_OF_16_BITS = 65535
_CFA_SIZE, _CFA = 33421, 33422
_BLACK_SIZE, _BLACK, _BLACK_COLUMNS, _BLACK_ROWS, _WHITE = 50713, 50714, 50715, 50716, 50717
_MICROMANAGER = 51123


def page_stated(path: Path, page, notes: list[str]) -> Stated:
    """What the tags of ``page`` state about its frame.

    Arguments:
        path: the file, for messages.
        page: a page of tifffile.
        notes: receives a sentence about every value that is not understood.

    Levels and colour filters that cannot be used become :class:`Unclear`.
    """
    tags = page.tags
    exif = tags[_EXIF].value if _EXIF in tags and isinstance(tags[_EXIF].value, dict) else {}
    facts = dict(tags[_MICROMANAGER].value) if _MICROMANAGER in tags and _is_dict(tags[_MICROMANAGER].value) else {}
    facts |= {"camera": tags[_MODEL].value} if _MODEL in tags else {}
    iso = tags[_ISO].value if _ISO in tags else exif.get("ISOSpeedRatings", exif.get("PhotographicSensitivity"))
    if iso is not None:
        facts["iso"] = np.ravel(iso)[0]
    if facts.get("iso") == _ISO_OF_16_BITS:  # it stands for one that is too large for the tag (EXIF 2.3)
        facts["iso"] = exif.get("ISOSpeed", exif.get("RecommendedExposureIndex", "beyond its tag"))
    if _EXPOSURE in tags or "ExposureTime" in exif:
        facts["exposure_s"] = _seconds(tags[_EXPOSURE].value if _EXPOSURE in tags else exif["ExposureTime"])
    if _WHITE in tags:
        facts["white"] = numbers(tags[_WHITE])
    elif (bits := _bits(page)) is not None:
        facts["bit depth"] = bits
    known = stated_by_name(path, facts, notes)
    for name, code, read in (("cfa", _CFA, _cfa), ("black", _BLACK, _black)):
        if code in tags:
            try:
                known = known._replace(**{name: read(tags)})
            except (ValueError, TypeError) as error:
                known = known._replace(**{name: Unclear(f"{path}: {error}: give {name}")})
    return known


def _is_dict(value: object) -> bool:
    return isinstance(value, dict)


def _bits(page) -> int | None:
    """Bits of a number, if the page states fewer than its container has."""
    if 8 < page.bitspersample < 16:
        return page.bitspersample
    most = int(np.ravel(page.tags[_MAX_SAMPLE].value)[0]) if _MAX_SAMPLE in page.tags else 0
    return most.bit_length() if most & (most + 1) == 0 and 255 < most < 65535 else None


def _seconds(value: object) -> float | str:
    """A rational as the text that :func:`n2nf_core.importers.names.seconds` reads, a number as it is."""
    return f"{value[0]}/{value[1]}" if np.size(value) == 2 else value


def numbers(tag) -> np.ndarray:
    """The values of a tag, (n,) float64; fractions are divided, and those over 0 are not finite."""
    values = np.atleast_1d(np.asarray(tag.value, dtype=np.float64))
    if int(tag.dtype) not in _RATIONAL:
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return values[::2] / values[1::2]


def _cfa(tags) -> str:
    size = tuple(tags[_CFA_SIZE].value) if _CFA_SIZE in tags else (2, 2)
    value = tags[_CFA].value
    pattern = list(value) if isinstance(value, (bytes, tuple)) else [value]
    if size == (2, 2) and len(pattern) != 4:
        raise ValueError(f"tag CFAPattern has {len(pattern)} colours for a cell of 2 x 2 pixels")
    if size != (2, 2):
        raise ValueError(f"tag CFAPattern repeats every {size[0]} x {size[-1]} pixels, not every 2 x 2")
    return raw.cfa_name(pattern)


def _black(tags) -> tuple[float, ...]:
    """Tag BlackLevel over its repeat pattern, plus the deltas of rows and columns: four levels by position."""
    rows, columns = map(int, tags[_BLACK_SIZE].value) if _BLACK_SIZE in tags else (1, 1)
    values = numbers(tags[_BLACK])
    if values.size != rows * columns or rows < 1 or columns < 1:
        raise ValueError(f"tag BlackLevel has {values.size} values for a pattern of {rows} x {columns}")
    height, width = np.lcm(rows, 2), np.lcm(columns, 2)
    tiled = np.tile(values.reshape(rows, columns), (height // rows, width // columns))
    cell = tiled[:2, :2].copy()
    if not (tiled.reshape(height // 2, 2, width // 2, 2) == cell[:, None]).all():
        raise ValueError(f"tag BlackLevel repeats every {rows} x {columns} pixels, not every 2 x 2")
    for code, axis in ((_BLACK_COLUMNS, 0), (_BLACK_ROWS, 1)):
        if code in tags:
            deltas = numbers(tags[code])
            folded = np.array([deltas[k::2].mean() for k in (0, 1)])
            if np.ptp(deltas - np.resize(folded, deltas.size)) > 1e-3:
                raise ValueError(f"tag {code} states black levels that differ between all rows or columns")
            cell += np.expand_dims(folded, axis)
    return raw.four_levels(cell.ravel())
