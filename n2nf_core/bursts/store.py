"""Bursts on disk.

A stored burst is a Zarr v3 group ``NAME.burst.zarr``. Its array ``frames`` (T, 4, h, w) is in DN, with one compressed
chunk and a CRC checksum per frame. Its array ``clean`` (4, h, w), in [0, 1] units, exists where there is a reference.
Everything else is in the attributes. A burst appears under its name only when it is complete.
"""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from n2nf_core.bursts.burst import Burst, BurstError, LazyFrames
from n2nf_core.bursts.checks import FrameDigests
from n2nf_core.bursts.chunk_reader import BloscChunks, ChunkError, blosc_chunks
from n2nf_core.bursts.completeness import check_complete, files_of
from n2nf_core.bursts.record import FIELDS, digest, read_record, record_of
from n2nf_core.files import durable_replace, one_line

SUFFIX = ".burst.zarr"
FORMAT = "n2nf-burst"
VERSION = 1
_ARRAYS = ("frames", "clean")


def write_burst(
    burst: Burst, path: str | Path, *, overwrite: bool = False, check: FrameDigests | None = None, workers: int = 1
) -> Path:
    """Store ``burst`` as the folder ``path`` and return the path; after an error, ``path`` is as it was before.

    Arguments:
        burst: (T, 4, h, w) frames in DN and what is known about them.
        path: a name that ends in ``.burst.zarr``.
        overwrite: whether to replace a burst that exists at ``path``.
        check: is given every frame while it is written, so that the source is decoded only once. Its result is stored
            in the provenance, and an error that it raises ends the writing.
        workers: number of frames that are written at the same time.

    BurstError for a path with another suffix. FileExistsError for a path that exists, unless ``overwrite``. OSError
    with the system's number and reason where the path cannot be written.
    """
    path = Path(path)
    if not path.name.endswith(SUFFIX):
        raise BurstError(f"{path}: a burst is stored under a name that ends in {SUFFIX}")
    with durable_replace(path) as new:
        if path.exists() and not overwrite:  # asked here, where no other process writes the path
            raise FileExistsError(f"{path} exists already: choose another name, or ask to overwrite it")
        _write_group(burst, new, check or FrameDigests(), workers)
    return path


def _write_group(burst: Burst, path: Path, check: FrameDigests, workers: int) -> None:
    import zarr

    group = zarr.create_group(path, zarr_format=3)
    frames = _create(group, "frames", burst.shape, (1, *burst.shape[1:]), burst.frames.dtype)

    def write(t: int) -> None:
        frame = np.ascontiguousarray(burst.frames[t])
        check.see(t, frame)
        frames[t] = frame

    with ThreadPoolExecutor(workers) as pool:
        writes = [pool.submit(write, t) for t in range(len(burst))]
        try:
            for done in writes:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if burst.clean is not None:
        clean = _create(group, "clean", burst.clean.shape, burst.clean.shape, np.dtype(np.float32))
        clean[:] = burst.clean
    record, arrays = record_of(burst, check.result()), dict(group.arrays())
    stamp = {"format": FORMAT, "version": VERSION, "record_sha256": digest(record, arrays)}
    group.attrs.update({**stamp, **record})


def _create(group, name: str, shape: tuple, chunk: tuple, dtype: np.dtype):
    from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec

    # Chunks of zeros are written too, so that a missing chunk file always means damage.
    return group.create_array(
        name,
        shape=shape,
        chunks=chunk,
        dtype=dtype,
        serializer=BytesCodec(),
        compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec()],
        config={"write_empty_chunks": True},
    )


def open_burst(path: str | Path) -> Burst:
    """Open the stored burst at ``path``. A frame is read and its CRC checked whenever it is indexed.

    BurstError, with a message of one line that names the path, where the folder is not a burst, is of a newer version,
    lacks chunks, has symbolic links, declares frames of more than 2 GiB, or states settings of another form or other
    ones than were written. The same error is raised later where a frame turns out to be damaged.
    """
    import zarr

    path = Path(path)
    if not path.is_dir():
        raise BurstError(f"{path}: no such burst; a stored burst is a folder whose name ends in {SUFFIX}")
    files = files_of(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Zarr only warns of a damaged array; a missing array is an error below
            group = zarr.open_group(path, mode="r", zarr_format=3, use_consolidated=False)
            attributes, found = dict(group.attrs), dict(group.arrays())
        arrays = {name: found[name] for name in _ARRAYS if name in found}
        chunks = blosc_chunks(path / "frames") if "frames" in arrays else None
    except Exception as error:  # the errors of Zarr for a damaged store have no common base class
        raise BurstError(f"{path}: cannot be read as a Zarr v3 group ({one_line(error)}): convert it again") from error
    if attributes.get("format") != FORMAT or "frames" not in arrays:
        found = f"format {str(attributes.get('format'))[:40]!r}, arrays {sorted(found)}"
        raise BurstError(f"{path}: not a complete burst ({found}): convert or copy the burst again")
    if attributes.get("version") != VERSION:
        version = str(attributes.get("version"))[:40]
        raise BurstError(f"{path}: burst format version {version}, this program reads {VERSION}: update the program")
    for name, array in arrays.items():
        check_complete(path, name, array, files)
    record = read_record(path, attributes)
    stated = {name: attributes[name] for name in FIELDS}
    if attributes.get("record_sha256", expected := digest(stated, arrays)) != expected:
        raise BurstError(f"{path}: its settings are not those that were written: convert or copy the burst again")
    return _burst(path, record, arrays, chunks)


def _burst(path: Path, record: dict, arrays: dict, chunks: BloscChunks | None) -> Burst:
    frames = arrays["frames"]
    if frames.ndim != 4 or ("clean" in arrays and arrays["clean"].shape != frames.shape[1:]):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise BurstError(f"{path}: frames must be (T, 4, h, w) and clean (4, h, w), got {shapes}: convert it again")
    clean = _read(arrays["clean"], path, ...) if "clean" in arrays else None
    if clean is not None and not (clean.dtype == np.float32 and np.isfinite(clean).all()):
        raise BurstError(f"{path}: clean must be float32 without NaN or infinite values: convert the source again")
    height, width = frames.shape[2:]
    whole_frames = chunks is not None and chunks.shape == (1, *frames.shape[1:])
    read = partial(_read_chunk, chunks, path) if whole_frames else partial(_read, frames, path)
    lazy = LazyFrames(read, frames.shape[0], frames.dtype, range(height), range(width))
    try:
        return Burst(lazy, clean=clean, **record)
    except BurstError as error:
        raise BurstError(f"{path}: {error}") from None


def _read_chunk(chunks: BloscChunks, path: Path, frame: int) -> np.ndarray:
    try:
        return chunks.read(frame, 0, 0, 0)[0]
    except (ChunkError, OSError, RuntimeError) as error:
        raise _damaged(path, f"frame {frame}", error) from error


def _read(array, path: Path, index) -> np.ndarray:
    try:
        return np.asarray(array[index])
    except Exception as error:  # every codec raises errors of its own
        which = f"frame {index}" if isinstance(index, int) else array.basename
        raise _damaged(path, which, error) from error


def _damaged(path: Path, which: str, error: Exception) -> BurstError:
    reason = error.strerror if isinstance(error, OSError) else "its data do not match their checksum"
    return BurstError(f"{path}: {which} is damaged ({reason}): convert or copy the burst again")
