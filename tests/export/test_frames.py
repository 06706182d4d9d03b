"""Frames as TIFF, NPZ and DNG: what is read again is what was written."""

import numpy as np
import pytest
import rawpy
import tifffile
from cases.darktable import developed
from cases.stacks import one

from n2nf_core import raw
from n2nf_core.baselines import GaussianNoise
from n2nf_core.export.frames import write_dng, write_frames
from n2nf_core.export.profiles import darktable_profiles
from n2nf_core.importers import read_bursts
from n2nf_core.types import NLF

LEVELS = {"black": (100.5, 101.0, 102.0, 103.25), "white": 4095.0}
STATED = {**LEVELS, "cfa": "RGGB", "camera": "Acme Model 1", "iso": 400.0}


def mosaics(count=2, height=32, width=48):
    return np.random.default_rng(0).uniform(90, 4000, (count, height, width)).astype(np.float32)


def test_a_dng_is_opened_by_libraw(tmp_path):
    """65535 // 4095 = 16, so the values of the file are sixteen times those in DN."""
    mosaic = mosaics(1)[0]
    write_dng(tmp_path / "a.dng", mosaic, **STATED, noise_profile=[1e-3, 1e-6, 2e-3, 2e-6, 3e-3, 3e-6])
    with rawpy.imread(str(tmp_path / "a.dng")) as file:
        assert file.raw_type == rawpy.RawType.Flat and file.color_desc == b"RGBG"
        assert np.array_equal(file.raw_image_visible, np.rint(mosaic * 16).astype(np.uint16))
        assert [file.black_level_per_channel[k] for k in (0, 1, 3, 2)] == [1608, 1616, 1632, 1652]
        assert file.white_level == 4095 * 16 and file.raw_pattern.tolist() == [[0, 1], [3, 2]]
        balance = np.array(file.camera_whitebalance)
        cells = [mosaic[i::2, j::2].mean() - LEVELS["black"][2 * i + j] for i in (0, 1) for j in (0, 1)]
        green = (cells[1] + cells[2]) / 2
        np.testing.assert_allclose(balance[:3] / balance[1], [green / cells[0], 1, green / cells[3]], rtol=1e-4)
        assert file.postprocess(use_camera_wb=True).shape == (32, 48, 3)


def test_the_importer_reads_the_dngs_again(tmp_path):
    frames = mosaics()
    found = write_frames(tmp_path / "f" / "a.dng", frames, **STATED)
    assert [path.name for path in found] == ["a_000.dng", "a_001.dng"]
    burst = one(tmp_path / "f")
    assert (burst.camera, burst.iso, burst.cfa, burst.nlf) == ("Acme Model 1", 400, "RGGB", None)
    assert burst.black == (1608, 1616, 1632, 1652) and burst.white == 65520
    assert np.array_equal(burst.frames[:], raw.pack(np.rint(frames * 16).astype(np.uint16)))
    for path, frame in zip(found, frames, strict=True):
        write_dng(path, frame, **STATED, noise_profile=[1e-3, 1e-6, 2e-3, 2e-6, 3e-3, 3e-6])
    assert one(tmp_path / "f").nlf == NLF(2e-3, 2e-6)


def test_values_outside_16_bits_are_clipped(tmp_path):
    stated = {**STATED, "white": 60000.0}
    write_dng(tmp_path / "a.dng", np.array([[-5.0, 70000.0], [100.4, 100.6]]), **stated)
    assert tifffile.imread(tmp_path / "a.dng").tolist() == [[0, 65535], [100, 101]]


def test_a_frame_without_light_has_a_neutral_colour(tmp_path):
    dark = np.tile(np.array([[100.5, 101.0], [102.0, 103.25]], np.float32), (16, 16))
    write_dng(tmp_path / "a.dng", dark, **STATED)
    with rawpy.imread(str(tmp_path / "a.dng")) as file:
        np.testing.assert_allclose(np.array(file.camera_whitebalance)[:3], 1, rtol=1e-4)


def test_a_monochrome_dng_is_linear_raw(tmp_path):
    mosaic = mosaics(1)[0]
    write_dng(tmp_path / "a.dng", mosaic, **{**STATED, "cfa": "MONO"})
    with rawpy.imread(str(tmp_path / "a.dng")) as file:
        assert file.num_colors == 1
        assert np.array_equal(np.squeeze(file.raw_image_visible), np.rint(mosaic * 16).astype(np.uint16))


def test_npz_is_a_burst_again(tmp_path):
    frames = mosaics()
    assert write_frames(tmp_path / "a.npz", iter(frames), **STATED) == [tmp_path / "a.npz"]
    (burst,) = read_bursts(tmp_path / "a.npz")
    assert np.array_equal(burst.frames[:], raw.pack(frames))
    assert (burst.black, burst.white, burst.cfa, burst.camera, burst.iso) == tuple(STATED.values())[:2] + (
        "RGGB",
        "Acme Model 1",
        400,
    )


def test_tiff_holds_the_values(tmp_path):
    frames = mosaics()
    write_frames(tmp_path / "a.tif", frames, **STATED)
    assert np.array_equal(tifffile.imread(tmp_path / "a.tif"), frames)
    write_frames(tmp_path / "b.dng", frames[:1], **STATED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.dng"]


def test_another_form_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"a.exr: the name must end in .tif, .tiff, .npz or .dng"):
        write_frames(tmp_path / "a.exr", mosaics(), **STATED)
    assert not list(tmp_path.iterdir())


def test_darktable_denoises_a_file_with_the_profile_of_its_camera(tmp_path):
    """A profile of a thousandth of the noise leaves it in, so darktable read ours, and found it by camera and ISO."""
    rows = {iso: NLF(2e-6 * iso, 1e-12 * iso**2) for iso in (100, 400, 1600, 6400)}
    rng = np.random.default_rng(0)
    light = 0.2 + 0.1 * np.sin(np.arange(192) / 30) * np.ones((128, 1))
    noisy = light + rng.normal(size=light.shape) * np.sqrt(rows[1600].shot * light + rows[1600].read)
    stated = {"black": (200,) * 4, "white": 16383, "cfa": "RGGB", "camera": "Nikon Z 99", "iso": 1600}
    write_dng(tmp_path / "a.dng", 200 + noisy * (16383 - 200), **stated)
    roughness = {}
    for name, share in (("whole", 1.0), ("less", 1e-3)):
        less = rows | {1600: NLF(share * rows[1600].shot, share * rows[1600].read)}
        text = darktable_profiles(GaussianNoise({"Nikon Z 99": less}), "Nikon Z 99")
        (tmp_path / f"{name}.json").write_text(text)
        picture = developed(tmp_path / "a.dng", tmp_path / f"{name}.json", tmp_path / name)[16:-16, 16:-16, 1]
        roughness[name] = np.abs(np.diff(picture, axis=0)).mean()
    assert roughness["whole"] < 0.5 * roughness["less"]
