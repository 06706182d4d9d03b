"""Camera RAW: minimal DNG files that the real LibRaw opens."""

import numpy as np
import pytest
from cases.dng import fractions, write_dng
from cases.stacks import PATTERNS, mosaics, one

from n2nf_core import raw
from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.cameras import NLF
from n2nf_core.importers import read_bursts


def dng_folder(folder, count=3, height=64, width=96, **how):
    frames = mosaics(count, height, width)
    for t, frame in enumerate(frames):
        write_dng(folder / f"f{t}.dng", frame, **how)
    return frames


@pytest.mark.parametrize("cfa", PATTERNS)
def test_dng_gives_planes_levels_and_settings(tmp_path, cfa):
    frames = dng_folder(tmp_path, cfa=cfa)
    burst = one(tmp_path)
    assert np.array_equal(burst.frames[:], raw.pack(raw.unify(frames, cfa)))
    assert burst.black == raw.unify_levels((60, 61, 62, 63), cfa) and burst.white == 4095
    assert (burst.camera, burst.iso, burst.cfa, burst.nlf) == ("Model 1", 400, "RGGB", NLF(1e-3, 2e-6))
    assert burst.scene == tmp_path.name and burst.provenance["notes"] == []


def test_dng_options_win(tmp_path):
    frames = dng_folder(tmp_path)
    burst = one(tmp_path, camera="mine", iso=64, black=70, white=5000, cfa="MONO")
    assert (burst.camera, burst.iso, burst.black, burst.white) == ("mine", 64, (70,) * 4, 5000)
    assert burst.nlf is None and np.array_equal(burst.frames[:], raw.pack(frames))


def test_noise_profiles_that_differ_between_frames_are_noted(tmp_path):
    frames = dng_folder(tmp_path, count=2)
    write_dng(tmp_path / "f1.dng", frames[1], profile=(2e-3, 2e-6))
    burst = one(tmp_path)
    assert burst.nlf == NLF(1e-3, 2e-6)
    assert burst.provenance["notes"] == ["the tag NoiseProfile differs between frames: that of the first one is kept"]


def test_dng_visible_area_has_its_own_cfa_origin(tmp_path):
    """LibRaw moves the active area (1, 3) to (2, 4), so the pattern starts otherwise than the tag says."""
    frames = dng_folder(tmp_path, active=(1, 3, 64, 96))
    burst = one(tmp_path)
    rows, columns = burst.shape[2] * 2, burst.shape[3] * 2
    assert np.array_equal(burst.frames[:], raw.pack(frames[:, 3 : 3 + rows, 5 : 5 + columns]))


def test_dng_of_odd_size_is_cropped_and_says_so(tmp_path):
    frames = dng_folder(tmp_path, height=65, width=97)
    burst = one(tmp_path)
    assert np.array_equal(burst.frames[:], raw.pack(frames[:, :64, :96]))
    assert burst.provenance["notes"] == ["visible area 65 x 97 cropped to 64 x 96"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"height": 32}, "frames differ in size, 64 x 96 in f0.dng, 32 x 96 in f9.dng"),
        ({"white": 1023}, "frames differ in white"),
        ({"cfa": "BGGR"}, "frames differ in cfa, RGGB in f0.dng, BGGR in f9.dng"),
    ],
)
def test_dng_frames_that_do_not_belong_together(tmp_path, how, message):
    dng_folder(tmp_path)
    height = how.pop("height", 64)
    write_dng(tmp_path / "f9.dng", mosaics(1, height, 96, seed=9)[0], **how)
    with pytest.raises(BurstError, match=message):
        read_bursts(tmp_path)


SETTINGS = [
    ({"iso": 800}, "ISO 400", "ISO 800"),
    ({"exposure": (1, 50)}, "exposure 0.01 s", "exposure 0.02 s"),
    ({"aperture": (56, 10)}, "f/4", "f/5.6"),
    ({"model": "Model 2"}, "camera Model 1", "camera Model 2"),
]


@pytest.mark.parametrize(("how", "one", "two"), SETTINGS)
def test_every_setting_of_a_folder_is_a_burst_of_its_own(tmp_path, how, one, two):
    frames = mosaics(5, 64, 96)
    for t, frame in enumerate(frames):
        write_dng(tmp_path / f"f{t}.dng", frame, **{"aperture": (4, 1)} | (how if t % 2 else {}))
    first, second = read_bursts(tmp_path)
    assert np.array_equal(first.frames[:], raw.pack(frames[::2]))
    assert np.array_equal(second.frames[:], raw.pack(frames[1::2]))
    assert [b.provenance["name"] for b in (first, second)] == [f"{tmp_path.name} {label}" for label in (one, two)]
    assert first.provenance["sha256"] != second.provenance["sha256"]
    assert all("2 settings" in burst.provenance["notes"][0] for burst in (first, second))


