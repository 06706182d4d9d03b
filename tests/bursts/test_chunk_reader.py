"""Frames come straight from their chunk files, and a file that is none is an error."""

import numpy as np
import pytest
import zarr
from cases.bursts import make

from n2nf_core.bursts import (
    BurstError,
    open_burst,
    write_burst,
)


def test_frames_come_straight_from_their_chunk_files(stored, monkeypatch):
    burst = open_burst(stored[1])
    monkeypatch.setattr(zarr.Array, "__getitem__", None)
    assert np.array_equal(burst.frames[:], stored[0].frames)


def test_a_chunk_of_another_size_is_an_error(stored, tmp_path):
    other = write_burst(make(height=6), tmp_path / "b.burst.zarr")
    (stored[1] / "frames/c/2/0/0/0").write_bytes((other / "frames/c/2/0/0/0").read_bytes())
    with pytest.raises(BurstError, match="frame 2 is damaged"):
        open_burst(stored[1]).planes(2)
