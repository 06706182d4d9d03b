"""The burst format: in memory, on disk, checks, splits."""

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

from n2nf_core.bursts import (
    Burst,
    BurstCheck,
    BurstError,
    BurstWarning,
    check_burst,
    open_burst,
    splits,
    store,
    write_burst,
)
from n2nf_core.cameras import NLF

BLACK, WHITE = (60.0, 62.0, 64.0, 66.0), 1023.0


def make(count: int = 5, height: int = 12, width: int = 10, seed: int = 0, **changes) -> Burst:
    rng = np.random.default_rng(seed)
    frames = rng.integers(40, 900, (count, 4, height, width)).astype(np.uint16)
    clean = rng.random((4, height, width)).astype(np.float32)
    burst = Burst(frames, BLACK, WHITE, "RGGB", "S6", 800.0, "desk", clean, NLF(1e-3, 2e-6), {"notes": ["made"]})
    return replace(burst, **changes)


@pytest.fixture
def stored(tmp_path):
    burst = make()
    return burst, write_burst(burst, tmp_path / "a.burst.zarr")


def test_planes_are_in_units_between_black_and_white():
    burst = make()
    expected = (burst.frames.astype(np.float64) - np.array(BLACK)[:, None, None]) / (
        WHITE - np.array(BLACK)[:, None, None]
    )
    planes = burst.planes(slice(None))
    assert planes.dtype == torch.float32 and planes.min() < 0
    np.testing.assert_allclose(planes, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("lazy", [False, True])
def test_planes_index_like_the_frames(stored, lazy):
    burst = open_burst(stored[1]) if lazy else stored[0]
    everything = burst.planes(slice(None))
    assert len(burst) == 5 and burst.shape == (5, 4, 12, 10)
    for index in (2, -1, slice(1, 4), slice(None, None, 2), [3, 0]):
        wanted = torch.arange(5)[index].reshape(-1)
        assert torch.equal(burst.planes(index), everything[wanted])
    with pytest.raises(IndexError):
        burst.planes(5)


def test_leave_one_out_is_the_mean_of_the_others():
    burst = make()
    planes = burst.planes(slice(None)).double()
    for t in range(5):
        others = planes[[k for k in range(5) if k != t]].mean(0)
        torch.testing.assert_close(burst.leave_one_out(t)[0].double(), others, rtol=0, atol=1e-6)
    assert burst.leave_one_out(slice(None)).shape == burst.shape


@pytest.mark.parametrize("lazy", [False, True])
def test_crop_is_a_window_in_plane_coordinates(stored, lazy):
    burst = open_burst(stored[1]) if lazy else stored[0]
    part = burst.crop(slice(2, 10), slice(1, 9)).crop(slice(1, 4))
    assert part.shape == (5, 4, 3, 8) and part.provenance["window"] == [[3, 6], [1, 9]]
    assert torch.equal(part.planes(slice(None)), stored[0].planes(slice(None))[:, :, 3:6, 1:9])
    assert np.array_equal(part.clean, stored[0].clean[:, 3:6, 1:9])
    assert torch.equal(part.leave_one_out(1), stored[0].leave_one_out(1)[:, :, 3:6, 1:9])


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


def test_frames_come_straight_from_their_chunk_files(stored, monkeypatch):
    burst = open_burst(stored[1])
    monkeypatch.setattr(zarr.Array, "__getitem__", None)
    assert np.array_equal(burst.frames[:], stored[0].frames)


def test_a_chunk_of_another_size_is_an_error(stored, tmp_path):
    other = write_burst(make(height=6), tmp_path / "b.burst.zarr")
    (stored[1] / "frames/c/2/0/0/0").write_bytes((other / "frames/c/2/0/0/0").read_bytes())
    with pytest.raises(BurstError, match="frame 2 is damaged"):
        open_burst(stored[1]).planes(2)


@pytest.mark.parametrize("workers", [1, 3])
def test_frames_are_checked_and_digested_on_their_way_to_the_store(tmp_path, workers):
    burst = make(white=880.0)
    with pytest.warns(BurstWarning, match="of the values are saturated"):
        path = write_burst(burst, tmp_path / "a.burst.zarr", check=BurstCheck(burst), workers=workers)
    known = open_burst(path).provenance
    assert known["saturated_fraction"] == pytest.approx(burst.saturated_fraction())
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


# What cannot be a burst, and what cannot teach a noise model.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": np.zeros((5, 24, 20), np.uint16)}, r"packed planes \(T, 4, h, w\)"),
        ({"frames": np.zeros((5, 4, 12, 10))}, "uint16 or float32, got float64"),
        ({"cfa": "GRBG"}, "unify it first"),
        ({"iso": 0.0}, "ISO must be a positive number"),
        ({"iso": float("nan")}, "ISO must be a positive number"),
        ({"white": 66.0}, "white level 66 must lie above black level 66"),
        ({"white": float("nan")}, "white level nan"),
        ({"black": (1.0, 2.0)}, "one number or four"),
        ({"clean": np.zeros((4, 6, 5), np.float32)}, r"clean is \(4, 6, 5\)"),
    ],
)
def test_a_burst_refuses(changes, message):
    with pytest.raises(BurstError, match=f"desk: .*{message}"):
        make(**changes)


