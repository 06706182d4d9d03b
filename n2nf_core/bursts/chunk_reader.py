"""One frame of a stored burst, straight from its chunk file: one read, one checksum, one decompression.

Zarr's own path to a single chunk costs as much again as its decompression (event loop, intermediate copies). All
three steps release the interpreter's lock, so frames are read by as many threads as there are cores.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

_CRC_BYTES = 4


class ChunkError(ValueError):
    """A chunk whose bytes are not what was written."""


class BloscChunks(NamedTuple):
    """Array ``folder`` of Zarr v3 with one Blosc-compressed chunk and its CRC-32C per frame.

    shape: of one chunk, (1, 4, h, w) or (4, h, w). dtype: little-endian, as the file holds it.
    """

    folder: Path
    shape: tuple[int, ...]
    dtype: np.dtype

    def read(self, *chunk: int) -> np.ndarray:
        """The chunk with these coordinates, of shape ``shape``. ChunkError, OSError."""
        from google_crc32c import value
        from numcodecs import blosc

        path = self.folder.joinpath("c", *map(str, chunk))
        with path.open("rb", buffering=0) as file:
            body, crc = file.read(max(path.stat().st_size - _CRC_BYTES, 0)), file.read()
        if not body or value(body) != int.from_bytes(crc, "little"):
            raise ChunkError("its data do not match their checksum")
        out = np.empty(self.shape, self.dtype)
        if int.from_bytes(body[4:8], "little") != out.nbytes:  # the size that Blosc's header states
            raise ChunkError("it is not of the size of a frame")
        blosc.decompress(body, out)
        return out


def blosc_chunks(folder: Path) -> BloscChunks | None:
    """The chunks of the Zarr v3 array ``folder`` if it is encoded as bursts are; None for any other encoding."""
    metadata = json.loads((folder / "zarr.json").read_text())
    names = [codec["name"] for codec in metadata["codecs"]]
    endian = metadata["codecs"][0].get("configuration", {}).get("endian")
    keys = metadata["chunk_key_encoding"]
    plain = keys["name"] == "default" and keys.get("configuration", {}).get("separator", "/") == "/"
    if names != ["bytes", "blosc", "crc32c"] or endian != "little" or not plain:
        return None
    shape = tuple(metadata["chunk_grid"]["configuration"]["chunk_shape"])
    return BloscChunks(folder, shape, np.dtype(metadata["data_type"]).newbyteorder("<"))
