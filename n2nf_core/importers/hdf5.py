"""One array of numbers in an HDF5 file, such as a MATLAB v7.3 file, which may be a stranger's."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from n2nf_core.bursts import BurstError
from n2nf_core.files import one_line

MOST_BYTES_PER_BYTE = 200
"""Noise cannot be compressed this much, so a file that declares more has no data for it."""


@contextmanager
def open_array(path: Path, name: str = "x") -> Iterator:
    """The two-dimensional array ``name`` of an HDF5 file, as h5py gives it.

    Errors: BurstError, one line that names the file: for a damaged file; for an array that is a link or whose values
    lie in other files, since a stranger's file could name any file of this machine; for a declared size for which the
    file has no data. The same for errors while the array is read.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if name in file and not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise BurstError(f"{path}: {name} is a link to another place: copy the array itself into the file")
            array = file[name]
            _check(path, name, array)
            yield array
    except BurstError:
        raise
    except Exception as error:  # HDF5 and its filters raise errors of many types for a damaged file
        message = f"not a readable MATLAB v7.3 file with key {name}, truncated? ({one_line(error)})"
        raise BurstError(f"{path}: {message}: copy or download it again") from error


def _check(path: Path, name: str, array) -> None:
    import h5py

    if not isinstance(array, h5py.Dataset) or array.ndim != 2 or array.dtype.kind not in "fiu" or 0 in array.shape:
        raise BurstError(f"{path}: {name} must be a matrix of numbers: give a RAW file of SIDD")
    if array.external or array.is_virtual:
        raise BurstError(f"{path}: the values of {name} lie in other files: copy them into this one")
    size = math.prod(array.shape) * array.dtype.itemsize
    if size > MOST_BYTES_PER_BYTE * path.stat().st_size:
        raise BurstError(f"{path}: {name} is declared as {array.shape}, for which the file has no data: copy it again")
    if array.chunks:
        parts = math.prod(math.ceil(length / part) for length, part in zip(array.shape, array.chunks, strict=True))
        missing = array.id.get_num_chunks() != parts or math.prod(array.chunks) > 4 * math.prod(array.shape)
    else:
        missing = array.id.get_storage_size() < size
    if missing:
        raise BurstError(f"{path}: some of the data of {name} are missing: copy or download it again")
