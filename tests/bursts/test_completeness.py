"""What a store declares is compared with its files before anything is read: other chunks, shards, links, sizes."""

import json
import os

import numpy as np
import pytest
import zarr

from n2nf_core.bursts import BurstError, open_burst
from n2nf_core.bursts.completeness import MOST_BYTES


def stored_otherwise(stored, **encoding):
    """The burst's frames in a store that another program wrote; the checksum of its record is not that of ours."""
    burst, path = stored
    group = zarr.open_group(path, mode="r+")
    del group["frames"]
    group.create_array("frames", shape=burst.shape, dtype=np.uint16, **encoding)[:] = burst.frames
    return path


def declare(path, array="frames", **changes):
    """Let the metadata of an array declare something else."""
    file = path / array / "zarr.json"
    metadata = json.loads(file.read_text())
    if "chunk_shape" in changes:
        metadata["chunk_grid"]["configuration"]["chunk_shape"] = changes.pop("chunk_shape")
    file.write_text(json.dumps(metadata | changes))


@pytest.mark.parametrize("missing", ["c/0/0/0/0", "c/3/0/1/1", "c/4/0/2/1"])
def test_any_chunk_of_a_smaller_grid_may_be_the_missing_one(stored, missing):
    path = stored_otherwise(stored, chunks=(1, 4, 5, 6))
    assert np.array_equal(open_burst(path).frames[:], stored[0].frames)
    (path / "frames" / missing).unlink()
    with pytest.raises(BurstError, match=rf"1 of 30 chunks of frames are missing \(first {missing}\)"):
        open_burst(path)


@pytest.mark.parametrize("place", ["start", "end"])
def test_inner_chunks_of_a_shard_may_be_the_missing_ones(stored, place):
    """Shards of 8 x 8 in frames of 12 x 10: inner chunks beyond the frame's edge are missing in a whole store, too."""
    sharding = {"shape": (1, 4, 8, 8), "index_location": place}
    path = stored_otherwise(stored, chunks=(1, 4, 4, 4), shards=sharding)
    assert np.array_equal(open_burst(path).frames[:], stored[0].frames)
    zeros = np.array(stored[0].frames)
    zeros[2, :, 4:8, :4] = 0  # Zarr leaves out an inner chunk of zeros, so that it is missing afterwards
    zarr.open_group(path, mode="r+")["frames"][:] = zeros
    with pytest.raises(BurstError, match=r"frames/c/2/0/0/0: inner chunks of this shard are missing"):
        open_burst(path)


@pytest.mark.parametrize(("keep", "message"), [(20, "shorter than the index"), (-1, "index of the shard is damaged")])
def test_a_truncated_shard(stored, keep, message):
    path = stored_otherwise(stored, chunks=(1, 4, 4, 4), shards=(1, 4, 8, 8))
    file = path / "frames/c/1/0/1/0"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(BurstError, match=f"frames/c/1/0/1/0: .*{message}"):
        open_burst(path)


def test_a_shard_whose_index_points_beyond_its_end(stored):
    from google_crc32c import value

    path = stored_otherwise(stored, chunks=(1, 4, 4, 4), shards=(1, 4, 8, 8))
    file = path / "frames/c/1/0/0/0"
    data = file.read_bytes()
    index = np.frombuffer(data[-68:-4], "<u8").copy()
    index[0] += 10_000
    file.write_bytes(data[:-68] + index.tobytes() + value(index.tobytes()).to_bytes(4, "little"))
    with pytest.raises(BurstError, match="frames/c/1/0/0/0: it is truncated"):
        open_burst(path)


def test_shards_in_shards_are_refused(stored):
    path = stored_otherwise(stored, chunks=(1, 4, 4, 4), shards=(1, 4, 8, 8))
    metadata = json.loads((path / "frames/zarr.json").read_text())
    inner = json.loads(json.dumps(metadata["codecs"][0]))
    inner["configuration"]["chunk_shape"] = [1, 4, 2, 2]
    metadata["codecs"][0]["configuration"]["codecs"] = [inner]
    (path / "frames/zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(BurstError, match="encoded in a way that is not supported"):
        open_burst(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": [10**8, 4, 12, 10]}, r"at least \d+ of 100000000 chunks of frames are missing \(first c/5/0/0/0\)"),
        ({"shape": [10**18, 4, 12, 10], "chunk_shape": [1, 1, 1, 1]}, "at least .* chunks of frames are missing"),
        ({"shape": [10**8, 4, 12, 10], "chunk_shape": [10**8, 4, 12, 10]}, "chunk of frames is .* too large"),
        ({"shape": [5, 4, 10**6, 10**6], "chunk_shape": [1, 4, 10**6, 10**6]}, "frame of frames is .* too large"),
        ({"shape": [5, 4, 0, 10]}, "frames is empty"),
        ({"shape": [5, 4, 12], "chunk_shape": [1, 4, 12]}, "chunks of frames are missing"),
        ({"data_type": "int64"}, "settings are not those that were written"),
    ],
)
def test_declared_sizes_are_checked_before_memory_is_taken(stored, changes, message):
    declare(stored[1], **changes)
    with pytest.raises(BurstError, match=message) as error:
        open_burst(stored[1])
    assert "\n" not in str(error.value) and str(stored[1]) in str(error.value)


def test_the_largest_frame_is_a_large_one():
    assert MOST_BYTES == 4 * 2 * 250e6 + 147483648  # 250 megapixels in float32 twice


@pytest.mark.parametrize("inner", ["frames/c/2/0/0/0", "frames/c/2", "frames", "zarr.json"])
def test_a_symbolic_link_in_a_store_is_refused(stored, tmp_path, inner):
    path = stored[1] / inner
    outside = tmp_path / "outside"
    os.replace(path, outside)
    path.symlink_to(outside)
    with pytest.raises(BurstError, match=f"a.burst.zarr: {inner} is a symbolic link"):
        open_burst(stored[1])


def test_the_store_itself_may_be_linked_to(stored, tmp_path):
    (tmp_path / "b.burst.zarr").symlink_to(stored[1])
    assert np.array_equal(open_burst(tmp_path / "b.burst.zarr").frames[:], stored[0].frames)
