"""SIDD as it lies on disk, written by the tests in the documented formats."""

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from cases.sidd import HEIGHT, PATTERNS, PROFILE, WIDTH, mosaics, write_instance, write_metadata, write_raw

from n2nf_core import raw
from n2nf_core.bursts import BurstError, BurstWarning, open_burst, write_burst
from n2nf_core.cameras import NLF
from n2nf_core.importers import read_bursts, sidd


@pytest.mark.parametrize("full", [False, True], ids=["medium", "full"])
@pytest.mark.parametrize("iphone", [False, True], ids=["android", "iphone"])
@pytest.mark.parametrize("cfa", PATTERNS)
@pytest.mark.filterwarnings("ignore:.*metadata state CFA")
def test_an_instance_comes_back_as_it_was_written(tmp_path, cfa, iphone, full):
    count = 5 if full else 2
    frames, clean = mosaics(count), mosaics(count, seed=1)
    folder = tmp_path / "Data" / f"0052_002_{'IP' if iphone else 'S6'}_01600_01000_5500_N"
    write_instance(folder, "0052", frames, cfa, 1600, full=full, clean=clean, iphone=iphone)
    for source in (folder, tmp_path / "Data", tmp_path):
        (burst,) = read_bursts(source)
        assert np.array_equal(burst.frames[:], raw.pack(raw.unify(frames, cfa)))
        assert np.array_equal(burst.planes(slice(None)), burst.frames[:])
        np.testing.assert_allclose(burst.clean, raw.pack(raw.unify(clean.mean(0), cfa)), atol=1e-6)
        assert (burst.camera, burst.iso, burst.cfa) == ("IP" if iphone else "S6", 1600, "RGGB")
        assert burst.nlf == pytest.approx(PROFILE) and isinstance(burst.nlf, NLF)
        assert (burst.scene, burst.provenance["instance"], burst.provenance["name"]) == ("sidd-002", 52, folder.name)
        assert (burst.black, burst.white) == ((0, 0, 0, 0), 1)
        assert burst.provenance["crop"] == list(raw.crop_of(cfa))


def test_planes_are_not_transposed_or_mirrored(tmp_path):
    ramp = np.linspace(0, 0.5, HEIGHT)[:, None] + np.linspace(0, 0.01, WIDTH) + mosaics(2) * 1e-5
    write_instance(tmp_path, "0001", ramp.astype(np.float32), "GRBG", 100)
    planes = read_bursts(tmp_path)[0].planes(0)[0]
    assert (planes.diff(dim=1) > 0.05).all() and (planes.diff(dim=2) > 0).all() and (planes.diff(dim=2) < 0.01).all()


def test_flat_files_of_many_instances_go_by_their_metadata(tmp_path):
    """No instance folder: number from the file names, camera and ISO from the metadata."""
    for k, (number, model, cfa) in enumerate([("0004", "SM-G925I", "GRBG"), ("0054", "iPhone 7", "RGGB")]):
        write_instance(tmp_path / "Data", number, mosaics(2, k), cfa, 100 * (k + 1), model=model, iphone=k == 1)
    found = read_bursts(tmp_path)
    assert [(b.camera, b.iso, b.scene) for b in found] == [
        ("S6", 100, "sidd-instance-0004"),
        ("IP", 200, "sidd-instance-0054"),
    ]
    train, test = sidd.split_instances(found)
    assert [b.provenance["instance"] for b in train] == [4] and [b.provenance["instance"] for b in test] == [54]


@pytest.mark.parametrize(
    ("camera", "cfa"), [("GP", "BGGR"), ("IP", "RGGB"), ("S6", "GRBG"), ("N6", "BGGR"), ("G4", "BGGR")]
)
def test_without_metadata_the_folder_name_and_the_camera_speak(tmp_path, camera, cfa):
    folder = tmp_path / f"0011_001_{camera}_00800_00350_3200_L"
    frames = mosaics(2)
    for k, frame in enumerate(frames):
        write_raw(folder / f"0011_NOISY_RAW_{k + 10:03d}.MAT", frame)
    (burst,) = read_bursts(folder)
    assert np.array_equal(burst.frames[:], raw.pack(raw.unify(frames, cfa)))
    assert (burst.camera, burst.iso, burst.clean, burst.nlf) == (camera, 800, None, None)
    assert "from the camera" in burst.provenance["notes"][0]


