"""Camera RAW: minimal DNG files that the real LibRaw opens."""

import numpy as np
import pytest
from cases.stacks import PATTERNS, mosaics, one, write_dng

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.cameras import NLF
from n2nf_core.importers import read_bursts


def dng_folder(folder, count=3, height=64, width=96, **how):
    frames = mosaics(count, height, width)
    for t, frame in enumerate(frames):
        write_dng(folder / f"f{t}.dng", frame, **how)
    return frames


@pytest.mark.parametrize("cfa", PATTERNS)
def test_dng_gives_planes_levels_and_settings(tmp_path, cfa):
    frames = dng_folder(tmp_path, cfa=cfa)
    burst = one(tmp_path)
    assert np.array_equal(burst.frames[:], raw.pack(raw.unify(frames, cfa)))
    assert burst.black == raw.unify_levels((60, 61, 62, 63), cfa) and burst.white == 4095
    assert (burst.camera, burst.iso, burst.cfa, burst.nlf) == ("Model 1", 400, "RGGB", NLF(1e-3, 2e-6))
    assert burst.scene == tmp_path.name and burst.provenance["notes"] == []


def test_dng_options_win(tmp_path):
    frames = dng_folder(tmp_path)
    burst = one(tmp_path, camera="mine", iso=64, black=70, white=5000, cfa="MONO")
    assert (burst.camera, burst.iso, burst.black, burst.white) == ("mine", 64, (70,) * 4, 5000)
    assert burst.nlf is None and np.array_equal(burst.frames[:], raw.pack(frames))


def test_dng_visible_area_has_its_own_cfa_origin(tmp_path):
    """LibRaw moves the active area (1, 3) to (2, 4), so the pattern starts otherwise than the tag says."""
    frames = dng_folder(tmp_path, active=(1, 3, 64, 96))
    burst = one(tmp_path)
    rows, columns = burst.shape[2] * 2, burst.shape[3] * 2
    assert np.array_equal(burst.frames[:], raw.pack(frames[:, 3 : 3 + rows, 5 : 5 + columns]))


def test_dng_of_odd_size_is_cropped_and_says_so(tmp_path):
    frames = dng_folder(tmp_path, height=65, width=97)
    burst = one(tmp_path)
    assert np.array_equal(burst.frames[:], raw.pack(frames[:, :64, :96]))
    assert burst.provenance["notes"] == ["visible area 65 x 97 cropped to 64 x 96"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"height": 32}, "size: frames differ, 64 x 96 in f0.dng, 32 x 96 in f9.dng"),
        ({"iso": 800}, "Model 1 at ISO 400.0 in f0.dng, Model 1 at ISO 800.0 in f9.dng"),
        ({"white": 1023}, "white: frames differ"),
        ({"cfa": "BGGR"}, "cfa: frames differ, RGGB in f0.dng, BGGR in f9.dng"),
    ],
)
def test_dng_frames_that_do_not_belong_together(tmp_path, how, message):
    dng_folder(tmp_path)
    height = how.pop("height", 64)
    write_dng(tmp_path / "f9.dng", mosaics(1, height, 96, seed=9)[0], **how)
    with pytest.raises(BurstError, match=message):
        read_bursts(tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.99])
def test_a_truncated_dng(tmp_path, part):
    dng_folder(tmp_path)
    data = (tmp_path / "f1.dng").read_bytes()
    (tmp_path / "f1.dng").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BurstError, match=r"f1\.dng") as error:
        read_bursts(tmp_path, camera="c", iso=100)
    assert "\n" not in str(error.value)


def test_a_single_dng_is_one_frame(tmp_path):
    dng_folder(tmp_path, count=1)
    with pytest.raises(BurstError, match="1 frame; a noisy pair needs at least two"):
        read_bursts(tmp_path / "f0.dng")
