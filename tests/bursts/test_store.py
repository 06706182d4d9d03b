"""Bursts on disk: what is written comes back, damage is an error, and a write that fails leaves nothing."""

import errno
import hashlib
import json
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
import zarr
from cases.bursts import make

from n2nf_core.bursts import (
    BurstCheck,
    BurstError,
    BurstWarning,
    open_burst,
    store,
    write_burst,
)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
@pytest.mark.parametrize("known", [True, False])
def test_a_stored_burst_comes_back_the_same(tmp_path, dtype, known):
    burst = make() if known else make(clean=None, nlf=None, cfa="MONO")
    burst = replace(burst, frames=burst.frames.astype(dtype))
    again = open_burst(write_burst(burst, tmp_path / "sub" / "a.burst.zarr"))
    assert again.frames.dtype == dtype and np.array_equal(again.frames[:], burst.frames)
    assert (again.clean is None) == (not known) and (not known or np.array_equal(again.clean, burst.clean))
    for name in ("black", "white", "cfa", "camera", "iso", "scene", "nlf"):
        assert getattr(again, name) == getattr(burst, name), name
    assert again.provenance["notes"] == ["made"] and len(again.provenance["frames_sha256"]) == 64
    group = zarr.open_group(tmp_path / "sub" / "a.burst.zarr", mode="r")
    assert group.metadata.zarr_format == 3 and group["frames"].chunks == (1, *burst.shape[1:])


def test_an_opened_burst_reads_one_frame_at_a_time(stored):
    (stored[1] / "frames/c/3/0/0/0").write_bytes(b"broken")
    burst = open_burst(stored[1])
    burst.planes([0, 1, 2, 4])
    with pytest.raises(BurstError, match=r"a\.burst\.zarr: frame 3 is damaged"):
        burst.planes(3)


def test_an_opened_burst_travels_to_worker_processes(stored):
    again = pickle.loads(pickle.dumps(open_burst(stored[1])))
    assert torch.equal(again.planes(slice(None)), stored[0].planes(slice(None)))


def test_zero_frames_of_a_store_are_written_not_left_out(tmp_path):
    burst = make(clean=np.zeros((4, 12, 10), np.float32))
    burst.frames[2] = 0
    assert np.array_equal(open_burst(write_burst(burst, tmp_path / "a.burst.zarr")).frames[2], burst.frames[2])


def test_an_existing_store_is_replaced_only_on_purpose(stored):
    other = make(seed=1)
    with pytest.raises(FileExistsError, match="exists already"):
        write_burst(other, stored[1])
    assert torch.equal(open_burst(stored[1]).planes(0), stored[0].planes(0))
    write_burst(other, stored[1], overwrite=True)
    assert torch.equal(open_burst(stored[1]).planes(0), other.planes(0))
    assert [path.name for path in stored[1].parent.iterdir()] == ["a.burst.zarr"]


@pytest.mark.parametrize("chunk", [1, 2], ids=["other codec", "two frames"])
def test_a_store_encoded_otherwise_is_read_all_the_same(stored, chunk):
    burst, path = stored
    group = zarr.open_group(path, mode="r+")
    del group["frames"]
    chunks = (chunk, *burst.shape[1:])
    if chunk == 1:
        frames = group.create_array("frames", shape=burst.shape, chunks=chunks, dtype=np.uint16, compressors=None)
    else:
        frames = store._create(group, "frames", burst.shape, chunks, np.dtype(np.uint16))
    frames[:] = burst.frames
    assert np.array_equal(open_burst(path).frames[:], burst.frames)


@pytest.mark.parametrize("workers", [1, 3])
def test_frames_are_checked_and_digested_on_their_way_to_the_store(tmp_path, workers):
    burst = make(white=880.0)
    with pytest.warns(BurstWarning, match="of the values are saturated"):
        path = write_burst(burst, tmp_path / "a.burst.zarr", check=BurstCheck(burst), workers=workers)
    known = open_burst(path).provenance
    assert known["checks"]["saturated"] == pytest.approx(burst.saturated_fraction())
    digests = b"".join(hashlib.sha256(frame.tobytes()).digest() for frame in burst.frames)
    assert known["frames_sha256"] == hashlib.sha256(digests).hexdigest()
    check = BurstCheck(make())
    for t in (3, 0, 4, 2, 1):  # threads end in any order
        check.see(t, burst.frames[t])
    assert check.result()["frames_sha256"] == known["frames_sha256"]
    assert np.array_equal(open_burst(path).frames[:], burst.frames)
    burst.frames[4] = burst.frames[1]
    with pytest.raises(BurstError, match="frames 1 and 4 are identical"):
        write_burst(burst, tmp_path / "b.burst.zarr", check=BurstCheck(burst), workers=workers)
    burst.frames[3] = 500
    with pytest.raises(BurstError, match="frame 3 is constant"):
        write_burst(burst, tmp_path / "b.burst.zarr", check=BurstCheck(burst), workers=workers)
    assert [path.name for path in tmp_path.iterdir()] == ["a.burst.zarr"]


