"""The metadata files of SIDD."""

import shutil

import numpy as np
import pytest
from cases.sidd import mosaics, write_instance

from n2nf_core import raw
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
