"""What stacks of frames share: options, types of numbers, settings, and one white level for a source."""

import pickle

import numpy as np
import pytest
import tifffile
from cases.stacks import FULL, HEIGHT, WIDTH, mosaics, one, save

from n2nf_core import raw
from n2nf_core.bursts import BurstError, LazyFrames, write_burst
from n2nf_core.importers import read_bursts, stack


def test_options_win_over_the_file_and_defaults_are_noted(tmp_path):
    path = save(tmp_path, frames=mosaics(), **FULL)
    burst = one(path, camera="mine", iso=50, black=90, white=5000, cfa="BGGR")
    assert (burst.camera, burst.iso, burst.black, burst.white) == ("mine", 50, (90,) * 4, 5000)
    assert burst.shape[2:] == (HEIGHT // 2 - 1, WIDTH // 2 - 1)
    burst = one(save(tmp_path, frames=mosaics(), white=4095))
    assert (burst.camera, burst.iso, burst.black, burst.cfa) == ("camera", 100, (0,) * 4, "MONO")
    notes = " ".join(burst.provenance["notes"])
    assert all(f"{what} not stated" in notes for what in ("black level", "CFA", "camera", "ISO"))


@pytest.mark.parametrize(("height", "width"), [(15, 24), (16, 23), (15, 23)])
@pytest.mark.parametrize("cfa", ["MONO", "RGGB", "BGGR"])
def test_a_last_row_or_column_of_odd_number_is_cut_off_and_that_is_noted(tmp_path, height, width, cfa):
    frames = mosaics(4, height, width)
    burst = one(save(tmp_path, frames=frames, clean=frames[0], **(FULL | {"cfa": cfa})))
    even = frames[:, : height // 2 * 2, : width // 2 * 2]
    assert np.array_equal(burst.frames, raw.pack(raw.unify(even, cfa)))
    np.testing.assert_allclose(burst.clean, burst.planes(0)[0], rtol=1e-6)
    assert (
        f"frames of {height} x {width} cropped to {even.shape[1]} x {even.shape[2]}, into 2x2 cells"
        in (burst.provenance["notes"])
    )


def test_options_win_over_what_cannot_be_understood(tmp_path):
    path = save(tmp_path, frames=mosaics(), white=4095, cfa="RGBW")
    with pytest.raises(BurstError, match=r"s\.npz: field cfa: CFA pattern 'RGBW' is not understood"):
        read_bursts(path)
    assert one(path, cfa="RGGB").cfa == "RGGB"


def test_float_frames_need_a_white_level(tmp_path):
    frames = (mosaics() / 4096).astype(np.float64)
    path = save(tmp_path, frames=frames)
    with pytest.raises(BurstError, match="without a white level: give white.*the largest value is 0.97"):
        read_bursts(path)
    for kind in (np.float64, np.float32, np.float16):
        burst = one(save(tmp_path, frames=frames.astype(kind)), white=1.0)
        assert burst.frames.dtype == np.float32
        np.testing.assert_allclose(burst.planes(slice(None)), raw.pack(frames.astype(kind)), rtol=1e-6)


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


def test_a_white_level_is_never_guessed_for_each_burst(tmp_path):
    """A dose series of one camera: the dim stacks do not tell the white level, the brightest clips."""
    dose = [np.minimum(mosaics(seed=k).astype(int) * scale // 4000, 4095) for k, scale in enumerate((100, 900, 3000))]
    for k, frames in enumerate(dose):
        tifffile.imwrite(tmp_path / f"dose{k}.tif", frames.astype(np.uint16), photometric="minisblack")
    with pytest.raises(BurstError, match="not stated, and the largest value, 29.*give white.*WHITE=4095"):
        read_bursts(tmp_path)
    assert {burst.white for burst in read_bursts(tmp_path, white=4095)} == {4095}
    clipped = np.minimum(mosaics(seed=3).astype(int) * 2, 4095).astype(np.uint16)
    tifffile.imwrite(tmp_path / "dose3.tif", clipped, photometric="minisblack")
    with pytest.warns(UserWarning, match="saturated"):
        found = read_bursts(tmp_path)
    assert [burst.white for burst in found] == [4095] * 4
    assert all("values pile up" in " ".join(burst.provenance["notes"]) for burst in found)


def test_a_white_level_that_one_stack_of_a_source_states_holds_for_the_others(tmp_path):
    tags = [(50717, "H", 1, 4095, True)]
    tifffile.imwrite(tmp_path / "a.tif", mosaics(), photometric="minisblack", extratags=tags)
    tifffile.imwrite(tmp_path / "b.tif", mosaics(seed=1), photometric="minisblack")
    found = read_bursts(tmp_path)
    assert [burst.white for burst in found] == [4095, 4095]
    assert "that of the source's other bursts" in " ".join(found[1].provenance["notes"])


def test_frames_of_two_gains_at_one_iso_are_not_one_camera(tmp_path):
    path = save(tmp_path, frames=mosaics(4), **{**FULL, "iso": 100}, gain=[0.0, 0.0, 300.0, 300.0])
    found = read_bursts(path)
    assert [burst.camera for burst in found] == ["cam, gain 0", "cam, gain 300"]
    assert [burst.provenance["gain"] for burst in found] == [0, 300]
    assert len({burst.provenance["name"] for burst in found}) == 2 and len({burst.scene for burst in found}) == 1
    assert [burst.camera for burst in read_bursts(path, iso=400)] == ["cam", "cam"]
    path = save(tmp_path, frames=mosaics(4), **{**FULL, "iso": [1, 1, 2, 2]}, gain=[0.0, 0.0, 300.0, 300.0])
    assert [(burst.camera, burst.iso) for burst in read_bursts(path)] == [("cam", 1), ("cam", 2)]


def test_large_bursts_stay_in_their_files(tmp_path, monkeypatch):
    path = tmp_path / "s.npz"
    np.savez(path, frames=mosaics(), **{**FULL, "cfa": "GBRG"})
    held = one(path)
    assert isinstance(held.frames, np.ndarray)
    monkeypatch.setattr(stack, "HELD", held.frames.nbytes - 1)
    lazy = one(path)
    assert isinstance(lazy.frames, LazyFrames) and lazy.shape == held.shape
    assert np.array_equal(pickle.loads(pickle.dumps(lazy.frames))[:], held.frames)


def test_levels_of_a_burst_with_a_reference_stay(tmp_path):
    burst = one(save(tmp_path, frames=mosaics(), clean=mosaics()[0], **FULL))
    path = write_burst(burst, tmp_path / "a.burst.zarr")
    with pytest.raises(BurstError, match="fix its black and white level"):
        read_bursts(path, white=5000)
