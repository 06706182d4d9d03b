"""NPZ files: what they hold comes back, and what cannot serve is refused in one line."""

import zipfile

import numpy as np
import pytest
import torch
from cases.stacks import FULL, mosaics, one, save

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.importers import read_bursts


@pytest.mark.parametrize("cfa", raw.CFAS)
def test_npz_gives_the_planes_it_holds(tmp_path, cfa):
    frames = mosaics()
    black = [100, 110, 120, 130]
    path = save(tmp_path, frames=frames, **{**FULL, "cfa": cfa, "black": black}, clean=frames[0] * 1.0)
    burst = one(path)
    assert np.array_equal(burst.frames, raw.pack(raw.unify(frames, cfa)))
    assert burst.black == raw.unify_levels(black, cfa) and burst.white == 4095
    assert (burst.camera, burst.iso, burst.cfa) == ("cam", 400, raw.unified(cfa))
    assert torch.equal(torch.from_numpy(burst.clean), burst.planes(0)[0])
    assert burst.provenance["crop"] == list(raw.crop_of(cfa)) and burst.provenance["notes"] == []
    assert len(burst.provenance["sha256"]) == 64 and burst.provenance["source"] == "s.npz"


def test_npz_settings_become_one_burst_each(tmp_path):
    frames, setting = mosaics(7), np.array([1, 0, 1, 0, 1, 2, 2])
    path = save(tmp_path, frames=frames, setting=setting, settings=np.array(["dim", "bright", "dark"]), **FULL)
    found = read_bursts(path)
    assert [burst.scene for burst in found] == ["s dim", "s bright", "s dark"]
    assert [len(burst) for burst in found] == [2, 3, 2]
    assert np.array_equal(found[1].frames, raw.pack(frames[setting == 1]))


def test_npz_refuses_objects_and_never_unpickles(tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    frames = np.empty(2, object)
    frames[:] = [np.zeros((4, 4)), Harm()]
    path = tmp_path / "s.npz"
    np.savez(path, frames=frames, allow_pickle=True)
    with pytest.raises(BurstError, match=r"s\.npz: it holds Python objects.*frames of different size"):
        read_bursts(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pairs": mosaics()}, "needs the key frames"),
        ({"frames": mosaics()[0]}, r"frames must be numbers \(T, H, W\)"),
        ({"frames": mosaics().astype("U5")}, "frames must be numbers"),
        ({"frames": mosaics(1)}, "1 frame; a noisy pair needs at least two"),
        ({"frames": mosaics(4, 1, 3)}, "1 x 3 pixels has no 2x2 cell"),
        ({"frames": mosaics(), "cfa": "RGBW"}, "CFA pattern 'RGBW' is not understood"),
        ({"frames": mosaics(), "black": [1, 2]}, "black level must be one number or four"),
        ({"frames": mosaics(), "black": 5000}, "white level 4095 must lie above black level 5000"),
        ({"frames": mosaics(), "black": 4050}, "lies below the black level"),
        ({"frames": mosaics(), "white": 400}, "are saturated"),
        ({"frames": np.full((3, 8, 8), 7, np.uint16)}, "is constant"),
        ({"frames": mosaics()[[0, 0]]}, "are identical"),
        ({"frames": np.where(mosaics() < 90, np.nan, mosaics())}, "NaN"),
        ({"frames": mosaics().astype(np.int64) * 10**6}, "do not fit into float32"),
        ({"frames": mosaics(), "clean": mosaics()[0, :8]}, "clean is"),
        ({"frames": mosaics(), "setting": np.zeros(3, int)}, "setting has shape"),
    ],
)
def test_npz_refuses_in_one_line(tmp_path, arrays, message):
    stated = {"white": 4095, **arrays}
    with pytest.raises(BurstError, match=message) as error:
        read_bursts(save(tmp_path, **stated))
    assert "\n" not in str(error.value)


