"""Frames that stay in their files."""

import numpy as np
import pytest

from n2nf_core.bursts import BurstError
from n2nf_core.importers.frames import ChosenFrames, JoinedFrames, PlainFrames, check_declared


@pytest.fixture
def plain(tmp_path):
    """(frames of a file of big-endian numbers behind a header of 7 bytes, the same in memory)."""
    held = np.random.default_rng(0).integers(0, 4000, (3, 4, 6)).astype(">u2")
    path = tmp_path / "f.bin"
    path.write_bytes(b"7 bytes" + held.tobytes())
    return PlainFrames([(path, 7 + t * held[0].nbytes) for t in range(3)], held.dtype, (4, 6)), held


def test_frames_are_read_from_their_places(plain):
    frames, held = plain
    assert frames.shape == held.shape and len(frames) == 3 and frames.dtype == held.dtype
    assert all(np.array_equal(frames[t], held[t]) for t in range(3))


def test_a_file_that_has_become_shorter(plain):
    frames = plain[0]
    path = frames.places[0][0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BurstError, match="f.bin: frame 2 ends before its last pixel"):
        frames[2]


def test_frames_are_joined_and_chosen(plain):
    frames, held = plain
    joined = JoinedFrames([frames, held[:1]])
    assert joined.shape == (4, 4, 6) and joined.dtype == held.dtype
    for t, value in enumerate([*held, held[0]]):
        assert np.array_equal(joined[t], value)
    with pytest.raises(IndexError):
        joined[4]
    chosen = ChosenFrames(joined, [3, 1])
    assert chosen.shape == (2, 4, 6) and len(chosen) == 2 and chosen.dtype == held.dtype
    assert np.array_equal(chosen[0], held[0]) and np.array_equal(chosen[1], held[1])


def test_a_header_cannot_declare_more_than_its_file_holds(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(bytes(100))
    check_declared(path, 100)
    check_declared(path, 100_000, packed=100)
    for nbytes, packed in ((101, None), (10**12, 100), (10**12, 10**12)):  # the entry for a size may itself be wrong
        with pytest.raises(
            BurstError, match="f: its header declares .* bytes of pixels, but the file can hold at most"
        ):
            check_declared(path, nbytes, packed=packed)
