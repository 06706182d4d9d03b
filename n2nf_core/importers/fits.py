"""FITS stacks: a cube (T, H, W), several image HDUs, or a folder of single frames; plain, tile-compressed or gzip."""

from __future__ import annotations

import math
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.files import one_line
from n2nf_core.importers.fits_headers import header_stated
from n2nf_core.importers.fits_sizes import check_sizes
from n2nf_core.importers.frames import Frames, JoinedFrames, check_declared
from n2nf_core.importers.stack import Stack
from n2nf_core.importers.stated import check_same

SUFFIXES = tuple(f".{name}{packed}" for packed in ("", ".gz") for name in ("fits", "fit", "fts")) + (".fz",)
_NO_FRAMES = re.compile(
    r"(MASK|ERR|ERROR|DQ|BPM|BADPIX|UNCERT|UNC|VAR|IVAR|STD|STDDEV|SIGMA|RMS|WEIGHTS?|WHT|BKG|BACKGROUND|QUALITY|FLAGS?)"
    r"([^A-Z].*)?$"
)
_TIME = ("", "TIME", "UTC", "JD", "MJD", "T", "FRAME", "FRAMES", "INDEX", "SEQUENCE")


def read_fits(path: Path) -> list[Stack]:
    """The stack of one file: the frames of all its image HDUs, with what each header states.

    HDUs whose name says that they are masks, errors or weights are left out with a note.

    Errors: BurstError for a damaged file, for a file without images, for an axis that is not time, such as colours, for
    images of different size, and for declared sizes that the file cannot hold.
    """
    check_sizes(path)
    parts, stated, notes, places = [], [], [], []
    with warnings.catch_warnings(), _opened(path) as file:
        # For a truncated file astropy only warns, and it leaves out an image whose header is truncated.
        warnings.filterwarnings("error", message="Error validating header|File may have been truncated")
        primary = file[0].header
        for k, hdu in enumerate(file):
            if not hdu.is_image or not hdu.shape:
                continue
            if _NO_FRAMES.match(hdu.name.upper()):
                notes.append(f"HDU {hdu.name} is left out, because it is not a frame")
                continue
            frames = _frames(path, hdu, k, notes)
            stated += [header_stated(path, primary, hdu.header, notes)] * frames.shape[0]
            places.append(f"image {len(parts)}")
            parts.append(frames)
    if not parts:
        raise BurstError(f"{path}: it holds no images (H, W) and no stack (T, H, W)")
    check_same(path, [tuple(part.shape[1:]) for part in parts], places)
    check_same(path, [part.dtype for part in parts], places)
    return [Stack(JoinedFrames(parts), stated, notes=list(dict.fromkeys(notes)))]


@dataclass(frozen=True)
class HduFrames:
    """Frames of an image HDU, which are read when they are used.

    Arguments:
        path: the file.
        hdu: number of the HDU.
        shape: (T, H, W).
        lead: number of axes before H and W in the file.
        dtype: type of the numbers after the header's scaling.
    """

    path: Path
    hdu: int
    shape: tuple[int, int, int]
    lead: int
    dtype: np.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, t: int) -> np.ndarray:
        with _opened(self.path) as file:
            return _section(file[self.hdu], self.lead, t)


def _section(hdu, lead: int, t: int, rows: slice = slice(None)) -> np.ndarray:
    """Frame t of an HDU whose first axes, ``lead`` in number, have length 1 except for the last of them."""
    values = hdu.section[(*[0] * (lead - 1), *[t] * min(lead, 1), rows, slice(None))]
    return np.asarray(values)


def _frames(path: Path, hdu, k: int, notes: list[str]) -> Frames:
    from astropy.io import fits

    *lead, height, width = (1, *hdu.shape) if len(hdu.shape) == 1 else hdu.shape
    if len(hdu.shape) < 2 or any(size != 1 for size in lead[:-1]):
        raise BurstError(f"{path}: it holds no images (H, W) and no stack (T, H, W), but {hdu.shape}")
    count = lead[-1] if lead else 1
    _check_axis(path, hdu.header, count, notes)
    nbytes = math.prod(hdu.shape) * abs(hdu.header["BITPIX"]) // 8
    if isinstance(hdu, fits.CompImageHDU):
        check_declared(path, nbytes, packed=path.stat().st_size)
    if min(count, height, width) == 0:
        raise BurstError(f"{path}: it holds no frames, its shape is {' x '.join(map(str, hdu.shape))}")
    dtype = _section(hdu, len(lead), 0, slice(0, 1)).dtype.newbyteorder("=")
    frames = HduFrames(path, k, (count, height, width), len(lead), dtype)
    if path.suffix.lower() == ".gz" and count > 1:  # a gzipped file can only be read from its beginning
        return np.asarray(hdu.data).reshape(frames.shape)
    return frames


def _check_axis(path: Path, header, count: int, notes: list[str]) -> None:
    kind = str(header.get("CTYPE3", "")).strip().upper()
    if count > 1 and kind.split("-")[0] not in _TIME:
        raise BurstError(
            f"{path}: the third axis is {kind} (CTYPE3), but frames of a burst differ in time: save a mosaic"
        )
    if count == 3 and not kind:
        notes.append(
            "three planes without CTYPE3 are taken as three frames: if they are colours, the file cannot be used"
        )
        warnings.warn(f"{path}: {notes[-1]}", BurstWarning, stacklevel=4)


@contextmanager
def _opened(path: Path):
    """The HDUs of a file. Errors of astropy and of the decoders become a BurstError."""
    from astropy.io import fits

    try:
        with fits.open(path, memmap=False) as file:
            yield file
    except BurstError:
        raise
    except Exception as error:
        raise BurstError(f"{path}: not a readable FITS file; it may be truncated ({one_line(error)})") from error