def test_a_truncated_npz(tmp_path):
    path = save(tmp_path, frames=mosaics())
    data = path.read_bytes()
    for keep in (10, len(data) // 2, len(data) - 30):
        path.write_bytes(data[:keep])
        with pytest.raises(BurstError, match=r"s\.npz: not a readable NPZ file") as error:
            read_bursts(path)
        assert "\n" not in str(error.value)


def test_the_real_microscope_stack(real_data):
    assert one(real_data / "acsn_scmos_tirf_200hz.npz").white == 65535  # as the file states
    burst = one(real_data / "acsn_scmos_tirf_200hz.npz", white=200)
    frames = np.load(real_data / "acsn_scmos_tirf_200hz.npz")["frames"]
    assert (burst.white, burst.black, burst.cfa) == (200, (100,) * 4, "MONO")
    np.testing.assert_allclose(burst.planes(slice(None)), raw.pack((frames - 100.0) / 100), rtol=1e-6, atol=1e-7)


def test_the_real_flat_fields(real_data):
    found = read_bursts(real_data / "nikon_d7000_iso100_flats.npz")
    assert len(found) == 41 and sorted(map(len, found))[:2] == [5, 6]
    assert {(burst.cfa, burst.white, burst.iso) for burst in found} == {("RGGB", 16383, 100)}
    assert len({burst.scene for burst in found}) == 41
    means = found[20].planes(slice(None)).mean((0, 2, 3))  # a white card: both greens alike, red and blue not
    assert abs(means[1] / means[2] - 1) < 0.02 < abs(means[0] / means[1] - 1)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"iso": "ISO 800"}, {"iso": 800}),
        ({"white": [1023] * 4, "frames": mosaics() // 4}, {"white": 1023}),
        ({"cfa": [[0, 1], [1, 2]]}, {"cfa": "RGGB"}),
        ({"cfa": np.array(["GBRG"])}, {"cfa": "RGGB"}),
        ({"Black_Level": 64.5}, {"black": (64.5,) * 4}),
    ],
)
def test_npz_fields_in_other_spellings(tmp_path, fields, wanted):
    burst = one(save(tmp_path, **{"frames": mosaics(), "white": 4095, **fields}))
    assert {name: getattr(burst, name) for name in wanted} == wanted


def test_npz_fields_that_are_not_known_are_noted(tmp_path):
    burst = one(save(tmp_path, frames=mosaics(), blck=64, **FULL))
    assert burst.provenance["notes"] == ["field blck is not known and not used"]


@pytest.mark.parametrize("setting", [[0.0, 1.0, 0.0, 1.0], np.array([0, 1, 0, 1], np.uint8), ["a", "b", "a", "b"]])
def test_npz_settings_may_be_floats_and_texts(tmp_path, setting):
    found = read_bursts(save(tmp_path, frames=mosaics(), setting=setting, settings=["a", "b"], **FULL))
    assert [burst.scene for burst in found] == ["s a", "s b"]
    assert [burst.provenance["name"] for burst in found] == ["s_000", "s_001"]
    assert all(np.array_equal(burst.frames, raw.pack(mosaics()[k::2])) for k, burst in enumerate(found))


def test_npz_fields_with_one_value_per_frame(tmp_path):
    black = np.repeat([[60, 61, 62, 63], [64, 64, 64, 64]], 2, 0)
    dim, bright = read_bursts(save(tmp_path, frames=mosaics(), white=4095, exposure_s=[1, 2, 1, 2], black=black))
    assert dim.black == bright.black == (64,) * 4 and dim.provenance["exposure_s"] == 1
    own = dim.frames.astype(int) - 64
    shifts = black[[0, 2]][:, :, None, None]
    assert np.array_equal(own, raw.pack(mosaics()[[0, 2]]).astype(int) - shifts)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"frames": mosaics()[:0]}, "it holds no frames, its shape is 0 x 16 x 24"),
        ({"Frames": mosaics()}, r"needs the key frames \(T, H, W\), but it has white \(\), Frames \(4, 16, 24\)"),
        ({"frames": mosaics(), "setting": [0, np.nan, 0, 1]}, "setting has NaN"),
        ({"frames": mosaics(), "setting": [0, 1, 0, 1], "settings": ["a"]}, "value 1, but settings has 1 texts"),
        ({"frames": mosaics(), "clean": np.zeros(3)}, r"clean is float64 \(3,\), but a frame is \(16, 24\)"),
        ({"frames": mosaics(), "clean": np.full((16, 24), "x")}, "clean is <U1"),
        ({"frames": mosaics().astype(complex)}, "frames must be numbers"),
        ({"frames": mosaics(), "white": []}, "field white: it is empty"),
        ({"frames": mosaics() // 2, "white": "much"}, "field white: 'much' is not a number"),
    ],
)
def test_npz_refuses_wrong_fields_in_one_line(tmp_path, arrays, message):
    with pytest.raises(BurstError, match=rf"s\.npz: .*{message}") as error:
        read_bursts(save(tmp_path, **{"white": 4095, **arrays}))
    assert "\n" not in str(error.value)


