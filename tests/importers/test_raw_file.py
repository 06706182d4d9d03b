"""One RAW file: settings from tags, EXIF and LibRaw; floating-point mosaics; orientation; files that cannot be read."""

import numpy as np
import pytest
from cases.dng import write_dng
from cases.stacks import mosaics

from n2nf_core.bursts import BurstError
from n2nf_core.importers import raw_file
from n2nf_core.importers.raw_file import FLOAT_WHITE, look

MOSAIC = mosaics(1, 24, 36)[0]


def written(folder, mosaic=MOSAIC, **how):
    write_dng(folder / "f.dng", mosaic, **how)
    return folder / "f.dng"


@pytest.mark.parametrize(
    ("how", "name", "value"),
    [
        ({"iso": 800}, "iso", 800),
        ({"iso": 65535, "large_iso": 204_800}, "iso", 204_800),
        ({"iso": 65535}, "iso", 65535),
        ({"iso": None}, "iso", None),
        ({"iso": 0}, "iso", None),
        ({"exposure": (1, 8)}, "exposure_s", 0.125),
        ({"exposure": (0, 1)}, "exposure_s", None),
        ({"aperture": (28, 10)}, "aperture", 2.8),
        ({"model": "  My   Cam "}, "camera", "My Cam"),
        ({"model": None}, "camera", None),
    ],
)
def test_settings_of_the_tags(tmp_path, how, name, value):
    assert getattr(look(written(tmp_path, **how)).stated, name) == value


def test_a_file_without_tiff_tags_states_what_libraw_reports(tmp_path, monkeypatch):
    """RAF and CR3 have no TIFF tags; a DNG stands for them, with its tags hidden from the importer."""
    monkeypatch.setattr(raw_file, "_tags", lambda path: ({}, None))
    stated = look(written(tmp_path, exposure=(1, 50), aperture=(4, 1), iso=None)).stated
    assert (stated.exposure_s, stated.aperture, stated.iso, stated.camera) == (0.02, 4, None, None)
    assert (stated.black, stated.white, stated.cfa) == ((60, 61, 62, 63), 4095, "RGGB")


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("tiff", [{}, {"compression": "deflate", "predictor": 3}], ids=["plain", "deflate"])
def test_a_floating_point_mosaic_is_neither_rounded_nor_scaled_by_its_maximum(tmp_path, dtype, tiff):
    values = (MOSAIC / 4095).astype(dtype)
    values[3, 4] = 2.5  # beyond the white level, as merged exposures are; LibRaw would scale the frame by it
    file = look(written(tmp_path, values, white=1, black=0.0625, tiff=tiff))
    assert file.stated.black == pytest.approx((0.0625 * FLOAT_WHITE,) * 4) and file.stated.white == FLOAT_WHITE
    assert file.mosaic().dtype == np.float32
    assert (file.stated.exposure_s, file.stated.iso, file.stated.camera) == (0.01, 400, "Model 1")
    np.testing.assert_allclose(file.mosaic(), values.astype(np.float64) * FLOAT_WHITE, rtol=1e-6)
    assert file.notes == ("floating-point values were multiplied so that the white level is 16383",)


def test_a_floating_point_mosaic_with_an_odd_active_area(tmp_path):
    values = (MOSAIC / 4095).astype(np.float32)
    file = look(written(tmp_path, values, white=1, black=0.0625, active=(1, 3, 23, 35), cfa="GBRG"))
    assert file.stated.cfa == "GBRG"
    np.testing.assert_allclose(file.mosaic(), values[1:23, 3:35] * FLOAT_WHITE, rtol=1e-6)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_mosaic_is_not_turned(tmp_path, orientation):
    file = look(written(tmp_path, orientation=orientation))
    assert np.array_equal(file.mosaic(), MOSAIC) and file.stated.cfa == "RGGB"


def test_byte_order_does_not_matter(tmp_path):
    file = look(written(tmp_path, tiff={"byteorder": ">"}))
    assert np.array_equal(file.mosaic(), MOSAIC) and file.stated.black == (60, 61, 62, 63)


@pytest.mark.parametrize(
    "content", [b"", b"II*\0", b"no file of a camera" * 99, bytes(4096), b"\0\5\26\7" + bytes(4092)]
)
def test_what_is_no_raw_file_is_named(tmp_path, content):
    (tmp_path / "f.dng").write_bytes(content)
    with pytest.raises(BurstError, match=r"f\.dng: ") as error:
        look(tmp_path / "f.dng")
    assert "\n" not in str(error.value)


def test_a_broken_link_is_named(tmp_path):
    (tmp_path / "f.dng").symlink_to(tmp_path / "nowhere.dng")
    with pytest.raises(BurstError, match=r"f\.dng: it cannot be opened \(No such file"):
        look(tmp_path / "f.dng")


def test_a_file_that_changes_after_it_was_first_read(tmp_path):
    file = look(written(tmp_path))
    written(tmp_path, mosaics(1, 26, 36)[0])
    with pytest.raises(BurstError, match="its size has changed"):
        file.mosaic()