def test_contradicting_cfa_is_said_aloud_and_the_metadata_hold(tmp_path):
    folder = tmp_path / "0011_001_S6_00800_00350_3200_L"
    write_instance(folder, "0011", mosaics(2), "BGGR", 800)
    with pytest.warns(BurstWarning, match="metadata state CFA BGGR, S6 is known as GRBG: BGGR used"):
        (burst,) = read_bursts(folder)
    assert burst.provenance["crop"] == [1, 1] and "BGGR used" in burst.provenance["notes"][0]


def test_options_win_and_levels_with_a_reference_stay(tmp_path):
    write_instance(tmp_path, "0001", mosaics(2), "GRBG", 100, clean=mosaics(2))
    (burst,) = read_bursts(tmp_path, camera="mine", iso=50, cfa="RGGB")
    assert (burst.camera, burst.iso, burst.provenance["crop"]) == ("mine", 50, [0, 0])
    with pytest.raises(BurstError, match="fix its black and white level"):
        read_bursts(tmp_path, white=2.0)


def test_full_frames_are_read_when_asked_for_and_survive_the_store(tmp_path):
    write_instance(tmp_path / "in", "0001", mosaics(6), "GRBG", 100, full=True, first=1)
    (burst,) = read_bursts(tmp_path / "in")
    again = open_burst(write_burst(burst, tmp_path / "a.burst.zarr"))
    assert torch.equal(again.planes(slice(None)), burst.planes(slice(None)))
    (tmp_path / "in/0001_NOISY_RAW/0001_NOISY_RAW_004.MAT").unlink()
    burst.planes([0, 1, 2, 4, 5])
    with pytest.raises(BurstError, match=r"0001_NOISY_RAW_004\.MAT"):
        burst.planes(3)


@pytest.mark.parametrize("kind", ["NOISY", "GT", "METADATA"])
@pytest.mark.parametrize("part", [0.0, 0.05, 0.5, 0.98])
def test_a_truncated_file_is_named(tmp_path, kind, part):
    write_instance(tmp_path, "0001", mosaics(2), "GRBG", 100, clean=mosaics(2))
    path = tmp_path / f"0001_{kind}_RAW_010.MAT"
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BurstError, match=rf"0001_{kind}_RAW_010\.MAT: not a readable.*truncated") as error:
        read_bursts(tmp_path)
    assert "\n" not in str(error.value)


