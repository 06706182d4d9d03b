"""Walks through the headers of a FITS file and compares the sizes that they declare with the file's.

It comes before astropy, which takes time and memory for whatever a header declares.
"""

from __future__ import annotations

import gzip
import math
import warnings
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.files import one_line
from n2nf_core.importers.frames import check_declared

_BLOCK, _CARD, _MOST_AXES = 2880, 80, 999  # FITS standard 4.0, sections 3.1 and 4.4.1


def check_sizes(path: Path) -> None:
    """BurstError for a file that is no FITS file, that is cut off, or whose gzip checksum is wrong.

    BurstWarning where a header states a CHECKSUM that is not that of its header and data. Programs that change a header
    often leave its old checksum, so that is no error.
    """
    packed = path.stat().st_size if path.suffix.lower() == ".gz" else None
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            end = start = 0
            while (header := _header(file)) is not None:
                size = _data_size(path, header)
                end = file.tell() + size
                check_declared(path, end, packed=packed)
                if "CHECKSUM" in header:
                    _check_sum(path, file, start, end)
                start = file.seek(-(-end // _BLOCK) * _BLOCK)
            if not end:
                raise BurstError(
                    f"{path}: not a readable FITS file; it may be truncated (it does not begin with SIMPLE)"
                )
            while file.read(2**20):  # at its end, gzip compares the checksum
                pass
            extra = (file.tell() if packed else path.stat().st_size) - -(-end // _BLOCK) * _BLOCK
            if extra > 0 and extra % _BLOCK:
                raise BurstError(f"{path}: it has {extra} bytes behind its last data: it is damaged, copy it again")
    except (OSError, EOFError, zlib.error) as error:
        raise BurstError(f"{path}: not a readable FITS file; it may be truncated ({one_line(error)})") from error


def _check_sum(path: Path, file: IO[bytes], start: int, end: int) -> None:
    """BurstWarning unless the bytes from ``start`` to the end of the block of ``end`` sum to ones.

    The sum is the 32-bit ones' complement sum of the FITS standard 4.0, section 4.4.2.7.
    """
    file.seek(start)
    left, total = -(-(end - start) // _BLOCK) * _BLOCK, 0
    while left and (data := file.read(min(left, 2**20))):
        left -= len(data)
        total += int(np.frombuffer(data.ljust(-(-len(data) // 4) * 4, b"\0"), ">u4").sum(dtype=np.uint64))
    if total % 0xFFFFFFFF:
        text = "the header or the data are not those of its CHECKSUM: damaged, or changed by a program that left it"
        warnings.warn(f"{path}: {text}", BurstWarning, stacklevel=4)


def _header(file: IO[bytes]) -> dict[str, int] | None:
    """The whole numbers of the next header; None where no header begins."""
    found, first = {}, True
    while True:
        block = file.read(_BLOCK)
        if first and block[:8] not in (b"SIMPLE  ", b"XTENSION"):
            return None
        if len(block) < _BLOCK:
            raise EOFError("it ends within a header")
        first = False
        for card in (block[start : start + _CARD] for start in range(0, _BLOCK, _CARD)):
            name, value = card[:8].decode("latin-1").strip(), card[10:].partition(b"/")[0].strip()
            if name == "CHECKSUM":
                found[name] = 1
            if name == "END":
                return found
            if card[8:10] == b"= " and value.removeprefix(b"-").isdigit():
                found.setdefault(name, int(value))


def _data_size(path: Path, header: dict[str, int]) -> int:
    """Bytes of the data after a header."""
    axes = header.get("NAXIS", 0)
    if not 0 <= axes <= _MOST_AXES:
        raise BurstError(f"{path}: not a readable FITS file: its header declares {axes} axes (NAXIS)")
    sizes = [header.get(f"NAXIS{k + 1}", 0) for k in range(axes)]
    if min(sizes, default=0) < 0:
        raise BurstError(f"{path}: not a readable FITS file: its header declares a negative size (NAXISn)")
    values = math.prod(sizes) if axes else 0
    return abs(header.get("BITPIX", 8)) // 8 * header.get("GCOUNT", 1) * (header.get("PCOUNT", 0) + values)
