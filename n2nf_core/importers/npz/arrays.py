"""Arrays of NPY and NPZ files. Headers are checked before memory is taken, and nothing is unpickled."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from n2nf_core.bursts import BurstError
from n2nf_core.files import one_line
from n2nf_core.importers.frames import Frames, PlainFrames, check_declared


class Header(NamedTuple):
    """What the header of an NPY file states.

    Arguments:
        shape: shape of the array.
        dtype: type of its numbers.
        fortran: whether the first index runs fastest.
        size: bytes of the header.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool
    size: int

    @property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.dtype.itemsize


class Member(NamedTuple):
    """An array of an NPZ file.

    Arguments:
        path: the NPZ file.
        info: the entry of the ZIP archive.
        header: what its header states.
    """

    path: Path
    info: zipfile.ZipInfo
    header: Header

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.header.shape

    def load(self) -> np.ndarray:
        """The array, in memory; BurstError for damaged data."""
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.info) as file:
                array = npy.read_array(file, allow_pickle=False)
                file.read(1)  # at its end, zipfile compares the checksum
                return array
        except Exception as error:  # the parsers of NumPy and zipfile raise errors of many types
            raise _damaged(self.path, "NPZ", error) from error

    def frames(self) -> Frames:
        """The array, from which frames are read when they are used if the archive does not compress it."""
        if self.info.compress_type != zipfile.ZIP_STORED or self.header.fortran or len(self.shape) != 3:
            return self.load()
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.info) as file:
                while file.read(2**20):  # at its end, zipfile compares the checksum
                    pass
            with self.path.open("rb") as file:
                file.seek(self.info.header_offset + 26)
                names = sum(struct.unpack("<HH", file.read(4)))
        except Exception as error:
            raise _damaged(self.path, "NPZ", error) from error
        return _plain(self.path, self.info.header_offset + 30 + names, self.header)


def members(path: Path) -> dict[str, Member]:
    """The arrays of an NPZ file by name, of which only the headers are read.

    Errors: BurstError, one line, for a damaged file, for pickled objects, and for sizes that the file cannot hold.
    """
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for info in (one for one in archive.infolist() if one.filename.endswith(".npy")):
                with archive.open(info) as file:
                    found[info.filename.removesuffix(".npy")] = Member(path, info, _header(file))
    except Exception as error:
        raise _damaged(path, "NPZ", error) from error
    for name, member in found.items():
        _check(path, member.header, f" ({name})")
        packed = None if member.info.compress_type == zipfile.ZIP_STORED else member.info.compress_size
        check_declared(path, member.header.nbytes, packed=packed)
    return found


def npy_frames(path: Path) -> Frames:
    """The frames of an NPY file (T, H, W), or its one frame (H, W); they are read when they are used.

    Errors: BurstError, one line, as in :func:`members`.
    """
    try:
        with path.open("rb") as file:
            header = _header(file)
    except Exception as error:
        raise _damaged(path, "NPY", error) from error
    _check(path, header, "")
    check_declared(path, header.size + header.nbytes)
    if (extra := path.stat().st_size - header.size - header.nbytes) > 0:
        raise BurstError(f"{path}: it has {extra} bytes behind its array: it is damaged, or holds several arrays")
    if header.fortran or len(header.shape) not in (2, 3):
        return np.load(path, allow_pickle=False)
    return _plain(path, 0, header)


def _header(file: IO[bytes]) -> Header:
    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"NPY version {version[0]}.{version[1]} is not supported")
    shape, fortran, dtype = read(file)
    return Header(shape, dtype, fortran, file.tell())


def _check(path: Path, header: Header, name: str) -> None:
    if header.dtype.hasobject:
        raise BurstError(
            f"{path}: it holds Python objects{name}, perhaps None or frames of different size: leave them out, and "
            "store the frames as one array (T, H, W) of numbers"
        )


def _plain(path: Path, start: int, header: Header) -> PlainFrames:
    count = 1 if len(header.shape) == 2 else header.shape[0]
    step = header.nbytes // max(count, 1)
    return PlainFrames([(path, start + header.size + t * step) for t in range(count)], header.dtype, header.shape[-2:])


def _damaged(path: Path, what: str, error: Exception) -> BurstError:
    return BurstError(f"{path}: not a readable {what} file; it may be truncated ({one_line(error)})")
