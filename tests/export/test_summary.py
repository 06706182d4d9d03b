"""JSON and table: gain and read noise in DN from shot and read in [0, 1] units."""

import json

import numpy as np

from n2nf_core.baselines import GaussianNoise
from n2nf_core.denoisers import DnCNN
from n2nf_core.export.profiles import profiles
from n2nf_core.export.summary import as_json, as_table
from n2nf_core.types import NLF

ABOUT = {"camera": "a", "iso": 100, "black": [99.0, 100.0, 101.0, 100.0], "white": 1100.0}
MODEL = GaussianNoise({"a": {100: NLF(2e-3, 9e-6)}, "b": {100: NLF(0.0, 4e-6), 800: NLF(1e-2, 0.0)}})


def test_the_json_holds_every_setting_in_both_units():
    """The span is 1000 DN: gain = 2e-3 * 1000 = 2 DN per electron, read noise = 3e-3 * 1000 = 3 DN = 1.5 electrons."""
    denoiser = DnCNN(layers=2, features=4)
    found = json.loads(as_json(MODEL, denoiser, ABOUT, profiles(MODEL)))
    assert found["format"] == "n2nf-summary" and found["about"] == ABOUT
    assert found["noise_model"]["isos"] == {"a": [100.0], "b": [100.0, 800.0]}
    assert found["denoiser"] == {"kind": "DnCNN", "parameters": 4 * 4 * 9 * 2 + 4}
    assert [(row["camera"], row["iso"]) for row in found["profiles"]] == [("a", 100), ("b", 100), ("b", 800)]
    for plane in ("R", "Gr", "Gb", "B"):
        row = found["profiles"][0]["planes"][plane]
        expected = {"shot": 2e-3, "read": 9e-6, "gain_dn_per_electron": 2.0, "read_dn": 3.0, "read_electrons": 1.5}
        assert row.keys() == expected.keys()
        np.testing.assert_allclose(list(row.values()), list(expected.values()), rtol=1e-9)
    assert "two numbers per colour say all of it" in found["profiles"][0]["words"]


def test_what_has_no_value_is_null():
    found = profiles(MODEL, ["b"])[0]
    dark = found._replace(planes=(NLF(0.0, 4e-6),) * 4)
    (row,) = json.loads(as_json(MODEL, DnCNN(layers=2, features=4), ABOUT, [dark]))["profiles"]
    assert row["planes"]["R"]["read_electrons"] is None and row["planes"]["R"]["gain_dn_per_electron"] == 0


def test_the_table_has_a_line_for_every_colour():
    lines = as_table(ABOUT, profiles(MODEL)).splitlines()
    assert lines[0].split() == ["camera", "ISO", "colour", "shot", "read", "DN/e-", "read", "DN", "read", "e-"]
    assert lines[1].split() == ["a", "100", "R", "0.002", "9e-06", "2", "3", "1.5"]
    assert [line.split()[2] for line in lines[1:10]] == list("RGB") * 3
    assert len({len(line) for line in lines[:10]}) == 1
    assert lines[10] == "" and lines[11].startswith("a at ISO 100: ") and len(lines) == 14


def test_a_camera_without_colours_has_one_line():
    (found,) = profiles(MODEL, ["a"])
    uneven = found._replace(planes=(NLF(1e-3, 4e-6), *found.planes[1:3], NLF(3e-3, 14e-6)))
    lines = as_table(ABOUT | {"cfa": "MONO"}, [uneven]).splitlines()
    assert lines[1].split() == ["a", "100", "-", "0.002", "9e-06", "2", "3", "1.5"] and lines[2] == ""
    several = {"settings": [{"cfa": "MONO"}, {"cfa": "RGGB"}]}
    assert len(as_table(ABOUT | {"cfa": "MONO"} | several, [uneven]).splitlines()) == 6
