"""The tags of a DNG: black level with fractions, patterns and deltas, white level, colour filter; what is refused."""

import numpy as np
import pytest
import tifffile
from cases.dng import fractions, write_dng
from cases.stacks import PATTERNS, mosaics

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.importers.raw_file import look

HEIGHT, WIDTH = 32, 48


def written(folder, mosaic=None, **how):
    path = folder / "f.dng"
    write_dng(path, mosaics(1, HEIGHT, WIDTH)[0] if mosaic is None else mosaic, **how)
    return path


@pytest.mark.parametrize(
    ("how", "levels"),
    [
        ({"black": 64}, (64, 64, 64, 64)),
        ({"black": 64.4375}, (64.4375,) * 4),
        ({"black": (60.25, 61, 62.5, 63)}, (60.25, 61, 62.5, 63)),
        ({"black": (60, 64), "repeat": (1, 2)}, (60, 64, 60, 64)),
        ({"black": (60, 64), "repeat": (2, 1)}, (60, 60, 64, 64)),
        ({"black": 64, "delta_h": fractions(np.tile([0, 8.5], WIDTH // 2))}, (64, 72.5, 64, 72.5)),
        ({"black": 64, "delta_v": fractions(np.tile([-3, 0.5], HEIGHT // 2))}, (61, 61, 64.5, 64.5)),
        (
            {
                "black": (10, 20, 30, 40),
                "delta_h": fractions(np.tile([0, 1], WIDTH // 2)),
                "delta_v": fractions(np.tile([0, 2], HEIGHT // 2)),
            },
            (10, 21, 32, 43),
        ),
        ({"black": np.arange(16) + 60, "repeat": (4, 4)}, (65, 66, 69, 70)),
        ({"black": np.arange(6) + 60, "repeat": (2, 3)}, (61, 61, 64, 64)),
        ({"black": None}, (0, 0, 0, 0)),
    ],
)
def test_black_levels_have_fractions_patterns_and_deltas(tmp_path, how, levels):
    found = look(written(tmp_path, **how)).stated.black
    assert found == pytest.approx(levels, abs=1e-9)


@pytest.mark.parametrize("active", [(0, 0), (2, 4), (1, 3), (3, 2), (0, 1)])
@pytest.mark.parametrize("cfa", PATTERNS)
def test_patterns_begin_at_the_corner_of_the_active_area(tmp_path, cfa, active):
    """Every pixel holds a number for its colour and its black level, whose order the tags count from that corner."""
    top, left = active
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    cell = (y - top) % 2 * 2 + (x - left) % 2
    mosaic = (100 * np.array(["RGB".index(c) for c in cfa])[cell] + np.array([5, 6, 7, 8])[cell]).astype(np.uint16)
    file = look(written(tmp_path, mosaic, cfa=cfa, black=(5, 6, 7, 8), active=(top, left, HEIGHT, WIDTH)))
    visible = file.mosaic()
    for k in range(4):
        pixels = visible[k // 2 :: 2, k % 2 :: 2]
        assert (pixels == 100 * "RGB".index(file.stated.cfa[k]) + file.stated.black[k]).all()


def test_a_delta_that_no_cell_holds_is_left_for_the_pixels(tmp_path):
    columns, rows = np.linspace(0, 7, WIDTH), np.linspace(-2, 2, HEIGHT)
    file = look(written(tmp_path, black=60, delta_h=fractions(columns), delta_v=fractions(rows)))
    truth = 60 + columns.round(4) + rows.round(4)[:, None]
    cell = np.reshape(file.stated.black, (2, 2))
    assert np.tile(cell, (HEIGHT // 2, WIDTH // 2)) + file.unevenness() == pytest.approx(truth, abs=1e-4)
    assert cell == pytest.approx(truth.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((0, 2)), abs=1e-6)
    assert look(written(tmp_path)).unevenness() is None


def test_a_pattern_that_no_cell_holds_is_left_for_the_pixels(tmp_path):
    pattern = np.arange(16).reshape(4, 4) + 60
    file = look(written(tmp_path, black=pattern.ravel(), repeat=(4, 4), active=(2, 0, HEIGHT, WIDTH)))
    cell = np.tile(np.reshape(file.stated.black, (2, 2)), (HEIGHT // 2 - 1, WIDTH // 2))
    np.testing.assert_allclose(cell + file.unevenness(), np.tile(pattern, (8, 12))[: HEIGHT - 2, :WIDTH], atol=1e-4)


@pytest.mark.parametrize(
    ("white", "found"), [(4095, 4095), (15520.5, 15520.5), ((4095, 4000, 4050), 4000), (None, 65535)]
)
def test_the_least_white_level_is_used(tmp_path, white, found):
    file = look(written(tmp_path, white=white))
    assert file.stated.white == found
    notes = {
        (4095, 4000, 4050): ["white levels from 4000 to 4095: the least is used"],
        None: ["white level not stated"],
    }
    assert len(file.notes) == len(notes.get(white, ())) and all(map(str.startswith, file.notes, notes.get(white, ())))


def test_levels_are_those_of_the_mosaic_and_not_of_a_preview(tmp_path):
    file = look(written(tmp_path, preview=True))
    assert (file.stated.black, file.stated.white, file.stated.camera) == ((60, 61, 62, 63), 4095, "Model 1")
    assert np.array_equal(file.mosaic(), mosaics(1, HEIGHT, WIDTH)[0])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"mosaic": np.zeros((HEIGHT, WIDTH, 3), np.uint16), "black": 0}, "it has no mosaic .a linear DNG"),
        (
            {"mosaic": mosaics(1, 32, 48)[0] // 16, "tiff": {"compression": 34892}, "bits": 8},
            "compressed as lossy JPEG",
        ),
        (
            {"mosaic": mosaics(1, 32, 48)[0] // 16, "tiff": {"compression": "jpeg"}, "bits": 8},
            "compressed as lossy JPEG",
        ),
        ({"mosaic": mosaics(1, 32, 48)[0], "tiff": {"compression": "jpegxl"}}, "compressed as JPEG XL"),
        ({"cfa": (0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 2, 2, 1, 1, 2, 2), "cells": (4, 4)}, "repeats in 4x4 cells"),
        ({"cfa": (0, 1, 3, 2)}, "not a 2x2 Bayer pattern"),
        ({"layout": 2}, "staggered .CFALayout 2"),
        ({"delta_v": fractions(np.zeros(HEIGHT - 1))}, "31 black levels for 32 rows"),
        ({"black": (60, 61, 62), "repeat": (2, 2)}, "damaged"),
        ({"active": (0, 0, HEIGHT + 2, WIDTH)}, "active area is not within the image"),
        ({"active": (4, 4, 4, WIDTH)}, "active area is not within the image"),
        ({"delta_h": [1, 0] * WIDTH}, "BlackLevelDeltaH has values that are no numbers"),
    ],
)
def test_what_cannot_be_read_right_is_refused_by_name(tmp_path, how, message):
    if how.pop("bits", 16) == 8:
        how = how | {"mosaic": how["mosaic"].astype(np.uint8)}
    with pytest.raises(BurstError, match=rf"f\.dng: .*{message}") as error:
        look(written(tmp_path, **how))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_a_lossless_jpeg_is_read(tmp_path, tile):
    how = {"compression": "jpeg", "compressionargs": {"lossless": True}} | ({"tile": tile} if tile else {})
    mosaic = mosaics(1, 32, 48)[0]
    assert np.array_equal(look(written(tmp_path, mosaic, tiff=how)).mosaic(), mosaic)


def test_a_linearization_table_comes_before_the_levels(tmp_path):
    mosaic = mosaics(1, HEIGHT, WIDTH)[0]
    file = look(written(tmp_path, mosaic, linearization=tuple(range(0, 8192, 2)), white=8190))
    assert np.array_equal(file.mosaic(), 2 * mosaic) and file.stated.white == 8190


@pytest.mark.parametrize("code", [256, 257])
def test_a_size_that_the_file_cannot_hold_is_refused_before_memory_is_taken(tmp_path, code):
    path = written(tmp_path)
    with tifffile.TiffFile(path, mode="r+b") as file:
        file.pages[0].tags[code].overwrite(60_000)
    with pytest.raises(BurstError, match=r"f\.dng: it is too small for the (32 x 60000|60000 x 48) pixels"):
        look(path)


def test_a_monochrome_dng(tmp_path):
    file = look(written(tmp_path, cfa="MONO", black=60.5))
    assert (file.stated.cfa, file.stated.black) == (raw.MONO, (60.5,) * 4)
    assert np.array_equal(file.mosaic(), mosaics(1, HEIGHT, WIDTH)[0])


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_mosaic_that_lies_beyond_the_end_of_its_file(tmp_path, dtype):
    path = written(tmp_path, mosaics(1, HEIGHT, WIDTH)[0].astype(dtype))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BurstError, match=r"f\.dng: the file is truncated, its mosaic lies beyond its end"):
        look(path)
