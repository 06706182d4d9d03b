"""What the tags of a page state, with fractions, patterns and deltas."""

import json

import pytest
import tifffile
from cases.stacks import mosaics
from cases.tiffs import tags, write_pages

from n2nf_core.importers.stated import Stated, Unclear
from n2nf_core.importers.tiff.tags import page_stated

SIXTHS = [x for v in (64.5, 64.25, 65.0, 66.0) for x in (int(v * 4), 4)]


def stated(tmp_path, extra=(), **given):
    path = write_pages(tmp_path / "s.tif", mosaics(1), [tags(**given, extra=extra)])
    with tifffile.TiffFile(path) as file:
        return page_stated(path, file.pages[0], [])


def test_the_common_tags(tmp_path):
    assert stated(tmp_path) == Stated("Cam X", 800, (64,) * 4, 1023, "RGGB", 0.02)
    nothing = dict.fromkeys(("cfa", "cell", "black", "white", "iso", "model", "exposure"))
    assert stated(tmp_path, **nothing) == Stated()


@pytest.mark.parametrize(
    ("extra", "black"),
    [
        ([(50714, "2I", 1, (1031, 16), True)], (64.4375,) * 4),
        ([(50713, "H", 2, (2, 2), True), (50714, "2I", 4, SIXTHS, True)], (64.5, 64.25, 65, 66)),
        ([(50713, "H", 2, (1, 2), True), (50714, "H", 2, (64, 72), True)], (64, 72, 64, 72)),
        ([(50713, "H", 2, (2, 1), True), (50714, "H", 2, (64, 72), True)], (64, 64, 72, 72)),
        ([(50714, "H", 1, 64, True), (50715, "2i", 24, [0, 1, 8, 1] * 12, True)], (64, 72, 64, 72)),
        ([(50714, "H", 1, 64, True), (50716, "2i", 16, [0, 1, 8, 1] * 8, True)], (64, 64, 72, 72)),
    ],
)
def test_black_levels(tmp_path, extra, black):
    assert stated(tmp_path, extra, black=None).black == black


@pytest.mark.parametrize(
    ("extra", "field", "message"),
    [
        (
            [(50713, "H", 2, (3, 3), True), (50714, "H", 9, tuple(range(64, 73)), True)],
            "black",
            "repeats every 3 x 3 pixels",
        ),
        (
            [(50713, "H", 2, (2, 2), True), (50714, "H", 3, (64, 65, 66), True)],
            "black",
            "3 values for a pattern of 2 x 2",
        ),
        ([(50714, "2I", 1, (64, 0), True)], "black", "black level must be one number"),
        ([(50714, "H", 1, 64, True), (50715, "2i", 24, [*range(24), *[1] * 24], True)], "black", "between all rows or"),
        ([(33421, "H", 2, (6, 6), True), (33422, "B", 36, bytes(36), True)], "cfa", "CFAPattern repeats every 6 x 6"),
        ([(33422, "B", 4, (0, 0, 1, 1), True)], "cfa", "is not a 2x2 Bayer pattern"),
        ([(33422, "B", 3, (0, 1, 1), True)], "cfa", "has 3 colours for a cell of 2 x 2"),
    ],
)
def test_what_has_no_default_asks_for_it(tmp_path, extra, field, message):
    value = getattr(stated(tmp_path, extra, black=None, cfa=None, cell=None), field)
    assert isinstance(value, Unclear) and message in value and value.endswith(f": give {field}")


def test_a_largest_sample_value_states_bits_only_where_it_is_a_limit(tmp_path):
    assert stated(tmp_path, [(281, "H", 1, 4095, True)], white=None).white == 4095
    assert stated(tmp_path, [(281, "H", 1, 3999, True)], white=None).white is None
    assert stated(tmp_path, [(281, "H", 1, 4095, True)], white=4000).white == 4000


def test_micromanager_states_exposure_gain_and_bits(tmp_path):
    text = {"Exposure-ms": 10.0, "Camera": "Andor", "Gain": "2", "Binning": "1x1", "BitDepth": 12}
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, mosaics(1), metadata=None, extratags=[(51123, "s", 0, json.dumps(text), True)])
    with tifffile.TiffFile(path) as file:
        found = page_stated(path, file.pages[0], [])
    assert found == Stated("Andor", white=4095, exposure_s=0.01, gain=2, mode="Binning 1x1")


def test_the_largest_iso_of_its_tag_stands_for_another_one(tmp_path):
    path, notes = write_pages(tmp_path / "s.tif", mosaics(1), [tags(iso=65535)]), []
    with tifffile.TiffFile(path) as file:
        assert page_stated(path, file.pages[0], notes).iso is None
        assert notes == ["iso 'beyond its tag' is not understood, so it is taken as not stated"]
