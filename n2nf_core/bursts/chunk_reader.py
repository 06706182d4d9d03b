"""Reads one frame of a stored burst directly from its chunk file, checks its checksum and decompresses it.

Zarr's own way to read a chunk adds an event loop and intermediate copies, which take as long as the decompression.
Reading, checking and decompressing release Python's global interpreter lock, so that several threads can read frames at
the same time.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

_CRC_BYTES = 4


class ChunkError(ValueError):
    """The bytes of a chunk are not those that were written."""


class BloscChunks(NamedTuple):
    """A Zarr v3 array whose chunks are compressed by Blosc and followed by a CRC-32C checksum.

    Arguments:
        folder: folder of the array.
        shape: shape of one chunk, (1, 4, h, w) or (4, h, w).
        dtype: type of the values in the file, little-endian.
    """

    folder: Path
    shape: tuple[int, ...]
    dtype: np.dtype

    def read(self, *chunk: int) -> np.ndarray:
        """The chunk with these coordinates, of shape ``shape``; ChunkError or OSError where it cannot be read."""
        from google_crc32c import value
        from numcodecs import blosc

        path = self.folder.joinpath("c", *map(str, chunk))
        with path.open("rb", buffering=0) as file:
            body, crc = file.read(max(path.stat().st_size - _CRC_BYTES, 0)), file.read()
        if not body or value(body) != int.from_bytes(crc, "little"):
            raise ChunkError("its data do not match their checksum")
        size = math.prod(self.shape) * self.dtype.itemsize
        if int.from_bytes(body[4:8], "little") != size:  # the size that Blosc's header states
            raise ChunkError("its size is not that of a frame")
        out = np.empty(self.shape, self.dtype)
        blosc.decompress(body, out)
        return out


def blosc_chunks(folder: Path) -> BloscChunks | None:
    """A reader for the Zarr v3 array in ``folder``, or None where the array is not encoded as those of bursts are."""
    metadata = json.loads((folder / "zarr.json").read_text())
    names = [codec["name"] for codec in metadata["codecs"]]
    endian = metadata["codecs"][0].get("configuration", {}).get("endian")
    keys = metadata["chunk_key_encoding"]
    plain = keys["name"] == "default" and keys.get("configuration", {}).get("separator", "/") == "/"
    if names != ["bytes", "blosc", "crc32c"] or endian != "little" or not plain:
        return None
    shape = tuple(metadata["chunk_grid"]["configuration"]["chunk_shape"])
    return BloscChunks(folder, shape, np.dtype(metadata["data_type"]).newbyteorder("<"))
