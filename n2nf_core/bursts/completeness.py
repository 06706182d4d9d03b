"""Whether a Zarr store holds all that its metadata declare; Zarr itself reads what is missing as zeros.

No array is read for this, and no memory of a declared size is taken.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from n2nf_core.bursts.burst import BurstError

MOST_BYTES = 2**31
"""The largest frame or chunk that is read; a frame of 250 megapixels in float32 is half of it."""

_CRC_BYTES = 4
_MISSING = 2**64 - 1  # in the index of a shard, as offset and as size


def files_of(path: Path) -> set[str]:
    """Names of all files below the folder ``path``, with ``/`` between folders.

    BurstError for a symbolic link, because a store may come from a stranger, and a link could name any file.
    """
    found = set()
    for folder, folders, files in os.walk(path):
        inner = Path(folder).relative_to(path)
        for name in (*folders, *files):
            if (path / inner / name).is_symlink():
                raise BurstError(f"{path}: {inner / name} is a symbolic link: copy the burst with its files")
        found.update((inner / name).as_posix() for name in files)
    return found


def check_complete(path: Path, name: str, array, files: set[str]) -> None:
    """BurstError, which names the first one, where chunks of an array of the store are missing.

    Arguments:
        path: the store.
        name: name of the array.
        array: the Zarr array.
        files: what :func:`files_of` returns for the store.
    """
    metadata = json.loads((path / name / "zarr.json").read_text())  # which Zarr has read without a complaint
    shape, chunk = array.shape, metadata["chunk_grid"]["configuration"].get("chunk_shape", ())
    if len(chunk) != len(shape) or not all(shape) or not all(chunk):
        raise BurstError(f"{path}: {name} is empty, or its chunks are no regular grid: convert the burst again")
    for what, size in (("frame", shape[-3:]), ("chunk", chunk)):
        if math.prod(size) * array.dtype.itemsize > MOST_BYTES:
            raise BurstError(f"{path}: a {what} of {name} is {_text(size)} values, too large to be read: crop it")
    counts = [math.ceil(size / step) for size, step in zip(shape, chunk, strict=True)]
    count = math.prod(counts)
    some = min(count, len(files) + 1)  # a stranger's store may declare any number
    keys = [array.metadata.encode_chunk_key(_chunk(k, counts)) for k in range(some)]
    missing = [key for key in keys if f"{name}/{key}" not in files]
    if missing:
        least = "at least " if count > len(files) else ""
        raise BurstError(
            f"{path}: {least}{len(missing)} of {count} chunks of {name} are missing "
            f"(first {missing[0]}): convert or copy the burst again"
        )
    if "sharding_indexed" in [codec["name"] for codec in metadata["codecs"]]:
        for at in (_chunk(k, counts) for k in range(count)):
            inside = [min(whole, size - whole * k) for k, whole, size in zip(at, chunk, shape, strict=True)]
            file = path / name / array.metadata.encode_chunk_key(at)
            _check_shard(file, metadata["codecs"], chunk, inside)


def _check_shard(file: Path, codecs: list[dict], shard: list[int], inside: list[int]) -> None:
    """BurstError where a shard, which is a file of several inner chunks and an index of them, lacks one of them.

    Arguments:
        file: the shard.
        codecs: those of its array.
        shard: size of a shard.
        inside: size of the part of this shard that lies in the array.
    """
    codec = codecs[0].get("configuration", {})
    inner, names = codec.get("chunk_shape"), [each["name"] for each in codec.get("index_codecs", ())]
    nested = "sharding_indexed" in [each["name"] for each in codec.get("codecs", ())]
    if len(codecs) > 1 or nested or names != ["bytes", "crc32c"]:
        raise BurstError(f"{file}: its shards are encoded in a way that is not supported: store it without shards")
    grid = [whole // part for whole, part in zip(shard, inner, strict=True)]
    index = _index(file, 16 * math.prod(grid), codec.get("index_location") == "start").reshape(*grid, 2)
    used = tuple(slice(math.ceil(size / part)) for size, part in zip(inside, inner, strict=True))
    offsets, lengths = index[used].reshape(-1, 2).T.tolist()
    if _MISSING in (*offsets, *lengths):
        raise BurstError(f"{file}: inner chunks of this shard are missing: convert or copy the burst again")
    if any(map(lambda offset, length: offset + length > file.stat().st_size, offsets, lengths)):
        raise BurstError(f"{file}: it is truncated: convert or copy the burst again")


def _index(file: Path, length: int, first: bool) -> np.ndarray:
    """Offset and size of every inner chunk of a shard, from ``length`` bytes at its start or its end, and their CRC."""
    from google_crc32c import value

    with file.open("rb") as opened:
        if length + _CRC_BYTES > file.stat().st_size:
            raise BurstError(f"{file}: it is shorter than the index of a shard: convert or copy the burst again")
        opened.seek(0 if first else -length - _CRC_BYTES, os.SEEK_SET if first else os.SEEK_END)
        data, crc = opened.read(length), opened.read(_CRC_BYTES)
    if value(data) != int.from_bytes(crc, "little"):
        raise BurstError(f"{file}: the index of the shard is damaged: convert or copy the burst again")
    return np.frombuffer(data, "<u8")


def _chunk(k: int, counts: list[int]) -> tuple[int, ...]:
    """Coordinates of the k-th chunk of a grid, in raster order; the numbers may exceed 64 bits."""
    at = []
    for size in reversed(counts):
        k, place = divmod(k, size)
        at.append(place)
    return tuple(reversed(at))


def _text(size: Sequence[int]) -> str:
    return " x ".join(map(str, size))
