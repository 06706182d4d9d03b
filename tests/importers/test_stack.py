"""What stacks of frames share: options, types of numbers, and the range that a sensor works in."""

import numpy as np
import pytest
from cases.stacks import FULL, HEIGHT, WIDTH, mosaics, one, save

from n2nf_core import raw
from n2nf_core.bursts import BurstError, BurstWarning, write_burst
from n2nf_core.importers import read_bursts
from n2nf_core.importers.stack import working_range


def test_options_win_over_the_file_and_defaults_are_noted(tmp_path):
    path = save(tmp_path, frames=mosaics(), **FULL)
    burst = one(path, camera="mine", iso=50, black=90, white=5000, cfa="BGGR")
    assert (burst.camera, burst.iso, burst.black, burst.white) == ("mine", 50, (90,) * 4, 5000)
    assert burst.shape[2:] == (HEIGHT // 2 - 1, WIDTH // 2 - 1)
    burst = one(save(tmp_path, frames=mosaics(), white=4095))
    assert (burst.camera, burst.iso, burst.black, burst.cfa) == ("camera", 100, (0,) * 4, "MONO")
    notes = " ".join(burst.provenance["notes"])
    assert all(f"{what} not stated" in notes for what in ("black level", "CFA", "camera", "ISO"))


def test_float_frames_need_a_white_level(tmp_path):
    frames = (mosaics() / 4096).astype(np.float64)
    path = save(tmp_path, frames=frames)
    with pytest.raises(BurstError, match="without a white level: give white"):
        read_bursts(path)
    burst = one(path, white=1.0)
    assert burst.frames.dtype == np.float32
    np.testing.assert_allclose(burst.planes(slice(None)), raw.pack(frames), rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "stored"), [("uint8", "uint16"), ("int16", "uint16"), (">u2", "uint16"), ("int32", "uint16")]
)
def test_integer_types_become_uint16(tmp_path, dtype, stored):
    frames = (mosaics() // 16).astype(dtype)
    burst = one(save(tmp_path, frames=frames, white=255), black=0)
    assert burst.frames.dtype == stored and np.array_equal(burst.frames, raw.pack(frames))


def test_negative_integers_become_float32(tmp_path):
    frames = mosaics().astype(np.int16) - 1000
    burst = one(save(tmp_path, frames=frames, white=3000))
    assert burst.frames.dtype == np.float32 and burst.planes(0).min() < 0


@pytest.mark.parametrize(
    ("limit", "black", "brightest", "white"),
    [
        (65535, 100, 181, 200),
        (65535, 0, 100, 100),
        (65535, 0, 101, 200),
        (65535, 0, 1023, 2000),
        (65535, 0, 4095, 5000),
        (65535, 0, 8191, 10000),
        (65535, 0, 8192, 65535),
        (255, 0, 31, 50),
        (255, 0, 32, 255),
        (255, 200, 100, 255),
    ],
)
def test_working_range(limit, black, brightest, white):
    assert working_range(limit, black, brightest) == white


def test_the_container_limit_gives_way_to_the_working_range(tmp_path):
    frames = mosaics() // 40  # at most 99
    for stated in ({}, {"white": 65535}):
        with pytest.warns(BurstWarning, match="white level 100 from the brightest pixel 99"):
            burst = one(save(tmp_path, frames=frames, **stated))
        assert burst.white == 100 and "white level 100" in burst.provenance["notes"][-4:][0] + str(burst.provenance)
    assert one(save(tmp_path, frames=frames), white=65535).white == 65535
    assert one(save(tmp_path, frames=frames, white=65534)).white == 65534


def test_levels_of_a_burst_with_a_reference_stay(tmp_path):
    burst = one(save(tmp_path, frames=mosaics(), clean=mosaics()[0], **FULL))
    path = write_burst(burst, tmp_path / "a.burst.zarr")
    with pytest.raises(BurstError, match="fix its black and white level"):
        read_bursts(path, white=5000)