def test_damage_inside_the_frame_data_is_named(tmp_path):
    write_instance(tmp_path, "0001", mosaics(2), "GRBG", 100)
    path = tmp_path / "0001_NOISY_RAW_011.MAT"
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        info = file["x"].id.get_chunk_info(0)
    start = info.byte_offset if data[info.byte_offset : info.byte_offset + 1] == b"\x78" else info.byte_offset + 512
    data[start : start + info.size // 2] = bytes(info.size // 2)
    path.write_bytes(data)
    with pytest.raises(BurstError, match=r"0001_NOISY_RAW_011\.MAT: not a readable"):
        read_bursts(tmp_path)


def test_frames_that_do_not_serve(tmp_path):
    write_instance(tmp_path / "a", "0001", mosaics(1), "GRBG", 100)
    with pytest.raises(BurstError, match="1 frame; a noisy pair needs at least two"):
        read_bursts(tmp_path / "a")
    write_raw(tmp_path / "a/0001_NOISY_RAW_011.MAT", mosaics(1)[0, :8])
    with pytest.raises(BurstError, match="12 x 18 in 0001_NOISY_RAW_010.MAT, 8 x 18 in 0001_NOISY_RAW_011"):
        read_bursts(tmp_path / "a")
    write_instance(tmp_path / "b", "0001", mosaics(2)[:, :11], "GRBG", 100)
    with pytest.raises(BurstError, match="0001_NOISY_RAW_010.MAT: a mosaic of 11 x 18 .*crop"):
        read_bursts(tmp_path / "b")
    write_instance(tmp_path / "c", "0001", mosaics(2), "GRBG", 100)
    with pytest.raises(BurstError, match="a single .MAT is one frame: give its instance folder"):
        read_bursts(tmp_path / "c" / "0001_NOISY_RAW_010.MAT")
    (tmp_path / "c" / "0001_METADATA_RAW_010.MAT").unlink()
    with pytest.raises(BurstError, match="give camera and iso"):
        read_bursts(tmp_path / "c")
    with pytest.raises(BurstError, match="none known for camera mine: give cfa"):
        read_bursts(tmp_path / "c", camera="mine", iso=100)


def test_validation_blocks(tmp_path):
    rng = np.random.default_rng(0)
    noisy, clean = rng.random((2, 3, 4, 16, 16)).astype(np.float32)
    names = tmp_path / "ValidationNoisyBlocksRaw.mat", tmp_path / "ValidationGtBlocksRaw.mat"
    for name, blocks in zip(names, (noisy, clean), strict=True):
        scipy.io.savemat(name, {name.stem: blocks}, format="5")
    cameras, isos, cfas = ("S6", "GP", "IP"), (100, 800, 400), ("GRBG", "BGGR", "RGGB")
    found = list(sidd.validation_blocks(*names, cameras, isos, cfas))
    assert len(found) == 12
    for burst in found:
        i, k = burst.provenance["image"], burst.provenance["block"]
        assert np.array_equal(burst.planes(0)[0], raw.pack(raw.unify(noisy[i, k], cfas[i])))
        assert np.array_equal(burst.clean, raw.pack(raw.unify(clean[i, k], cfas[i])))
        assert (burst.camera, burst.iso) == (cameras[i], isos[i])
    with pytest.raises(BurstError, match="use importers.sidd.validation_blocks"):
        read_bursts(names[0])
    names[1].write_bytes(names[1].read_bytes()[:2000])
    with pytest.raises(BurstError, match=r"ValidationGtBlocksRaw\.mat: not a readable"):
        next(sidd.validation_blocks(*names, cameras, isos, cfas))


def test_the_paper_s_instances_and_the_cameras():
    assert sidd.CAMERA_CFA == {"GP": "BGGR", "IP": "RGGB", "S6": "GRBG", "N6": "BGGR", "G4": "BGGR"}
    train, test = sidd.TRAIN_INSTANCES, sidd.TEST_INSTANCES
    assert (len(train), sum(train), sum(n * n for n in train)) == (56, 5499, 767765)
    assert (len(test), sum(test), sum(n * n for n in test)) == (22, 2773, 408439)
    assert list(train) == sorted(set(train)) and list(test) == sorted(set(test)) and not set(train) & set(test)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("kind", ["NOISY", "GT"])
def test_a_file_with_values_that_are_none_is_named(tmp_path, kind, value):
    write_instance(tmp_path, "0001", mosaics(2), "GRBG", 100, clean=mosaics(2))
    bad = mosaics(1)[0]
    bad[3, 4] = value
    write_raw(tmp_path / f"0001_{kind}_RAW_011.MAT", bad)
    with pytest.raises(BurstError, match=rf"0001_{kind}_RAW_011\.MAT: it has NaN or infinite values"):
        read_bursts(tmp_path)


def test_frames_of_several_settings_are_no_instance(tmp_path):
    write_instance(tmp_path, "0001", mosaics(4), "GRBG", 100)
    for k in (12, 13):
        write_metadata(tmp_path / f"0001_METADATA_RAW_{k:03d}.MAT", "GRBG", 800)
    with pytest.raises(BurstError, match="instance 0001: its frames must have one setting.*ISO 100; ISO 800"):
        read_bursts(tmp_path)


def test_an_iso_that_the_folder_s_name_contradicts_is_said_aloud(tmp_path):
    folder = tmp_path / "0011_001_S6_00800_00350_3200_L"
    write_instance(folder, "0011", mosaics(2), "GRBG", 400)
    with pytest.warns(BurstWarning, match="metadata state ISO 400, the folder's name 800: 400 used"):
        (burst,) = read_bursts(folder)
    assert burst.iso == 400
