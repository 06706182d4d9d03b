"""What FITS headers state."""

from pathlib import Path

import pytest
from astropy.io import fits

from n2nf_core.importers.fits.headers import header_stated
from n2nf_core.importers.stated import Stated, Unclear


def stated(height=64, primary=(), **keywords):
    header = fits.Header()
    header.update({"NAXIS2": height, **keywords})
    notes = []
    return header_stated(Path("a.fits"), fits.Header(dict(primary)), header, notes), notes


def test_the_words_of_a_header():
    found, notes = stated(
        INSTRUME="CAM", ISOSPEED="ISO 800", GAIN=100, OFFSET=10, EXPTIME=4.0, FILTER="L", IMAGETYP="Light Frame",
        SATURATE=60000, READOUTM="Fast", OBJECT="M 31",
    )  # fmt: skip
    wanted = Stated(
        "CAM", 800, white=60000, exposure_s=4, gain=100, offset=10, filter="L", kind="light", mode="READOUTM Fast"
    )
    assert (found, notes) == (wanted, [])


def test_the_header_of_an_image_comes_before_the_primary_header():
    assert stated(primary={"GAIN": 1, "INSTRUME": "A"}, GAIN=2)[0] == Stated("A", gain=2)


def test_a_keyword_without_a_value_states_nothing():
    header = fits.Header.fromstring(
        "GAIN    =                     " + " " * 50 + f"{'NAXIS2  =                   64':80}"
    )
    assert header_stated(Path("a.fits"), fits.Header(), header, []) == Stated()


@pytest.mark.parametrize(
    ("keywords", "cfa"),
    [
        ({}, "RGGB"),
        ({"YBAYROFF": 1}, "GBRG"),
        ({"XBAYROFF": 1}, "GRBG"),
        ({"XBAYROFF": 1, "YBAYROFF": 3}, "BGGR"),
        ({"ROWORDER": "TOP-DOWN"}, "RGGB"),
        ({"ROWORDER": "BOTTOM-UP"}, "GBRG"),
        ({"ROWORDER": "BOTTOM-UP", "height": 63}, "RGGB"),
        ({"ROWORDER": "BOTTOM-UP", "XBAYROFF": 1}, "BGGR"),
    ],
)
def test_the_pattern_of_the_first_stored_pixels(keywords, cfa):
    assert stated(BAYERPAT="RGGB", **keywords)[0].cfa == cfa


@pytest.mark.parametrize("value", ["none", 0.5])
def test_an_offset_of_the_pattern_that_is_no_whole_number_of_pixels(value):
    found = stated(BAYERPAT="RGGB", XBAYROFF=value)[0].cfa
    assert isinstance(found, Unclear) and f"a.fits: field XBAYROFF: {value!r} is not a whole number" in found
    assert stated(BAYERPAT="RGGB", XBAYROFF="1")[0].cfa == "GRBG"


@pytest.mark.parametrize(
    ("comment", "time"), [("[ms] exposure", 0.02), ("[s] exposure", 20), ("[adu]", 20), ("ms", 20)]
)
def test_the_unit_of_a_time_may_stand_in_the_comment(comment, time):
    assert stated(EXPTIME=(20, comment))[0].exposure_s == time


@pytest.mark.parametrize("pedestal", [100, -100])
def test_a_pedestal_is_the_black_level(pedestal):
    found, notes = stated(PEDESTAL=pedestal)
    assert found.black == 100 and notes == [f"black level from PEDESTAL {pedestal}"]
    assert stated(PEDESTAL=0)[0].black is None


def test_datamax_is_the_white_level_only_where_it_is_a_limit():
    assert stated(DATAMAX=4095)[0].white == 4095
    assert stated(DATAMAX=3999)[0].white is None
    assert stated(DATAMAX=4095, SATURATE=4000)[0].white == 4000
