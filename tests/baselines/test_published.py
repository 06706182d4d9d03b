"""The published tables, at their corners."""

import pytest

from n2nf_core.baselines import (
    CALIBRATED_PG,
    CAMERA_NLF,
    GaussianNoise,
    calibrated_pg,
    camera_nlf,
    published_models,
)
from n2nf_core.cameras import NLF, UnknownCameraError


def test_unknown_camera_and_bad_tables():
    for build in (camera_nlf, calibrated_pg):
        with pytest.raises(UnknownCameraError, match="'Z1'"):
            build(["Z1"])
    with pytest.raises(ValueError, match="NLF of A at ISO 100"):
        GaussianNoise({"A": {100: NLF(-1.0, 1.0)}})
    assert set(published_models(["IP", "S6"])) == {"camera_nlf", "calibrated_pg"}
    assert set(published_models(["G4"])) == {"camera_nlf"} and not published_models(["mine"])


def test_tables_are_those_published():
    """Spot values at the corners of both tables, from the papers."""
    assert CAMERA_NLF["S6"][3200] == (0.019930, 2e-6)
    assert CAMERA_NLF["N6"][3200] == (0.013773, 8.33e-4)
    assert list(CAMERA_NLF["G4"]) == [100, 400, 800] and list(CAMERA_NLF["IP"]) == [100, 400, 800, 1600]
    assert CALIBRATED_PG["GP"][6400] == (0.01408686, 5.33142e-5)
    assert CALIBRATED_PG["IP"][2000] == (0.00150104, 6.7832e-7)