def test_a_frame_of_another_setting_is_left_out_aloud(tmp_path):
    dng_folder(tmp_path)
    write_dng(tmp_path / "f9.dng", mosaics(1, 64, 96, seed=9)[0], iso=800)
    with pytest.warns(BurstWarning, match=r"left out.*f9\.dng"):
        assert len(one(tmp_path)) == 3


def test_options_win_over_settings_that_differ(tmp_path):
    frames = dng_folder(tmp_path)
    write_dng(tmp_path / "f9.dng", mosaics(1, 64, 96, seed=9)[0], iso=800)
    assert one(tmp_path, iso=400).frames.shape[0] == len(frames) + 1


@pytest.mark.parametrize("blacks", [(64, 64, 65, 64), (64.0, 64.1, 63.9, 64.05)])
def test_each_frame_has_its_own_black_level(tmp_path, blacks):
    frames = mosaics(4, 64, 96)
    frames[:, 10, 10] = 4095
    for t, frame in enumerate(frames):
        write_dng(tmp_path / f"f{t}.dng", frame, black=blacks[t])
    burst = one(tmp_path)
    signal = (frames - np.float64(blacks)[:, None, None])[:, 11:]
    found = (raw.unpack(burst.frames[:]) - np.float64(burst.black[0]))[:, 11:]
    np.testing.assert_allclose(found, signal, atol=1e-3)
    assert burst.white == 4095 and (raw.unpack(burst.frames[:])[:, 10, 10] >= 4095).all()
    assert any("black level differs between frames" in note for note in burst.provenance["notes"])
    (burst,) = read_bursts(tmp_path, black=64)
    assert np.array_equal(burst.frames[:], raw.pack(frames)) and burst.black == (64,) * 4


def test_black_levels_of_single_columns_are_subtracted_from_them(tmp_path):
    frames, columns = mosaics(3, 64, 96), np.linspace(0, 7, 96).round(4)
    frames[:, 10, 10] = 4095
    for t, frame in enumerate(frames):
        write_dng(tmp_path / f"f{t}.dng", frame, black=60, delta_h=fractions(columns))
    burst = one(tmp_path)
    cell = np.tile(np.reshape(burst.black, (2, 2)), (32, 48))
    found, truth = raw.unpack(burst.frames[:]) - cell, frames - 60 - columns
    np.testing.assert_allclose(found[:, 11:], truth[:, 11:], atol=1e-3)
    assert (raw.unpack(burst.frames[:])[:, 10, 10] == 4095).all()
    assert any("between rows or columns" in note for note in burst.provenance["notes"])
    assert np.array_equal(one(tmp_path, black=60).frames[:], raw.pack(frames))


def test_a_folder_of_floating_point_frames(tmp_path):
    frames = (mosaics(3, 64, 96) / 4095).astype(np.float32)
    for t, frame in enumerate(frames):
        write_dng(tmp_path / f"f{t}.dng", frame, black=0.0625, white=1, profile=None)
    burst = one(tmp_path)
    np.testing.assert_allclose(raw.unpack(burst.planes(slice(None)).numpy()), (frames - 0.0625) / 0.9375, atol=1e-6)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.99])
def test_a_truncated_dng(tmp_path, part):
    dng_folder(tmp_path)
    data = (tmp_path / "f1.dng").read_bytes()
    (tmp_path / "f1.dng").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BurstError, match=r"f1\.dng") as error:
        read_bursts(tmp_path, camera="c", iso=100)
    assert "\n" not in str(error.value)


def test_a_single_dng_is_one_frame(tmp_path):
    dng_folder(tmp_path, count=1)
    with pytest.raises(BurstError, match="1 frame; a noisy pair needs at least two"):
        read_bursts(tmp_path / "f0.dng")


@pytest.mark.parametrize("name", ["x.dng", "plain"])
def test_a_folder_may_have_the_name_of_a_frame(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    frames = dng_folder(folder)
    (folder / "sub.dng").mkdir()
    (folder / "._f0.dng").write_bytes(b"\0\5\26\7" + bytes(4092))
    assert np.array_equal(one(folder).frames[:], raw.pack(frames))


@pytest.mark.parametrize("content", [b"", b"II*\0", bytes(4096)])
def test_the_frame_that_cannot_be_read_is_named(tmp_path, content):
    dng_folder(tmp_path)
    (tmp_path / "f1.dng").write_bytes(content)
    with pytest.raises(BurstError, match=r"f1\.dng: ") as error:
        read_bursts(tmp_path)
    assert "None" not in str(error.value) and "\n" not in str(error.value)
