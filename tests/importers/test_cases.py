"""Inputs of public bug reports, if the script that writes them is at hand: what is read of each, as a whole.

The tests of the single importers write inputs of the same kinds themselves.
"""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from n2nf_core.bursts import BurstError
from n2nf_core.importers import read_bursts

GIVE = "white level.*give white"
WANTED = {
    "dose_series": GIVE,
    "settings_int64.npz": GIVE,
    "clipped12.tif": {"white": 4095.0},
    "imagej_tzc.tif": r"depth \(Z\) of 3, channel \(C\) of 2",
    "ome_tc.ome.tif": r"channel \(C\) of 2",
    "rgb_cube.fits": "RGB",
    "image_and_mask_hdus": {"white": 65535.0, "count": 4},
    "bayer_y_offset": {"cfa": "RGGB", "levels": (0.3, 1.0, 1.0, 0.6)},
    "fits_mixed": "frames differ, ISO 100.*dark in f0.fits.*light in f1.fits",
    "cfa_tags.tif": {"cfa": "RGGB", "black": (64.0,) * 4, "white": 1023.0, "iso": 800.0, "camera": "Cam X"},
    "miniswhite.tif": "MINISWHITE",
    "palette.tif": "PALETTE",
    "iso_text.fits": {"iso": 800.0},
    "iso_zero.fits": {"iso": 100.0, "note": "ISO not stated"},
    "bayer_none.fits": {"cfa": "MONO", "note": "CFA not stated"},
    "empty_axis.fits": "holds no frames",
    "white_four.npz": {"white": 1023.0, "black": (64.0,) * 4},
    "no_frames.npz": "holds no frames",
    "setting_float.npz": {"white": 4095.0, "bursts": 3},
    "float.tif": GIVE,
    "black_fraction": {"black": (64.4375,) * 4, "white": 1023.0},
    "black_deltaH": {"black": (64.0, 72.0, 64.0, 72.0), "count": 4},
    "black_float_dng": {"black": pytest.approx((0.0626 * 16383,) * 4), "white": 16383.0},
    "black_per_frame": {
        "black": (65.0,) * 4,
        "white": 1023.0,
        "count": 4,
        "note": "black level differs between frames",
    },
    "black_per_frame_fraction": {"black": (64.1,) * 4, "count": 4, "note": "black level differs between frames"},
    "exposures_mixed": {"count": 2, "note": "3 settings"},
    "hidden_file": {"count": 4},
    "empty_file": r"f02\.dng",
    "broken_link": {"count": 4},
    "sidd_linked": {"count": 2, "camera": "S6", "iso": 100.0},
}
WANTED_WITH_WHITE = {
    "ome_two_positions.ome.tif": {"bursts": 2, "count": 3},
    "ome_one_burst_in_two_files": {"bursts": 1, "count": 6},
    "lzw.tif": {"count": 4},
    "zstd.tif": {"count": 4},
    "dose_series": {"bursts": 4, "white": 4095.0},
    "settings_int64.npz": {"bursts": 3, "white": 4095.0},
    "iso_text.npz": {"iso": 800.0},
    "cfa_array.npz": {"cfa": "RGGB"},
    "float.tif": {"white": 4095.0},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    script = Path(os.environ.get("N2NF_DATA", "none")).parent / "cases" / "make_cases.py"
    if not script.exists():
        pytest.skip("the script that writes the cases is not beside the folder N2NF_DATA")
    out = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, script, out], check=True, capture_output=True, cwd=script.parent)
    return out


@pytest.mark.parametrize(
    ("name", "white", "wanted"),
    [
        *((name, None, wanted) for name, wanted in WANTED.items()),
        *((name, 4095, wanted) for name, wanted in WANTED_WITH_WHITE.items()),
    ],
)
def test_a_case(folder, name, white, wanted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(wanted, str):
            with pytest.raises(BurstError, match=wanted) as error:
                read_bursts(folder / name, white=white)
            assert "\n" not in str(error.value)
            return
        found = read_bursts(folder / name, white=white)
    assert len(found) == wanted.get("bursts", 1)
    for burst in found:
        for field in set(wanted) - {"bursts", "count", "note", "levels"}:
            assert getattr(burst, field) == wanted[field]
        assert len(burst) == wanted.get("count", len(burst))
        assert wanted.get("note", "") in " ".join(burst.provenance["notes"])
        if "levels" in wanted:  # the planes in proportion to the colours of the scene
            means = np.mean([burst.frames[t].mean((1, 2)) for t in range(len(burst))], 0) - 500
            np.testing.assert_allclose(means / means.max(), wanted["levels"], rtol=0.03)
