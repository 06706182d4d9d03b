"""Small DNG files, written tag by tag with tifffile, which LibRaw opens."""

from pathlib import Path

import numpy as np
import tifffile
from cases.stacks import PATTERNS

BYTE, TEXT, SHORT, LONG, RATIONAL, SIGNED, DOUBLE = 1, 2, 3, 4, 5, 10, 12
BLACK, WHITE = (60, 61, 62, 63), 4095
CAMERA = {"model": "Model 1", "iso": 400, "exposure": (1, 100), "aperture": None}
_CODES = {
    "active": (50829, LONG), "repeat": (50713, SHORT), "delta_h": (50715, SIGNED), "delta_v": (50716, SIGNED),
    "linearization": (50712, SHORT), "layout": (50711, SHORT), "masked": (50830, LONG), "orientation": (274, SHORT),
    "exposure": (33434, RATIONAL), "aperture": (33437, RATIONAL), "iso": (34855, SHORT), "large_iso": (34867, LONG),
    "profile": (51041, DOUBLE), "model": (272, TEXT),
}  # fmt: skip


def fractions(values, denominator: int = 10_000) -> list[int]:
    """Numerators and denominators of values, as TIFF stores them."""
    return [part for value in np.ravel(values) for part in (round(float(value) * denominator), denominator)]


def _tag(name: str, value) -> tuple:
    code, kind = _CODES[name]
    if kind == TEXT:
        return code, kind, 0, value, True
    flat = np.ravel(value).tolist()
    count = len(flat) // 2 if kind in (RATIONAL, SIGNED) else len(flat)
    return code, kind, count, flat[0] if len(flat) == 1 and kind not in (RATIONAL, SIGNED) else tuple(flat), True


def _level(code: int, value) -> tuple:
    """A level as SHORT, or as RATIONAL if it has a fraction."""
    values = np.ravel(value)
    if np.array_equal(values, values.astype(int)):
        return code, LONG, len(values), values.astype(int).tolist() if len(values) > 1 else int(values[0]), True
    return code, RATIONAL, len(values), fractions(values), True


def write_dng(
    path: Path,
    mosaic: np.ndarray,
    cfa: str | tuple[int, ...] = "RGGB",
    *,
    black=BLACK,
    white=WHITE,
    cells: tuple[int, int] = (2, 2),
    preview: bool = False,
    tiff: dict | None = None,
    **tags,
) -> None:
    """Write a mosaic with the tags that LibRaw needs, and those that are given.

    Arguments:
        path: the file.
        mosaic: (H, W), or (H, W, 3) for a linear DNG.
        cfa: name of the pattern, its numbers, or "MONO".
        black, white: levels in DN; None leaves the tag out.
        cells: size of the pattern.
        preview: put previews with levels of their own into the first directory and the first of two SubIFDs, one of
            them a mosaic of twice the size, and the mosaic itself into the second SubIFD.
        tiff: arguments for tifffile.
        tags: by the names of ``_CODES``; None leaves a tag out.
    """
    pattern = PATTERNS.get(cfa, cfa)
    tags = {"profile": (1e-3, 2e-6), **CAMERA, **tags}
    shared = [
        (271, TEXT, 0, "Maker", True), (50706, BYTE, 4, bytes((1, 4, 0, 0)), True),
        (50708, TEXT, 0, "Maker Model 1", True),
        (50721, SIGNED, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, RATIONAL, 3, (1, 1) * 3, True), (50778, SHORT, 1, 21, True),
    ]  # fmt: skip
    outer = {
        name: tags.pop(name, None) for name in ("model", "iso", "exposure", "aperture", "large_iso", "orientation")
    }
    shared += [_tag(name, value) for name, value in outer.items() if value is not None]
    own = [_tag(name, value) for name, value in tags.items() if value is not None]
    if pattern != "MONO" and mosaic.ndim == 2:
        own += [(33421, SHORT, 2, cells, True), (33422, BYTE, len(pattern), bytes(pattern), True)]
    own += [_level(code, value) for code, value in ((50714, black), (50717, white)) if value is not None]
    if np.size(black) == 4 and "repeat" not in tags:
        own.append(_tag("repeat", (2, 2)))
    mono = pattern == "MONO" or mosaic.ndim == 3
    photometric = 34892 if mosaic.ndim == 3 else "minisblack" if mono else "cfa"
    how = {"photometric": photometric, "metadata": None, "software": False, **(tiff or {})}
    with tifffile.TiffWriter(path, byteorder=how.pop("byteorder", None)) as file:
        if preview:
            small = np.zeros((32, 48), np.uint8)
            first = [*shared, _level(50714, 7), _level(50717, 99)]
            file.write(
                small, photometric="minisblack", subfiletype=1, subifds=2, extratags=sorted(first), metadata=None
            )
            large = np.zeros(2 * np.array(mosaic.shape), np.uint16)
            second = [_level(50714, 9), *(tag for tag in own if tag[0] in (33421, 33422))]
            file.write(large, photometric="cfa", subfiletype=1, extratags=sorted(second), metadata=None)
            shared = []
        file.write(mosaic, extratags=sorted([*shared, *own]), **how)
    if mono and mosaic.ndim == 2:  # tifffile itself writes linear images of three samples only
        with tifffile.TiffFile(path, mode="r+b") as file:
            file.pages[0].tags["PhotometricInterpretation"].overwrite(34892)