def bad(change) -> Burst:
    frames = make().frames.astype(np.float32)
    frames = change(frames)
    return make(frames=frames)


def put(index, value):
    def change(frames):
        frames[index] = value
        return frames

    return change


@pytest.mark.parametrize(
    ("burst", "message"),
    [
        (lambda: make(count=1), "1 frame; a noisy pair needs at least two"),
        (lambda: bad(put((3, 1, 2, 2), np.nan)), "frame 3 has NaN"),
        (lambda: bad(put((4, 0, 0, 0), np.inf)), "frame 4 has NaN or infinite"),
        (lambda: bad(put(2, 500)), r"frame 2 is constant \(all values 500\)"),
        (lambda: bad(lambda f: f[[0, 1, 2, 1]]), "frames 1 and 3 are identical"),
        (lambda: make(white=300.0), "of the values are saturated"),
        (lambda: make(black=899.0), "lies below the black level 899"),
        (lambda: make(black=(60, 62, 899, 66)), "lies below the black level 899"),
    ],
)
def test_check_burst_refuses(burst, message):
    with pytest.raises(BurstError, match=f"desk: .*{message}") as error:
        check_burst(burst())
    assert "\n" not in str(error.value)


def test_check_burst_warns_of_some_saturation_and_passes_the_rest(recwarn):
    check_burst(make())
    check_burst(make(black=450.0))  # half of the values negative: a dark frame is like that
    assert not recwarn.list
    burst = make(white=880.0)
    assert 0.01 < burst.saturated_fraction() < 0.05
    with pytest.warns(BurstWarning, match="of the values are saturated"):
        check_burst(burst)


def test_saturated_fraction_counts_values_at_white():
    burst = make()
    assert burst.saturated_fraction() == 0
    burst.frames[:, 0] = int(WHITE)
    assert burst.saturated_fraction() == 0.25


# Splits.


def test_split_scenes_keeps_a_scene_on_one_side():
    many = [make(count=2, scene=f"s{k % 7}", seed=k) for k in range(20)]
    train, test = splits.split_scenes(many, 0.3, seed=1)
    assert len(train) + len(test) == 20 and len({b.scene for b in test}) == 2
    assert not {b.scene for b in train} & {b.scene for b in test}
    again = splits.split_scenes(many[::-1], 0.3, seed=1)[1]
    assert {b.scene for b in again} == {b.scene for b in test}
    assert len({splits.split_scenes(many, 0.3, seed)[1][0].scene for seed in range(10)}) > 1
    with pytest.raises(BurstError, match="needs two scenes"):
        splits.split_scenes(many[:1], 0.3, seed=1)


def test_split_regions_takes_the_last_rows_behind_a_gap():
    burst = make(height=20)
    train, test = splits.split_regions(burst, 0.25, gap=2)
    assert train.provenance["window"] == [[0, 13], [0, 10]] and test.provenance["window"] == [[15, 20], [0, 10]]
    assert torch.equal(test.planes(0), burst.planes(0)[:, :, 15:])
    assert torch.equal(train.planes(0), burst.planes(0)[:, :, :13])
    with pytest.raises(BurstError, match="leave none to train on"):
        splits.split_regions(burst, 0.9, gap=5)
    for fraction in (0, 1, -0.5):
        with pytest.raises(BurstError, match="between 0 and 1"):
            splits.split_regions(burst, fraction)
