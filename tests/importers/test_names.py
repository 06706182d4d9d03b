"""Settings by the names and spellings of headers and metadata."""

import numpy as np
import pytest

from n2nf_core.importers.names import is_known, stated_by_name
from n2nf_core.importers.stated import Stated, Unclear


def stated(**facts):
    notes = []
    return stated_by_name("src", facts, notes), notes


@pytest.mark.parametrize(
    ("facts", "field", "value"),
    [
        ({"ISOSPEED": "ISO 800"}, "iso", 800),
        ({"iso": np.array(400)}, "iso", 400),
        ({"ISO": 0}, "iso", None),
        ({"INSTRUME": " ZWO ASI "}, "camera", "ZWO ASI"),
        ({"EXPTIME": 2}, "exposure_s", 2),
        ({"Exposure-ms": "20"}, "exposure_s", 0.02),
        ({"Exposure": "20 ms"}, "exposure_s", 0.02),
        ({"exposure_s": "1/50"}, "exposure_s", 0.02),
        ({"exposure_s": "1/50 sec."}, "exposure_s", 0.02),
        ({"exposure_s": np.bytes_(b"20 ms")}, "exposure_s", 0.02),
        ({"exposure": "20 MSec"}, "exposure_s", 0.02),
        ({"exposure": "20 \u03bcs"}, "exposure_s", 20e-6),
        ({"exposure": "2 min"}, "exposure_s", 120.0),
        ({"exposure": 0}, "exposure_s", 0.0),
        ({"iso": "ISO-800"}, "iso", 800),
        ({"iso": 0, "ISOSPEED": 400}, "iso", 400),
        ({"camera": "a\n b"}, "camera", "a b"),
        ({"STACKCNT": 20, "YBINNING": 2}, "mode", "YBINNING 2, STACKCNT 20"),
        ({"cfa": np.array(["R", "G", "G", "B"])}, "cfa", "RGGB"),
        ({"BAYERPAT": "'rggb'"}, "cfa", "RGGB"),
        ({"BAYERPAT": "RG/GB"}, "cfa", "RGGB"),
        ({"FNumber": 2.8}, "aperture", 2.8),
        ({"GAIN": "300"}, "gain", 300),
        ({"GAIN": "HIGH"}, "gain", "HIGH"),
        ({"GAIN": 5, "EGAIN": 1.5}, "gain", 5),
        ({"OFFSET": 10}, "offset", 10),
        ({"FILTER": "Ha "}, "filter", "Ha"),
        ({"IMAGETYP": "Light Frame"}, "kind", "light"),
        ({"FRAME": "Flat Field"}, "kind", "flat"),
        ({"IMAGETYP": "Dark Flat"}, "kind", "dark flat"),
        ({"READOUTM": "Fast", "XBINNING": 2}, "mode", "READOUTM Fast, XBINNING 2"),
        ({"black": [1, 2, 3, 4]}, "black", (1, 2, 3, 4)),
        ({"black": np.float64(64.5)}, "black", 64.5),
        ({"white": [1023] * 4}, "white", 1023),
        ({"white": [1023, 1000]}, "white", 1000),
        ({"SignificantBits": "12"}, "white", 4095),
        ({"BitDepth": 16}, "white", None),
        ({"BitDepth": 12, "white": 4000}, "white", 4000),
        ({"cfa": [[0, 1], [1, 2]]}, "cfa", "RGGB"),
        ({"BAYERPAT": "gbrg "}, "cfa", "GBRG"),
        ({"BAYERPAT": "NONE"}, "cfa", None),
        ({"cfa": b"Monochrome"}, "cfa", "MONO"),
        ({"unknown": 3}, "iso", None),
    ],
)
def test_a_fact_is_understood(facts, field, value):
    found, notes = stated(**facts)
    assert found == Stated(**{field: pytest.approx(value) if isinstance(value, float) else value}) and notes == []
    assert is_known(next(iter(facts))) == ("unknown" not in facts)


@pytest.mark.parametrize(
    "facts",
    [
        {"ISO": "auto"},
        {"ISO": "100-200"},
        {"ISO": "1,600"},
        {"ISO": -1},
        {"iso": [1, 2]},
        {"FNumber": -1},
        {"EXPTIME": "1/0"},
        {"EXPTIME": -1},
        {"EXPTIME": "20 parsec"},
        {"EXPTIME": "0,02"},
        {"GAIN": float("nan")},
        {"camera": ["a", "b"]},
    ],
)
def test_what_is_not_understood_is_not_stated_and_noted(facts):
    found, notes = stated(**facts)
    assert found == Stated() and len(notes) == 1 and "is not understood" in notes[0] and next(iter(facts)) in notes[0]


@pytest.mark.parametrize(
    ("facts", "field", "message"),
    [
        ({"white": float("nan")}, "white", "field white: nan is not one number"),
        ({"white": []}, "white", "field white: it is empty"),
        ({"SATURATE": "much"}, "white", "field SATURATE: 'much' is not a number: correct it, or give white (make demo"),
        ({"white": "1023 or 4095"}, "white", "is not one number"),
        ({"BAYERPAT": True}, "cfa", "a colour filter True of shape () is not a 2x2 cell: correct it, or give cfa"),
        ({"black": [1, 2]}, "black", "field black: the black level must be one number or four"),
        ({"BAYERPAT": "CYGM"}, "cfa", "field BAYERPAT: CFA pattern 'CYGM' is not understood"),
        ({"cfa": [0, 0, 1, 2]}, "cfa", "is not a 2x2 Bayer pattern"),
        ({"cfa": np.zeros((6, 6), int)}, "cfa", "is not a 2x2 cell"),
    ],
)
def test_a_level_or_a_filter_that_is_not_understood_has_no_default(facts, field, message):
    value = getattr(stated(**facts)[0], field)
    assert isinstance(value, Unclear) and value.startswith("src: ") and message in value and "\n" not in value
