"""The metadata files of SIDD."""

import shutil

import numpy as np
import pytest
from cases.sidd import PATTERNS, mosaics, write_instance, write_metadata

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.importers import read_bursts, sidd


def test_the_genuine_metadata_file(real_data, tmp_path):
    found = sidd.read_metadata(real_data / "0001_METADATA_RAW_010.MAT")
    assert found[:3] == ("S6", 100, "GRBG") and found.nlf == pytest.approx((4.7946e-4, 0), abs=1e-8)
    frames = mosaics(2)
    write_instance(tmp_path, "0001", frames, "RGGB", 3200)
    shutil.copy(real_data / "0001_METADATA_RAW_010.MAT", tmp_path)
    (burst,) = read_bursts(tmp_path)
    assert np.array_equal(burst.frames[:], raw.pack(raw.unify(frames, "GRBG")))
    assert (burst.camera, burst.iso, burst.nlf) == ("S6", 100, found.nlf)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iso": -5}, "ISOSpeedRatings is"),
        ({"iso": float("nan")}, "ISOSpeedRatings is"),
        ({"cfa": "QUAD"}, "not a 2x2"),
    ],
)
def test_metadata_that_cannot_be_used_are_named(tmp_path, monkeypatch, change, message):
    monkeypatch.setitem(PATTERNS, "QUAD", (0, 0, 1, 1))
    write_metadata(tmp_path / "m.MAT", **{"cfa": "RGGB", "iso": 100} | change)
    with pytest.raises(BurstError, match=rf"m\.MAT: its metadata cannot be used \(.*{message}"):
        sidd.read_metadata(tmp_path / "m.MAT")


@pytest.mark.parametrize(
    ("profile", "nlf", "notes"),
    [
        ((1e-3, 2e-6) * 3, (1e-3, 2e-6), 0),
        ((1e-3, 2e-6, 2e-3, 2e-6, 3e-3, 5e-6), (2e-3, 3e-6), 1),
        ((1e-3, float("nan")) * 3, None, 1),
    ],
)
def test_noise_profiles_of_several_colours(tmp_path, monkeypatch, profile, nlf, notes):
    monkeypatch.setattr("cases.sidd.PROFILE", profile[:2] if notes == 0 else profile)
    monkeypatch.setattr("cases.sidd.COLOURS", 3 if notes == 0 else 1)
    write_metadata(tmp_path / "m.MAT", "RGGB", 100)
    found = sidd.read_metadata(tmp_path / "m.MAT")
    assert found.nlf == (nlf and pytest.approx(nlf)) and len(found.notes) == notes