def test_npz_axes_of_length_one_do_not_matter(tmp_path):
    frames, column = mosaics(), np.array([[1], [1], [2], [2]])
    found = read_bursts(save(tmp_path, frames=frames, **FULL, exposure_s=column))
    assert [burst.provenance["exposure_s"] for burst in found] == [1, 2]
    assert [len(burst) for burst in read_bursts(save(tmp_path, frames=frames, **FULL, setting=column))] == [2, 2]


@pytest.mark.parametrize("write", [np.save, lambda path, frames: np.savez(path, frames=frames)])
@pytest.mark.parametrize(("shape", "warned"), [((64, 96, 4), True), ((64, 4, 96), True), ((4, 16, 64), False)])
def test_time_as_another_axis_than_the_first_is_pointed_out(tmp_path, recwarn, write, shape, warned):
    frames = mosaics(*shape)
    path = tmp_path / ("s.npy" if write is np.save else "s.npz")
    write(path, frames)
    assert one(path, white=4095).frames.shape[0] == shape[0]
    said = [str(warning.message) for warning in recwarn if "np.moveaxis" in str(warning.message)]
    assert (
        said
        == [
            f"{path}: {shape[0]} frames of {shape[1]} x {shape[2]}: if another axis is time, "
            "bring it to the front (np.moveaxis)"
        ]
        * warned
    )


def test_a_zip_file_of_something_else_has_no_frames(tmp_path):
    with zipfile.ZipFile(tmp_path / "s.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(BurstError, match=r"s\.npz: an NPZ stack needs the key frames \(T, H, W\), but it has no keys"):
        read_bursts(tmp_path / "s.npz")


def test_npy_files_are_bare_stacks_or_frames(tmp_path):
    np.save(tmp_path / "s.npy", mosaics())
    assert np.array_equal(one(tmp_path / "s.npy", white=4095).frames, raw.pack(mosaics()))
    (tmp_path / "many").mkdir()
    for t, frame in enumerate(mosaics(12)):
        np.save(tmp_path / "many" / f"frame_{t + 1}.npy", frame)
    burst = one(tmp_path / "many", white=4095)
    assert np.array_equal(burst.frames, raw.pack(mosaics(12))) and burst.provenance["importer"] == "npy"


def test_packaged_sets_of_another_form_name_their_keys(real_data):
    with pytest.raises(BurstError, match=r"needs the key frames.*disks \(7, 344, 408\), dark \(7, 2, 344, 408\)"):
        read_bursts(real_data / "flea3_icx655_exposure_series_8bit.npz")
    with pytest.raises(BurstError, match=r"needs the key frames.*gain1 \(5000, 3, 3\)"):
        read_bursts(real_data / "emccd_gain_series_and_1x.npz")


def test_a_real_camera_of_eight_bits(real_data, tmp_path):
    arrays = np.load(real_data / "flea3_icx655_exposure_series_8bit.npz")
    burst = one(save(tmp_path, frames=arrays["dark"][-1], cfa="GBRG"))
    assert (burst.white, burst.cfa) == (255, "RGGB") and burst.frames[:].min() == 0  # clipped at black
    with pytest.raises(BurstError, match=r"frames differ, exposure 0.025 s in frame 0, exposure 0.05 s in frame 1"):
        read_bursts(
            save(tmp_path, frames=arrays["disks"], exposure_s=np.array([25, 50, 100, 250, 500, 999, 2000]) / 1e3)
        )


def test_a_real_camera_at_several_gains(real_data, tmp_path):
    arrays = np.load(real_data / "emccd_gain_series_and_1x.npz")
    frames = np.concatenate([arrays[f"gain{gain}"][:50, :2, :2] for gain in (1, 5, 300)])
    found = read_bursts(save(tmp_path, frames=frames, gain=np.repeat([1.0, 5.0, 300.0], 50), camera="EM", white=65535))
    assert [burst.camera for burst in found] == ["EM, gain 1", "EM, gain 5", "EM, gain 300"]
    assert [len(burst) for burst in found] == [50] * 3 and found[2].frames[:].mean() > 20 * found[1].frames[:].mean()