# Damage: a truncated store is an error, never zeros.


@pytest.mark.parametrize("keep", [0, 1, 40, -1])
@pytest.mark.parametrize("chunk", ["frames/c/2/0/0/0", "clean/c/0/0/0"])
def test_a_truncated_chunk_is_an_error(stored, keep, chunk):
    data = (stored[1] / chunk).read_bytes()
    (stored[1] / chunk).write_bytes(data[:keep])
    with pytest.raises(BurstError, match=r"a\.burst\.zarr: (frame 2|clean) is damaged") as error:
        open_burst(stored[1]).planes(2)
    assert "\n" not in str(error.value)


def test_a_flipped_bit_is_an_error(stored):
    path = stored[1] / "frames/c/2/0/0/0"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BurstError, match="frame 2 is damaged"):
        open_burst(stored[1]).planes(2)


def test_missing_chunks_are_an_error_at_once(stored):
    for t in (1, 4):
        (stored[1] / f"frames/c/{t}/0/0/0").unlink()
    with pytest.raises(BurstError, match=r"2 of 5 chunks of frames are missing \(first c/1/0/0/0\)"):
        open_burst(stored[1])


@pytest.mark.parametrize("name", ["zarr.json", "frames/zarr.json"])
@pytest.mark.parametrize("keep", [None, 0, 30])
def test_damaged_metadata_are_an_error(stored, name, keep):
    path = stored[1] / name
    if keep is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BurstError, match=r"a\.burst\.zarr: (cannot be read|not a complete burst)") as error:
        open_burst(stored[1])
    assert "\n" not in str(error.value)


def test_a_newer_version_and_a_strange_group_are_refused(stored, tmp_path):
    path = stored[1] / "zarr.json"
    metadata = json.loads(path.read_text())
    metadata["attributes"]["version"] = 2
    path.write_text(json.dumps(metadata))
    with pytest.raises(BurstError, match="version 2, this program reads 1"):
        open_burst(stored[1])
    zarr.create_group(tmp_path / "b.burst.zarr")
    with pytest.raises(BurstError, match="not a complete burst"):
        open_burst(tmp_path / "b.burst.zarr")
    with pytest.raises(BurstError, match="no such burst"):
        open_burst(tmp_path / "none.burst.zarr")


# Writing that fails leaves nothing behind. The tests run as root, whom no permission stops, so the system's
# answer is put in place of its cause.


def failing_write(monkeypatch, number: int, after: int = 0):
    """Let the store write ``after`` files and refuse the next."""
    real, done = zarr.storage.LocalStore.set, []

    async def refuse(self, key, value):
        if len(done) >= after:
            raise OSError(number, os.strerror(number))
        done.append(key)
        return await real(self, key, value)

    monkeypatch.setattr(zarr.storage.LocalStore, "set", refuse)


@pytest.mark.parametrize("after", [0, 1, 4])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_refused_write_leaves_nothing(tmp_path, monkeypatch, number, after):
    failing_write(monkeypatch, number, after)
    with pytest.raises(OSError, match=f"cannot write .*a.burst.zarr: {os.strerror(number)}") as error:
        write_burst(make(), tmp_path / "a.burst.zarr")
    assert error.value.errno == number and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_refused_rename_leaves_what_was_there(tmp_path, monkeypatch, overwrite):
    path = tmp_path / "a.burst.zarr"
    if overwrite:
        write_burst(make(), path)
    real = os.replace

    def refuse(source, target):
        if str(source).endswith(".partial"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        real(source, target)

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        write_burst(make(seed=1), path, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == (["a.burst.zarr"] if overwrite else [])
    assert not overwrite or torch.equal(open_burst(path).planes(0), make().planes(0))


def test_an_interrupted_write_leaves_nothing(tmp_path):
    class Interrupted(np.ndarray):
        def __getitem__(self, index):
            if index == 3:
                raise KeyboardInterrupt
            return super().__getitem__(index)

    burst = make()
    with pytest.raises(KeyboardInterrupt):
        write_burst(replace(burst, frames=burst.frames.view(Interrupted)), tmp_path / "a.burst.zarr")
    assert list(tmp_path.iterdir()) == []


def test_the_folder_of_a_store_may_be_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot write"):
        write_burst(make(), tmp_path / "file" / "a.burst.zarr")
    with pytest.raises(BurstError, match=r"ends in \.burst\.zarr"):
        write_burst(make(), tmp_path / "a.zarr")
