"""Frames of raw mosaics as TIFF, NPZ and DNG files. Raw developers open the DNG files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from n2nf_core.files import durable_replace
from n2nf_core.raw import MONO

XYZ_TO_SRGB = (3.2404542, -1.5371385, -0.4985314, -0.969266, 1.8760108, 0.041556, 0.0556434, -0.2040259, 1.0572252)
"""CIE XYZ (D65) -> linear sRGB, row by row."""
FORMATS = (".tif", ".tiff", ".npz", ".dng")
DARKEST_NEUTRAL = 1e-3
"""Red and blue of the neutral colour are at least so large, where green is 1."""


def write_dng(
    path: str | Path,
    mosaic: np.ndarray,
    *,
    black: Sequence[float],
    white: float,
    cfa: str,
    camera: str,
    iso: float,
    noise_profile: Sequence[float] | None = None,
) -> Path:
    """Write one frame as an uncompressed DNG of 16 bits, completely or not at all; returns the path.

    All values are multiplied by the largest integer with which white fits into 16 bits, so that a denoised frame keeps
    fractions of its DN. The colours are nominal, because a noise model does not know the camera's: its colours are
    taken as linear sRGB (ColorMatrix1, D65), and the mean of the frame as neutral grey (AsShotNeutral).

    Arguments:
        path: the file.
        mosaic: (H, W), in DN.
        black: black level in DN, four values by position in the 2x2 cell.
        white: white level in DN.
        cfa: "RGGB" or "MONO".
        camera: name of the camera.
        iso: ISO setting.
        noise_profile: S and O of red, green and blue, or of all planes, for the tag NoiseProfile; none by default.

    Source: Adobe, Digital Negative Specification 1.4.
    """
    import tifffile

    scale = max(int(65535 // white), 1)
    data = np.clip(np.rint(mosaic * scale), 0, 65535).astype(np.uint16)
    tags = _names(camera, iso) + _levels(black, white, scale)
    if cfa != MONO:
        tags += _colours(_neutral(mosaic, black))
    if noise_profile is not None:
        tags.append((51041, "d", len(noise_profile), tuple(noise_profile), True))
    with durable_replace(path) as new:
        tifffile.imwrite(
            new,
            data,
            photometric="minisblack" if cfa == MONO else "cfa",
            extratags=tags,
            metadata=None,
            software="n2nf",
        )
        if cfa == MONO:  # tifffile writes linear raw only with three samples
            with tifffile.TiffFile(new, mode="r+b") as file:
                file.pages[0].tags[262].overwrite(34892)
    return Path(path)


def _names(camera: str, iso: float) -> list[tuple]:
    """The tags of every file: who took the frame, and for which readers the file is.

    The model is named without its maker, as in the noise profiles of darktable, which finds them by both names.
    """
    name = camera.encode("ascii", "replace").decode()
    return [
        (271, "s", 0, name.split(" ")[0], True),  # Make
        (272, "s", 0, name.split(" ", 1)[-1], True),  # Model
        (274, "H", 1, 1, True),  # Orientation
        (34855, "H", 1, min(round(iso), 65535), True),  # ISOSpeedRatings
        (50706, "B", 4, (1, 4, 0, 0), True),  # DNGVersion
        (50707, "B", 4, (1, 1, 0, 0), True),  # DNGBackwardVersion
        (50708, "s", 0, name, True),  # UniqueCameraModel
    ]


def _levels(black: Sequence[float], white: float, scale: int) -> list[tuple]:
    """The tags of the levels, of values that are multiplied by ``scale``; black in parts of 256."""
    levels = [round(256 * value * scale) for value in black]
    return [
        (50713, "H", 2, (2, 2), True),  # BlackLevelRepeatDim
        (50714, "2I", 4, tuple(part for value in levels for part in (value, 256)), True),  # BlackLevel
        (50717, "I", 1, round(white * scale), True),  # WhiteLevel
    ]


def _colours(neutral: Sequence[float]) -> list[tuple]:
    """The tags of an RGGB mosaic whose colours are nominal."""
    return [
        (33421, "H", 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, "B", 4, (0, 1, 1, 2), True),  # CFAPattern
        (50710, "B", 3, (0, 1, 2), True),  # CFAPlaneColor
        (50711, "H", 1, 1, True),  # CFALayout
        (50721, "2i", 9, _rationals(XYZ_TO_SRGB), True),  # ColorMatrix1
        (50728, "2I", 3, _rationals(neutral), True),  # AsShotNeutral
        (50778, "H", 1, 21, True),  # CalibrationIlluminant1: D65
    ]


def check_name(out: Path) -> None:
    """ValueError for a name whose suffix is not that of a form in which frames can be written."""
    if out.suffix.lower() not in FORMATS:
        raise ValueError(f"{out}: the name must end in {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")


def write_frames(
    out: str | Path, mosaics: Iterable[np.ndarray], *, black: Sequence[float], white: float, **stated
) -> list[Path]:
    """Write T frames to a file, or to T numbered files where the form is DNG; returns the files.

    TIFF and NPZ hold mosaics (T, H, W) of float32 values in DN. An NPZ file also states levels, camera and ISO, so that
    it can be read as a burst.

    Arguments:
        out: a name that ends in ``.tif``, ``.tiff``, ``.npz`` or ``.dng``.
        mosaics: (H, W) each, in DN.
        black: black level in DN, four values by position in the 2x2 cell.
        white: white level in DN.
        stated: ``cfa``, ``camera`` and ``iso``, as :func:`write_dng` takes them.

    ValueError for another suffix.
    """
    out, stated = Path(out), {"black": black, "white": white, **stated}
    check_name(out)
    suffix = out.suffix.lower()
    if suffix == ".dng":
        frames = list(mosaics)
        names = [out.with_name(f"{out.stem}_{t:03d}{out.suffix}") for t in range(len(frames))]
        names = [out] if len(frames) == 1 else names
        return [write_dng(name, frame, **stated) for name, frame in zip(names, frames, strict=True)]
    frames = np.stack(list(mosaics))
    with durable_replace(out) as new, new.open("wb") as file:
        if suffix == ".npz":
            np.savez(file, frames=frames, **{name: np.asarray(value) for name, value in stated.items()})
        else:
            import tifffile

            tifffile.imwrite(file, frames, photometric="minisblack")
    return [out]


def _rationals(values: Sequence[float]) -> tuple[int, ...]:
    return tuple(part for value in values for part in (round(value * 10**6), 10**6))


def _neutral(mosaic: np.ndarray, black: Sequence[float]) -> list[float]:
    """Red, green and blue of the frame's mean, with green 1."""
    cells = [mosaic[i::2, j::2].mean() - black[2 * i + j] for i in (0, 1) for j in (0, 1)]
    green = (cells[1] + cells[2]) / 2
    if not green > 0:
        return [1.0, 1.0, 1.0]
    return [
        float(np.clip(value / green, DARKEST_NEUTRAL, 1 / DARKEST_NEUTRAL)) for value in (cells[0], green, cells[3])
    ]
