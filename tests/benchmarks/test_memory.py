"""Large bursts are worked on frame by frame: what a step takes does not grow with the number of frames."""

import json
import subprocess
import sys

import pytest

from benchmarks.memory import STORED, Case, measure


def test_frames_are_those_of_the_case():
    first, second = (Case(2, 64, 80, "npz").mosaic(t) for t in (0, 1))
    assert first.shape == (64, 80) and (first != second).mean() > 0.9
    assert Case(2, 3000, 4000, "tif").name == "2 x 12 MP, tif"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
def test_photon_transfer_of_many_frames_takes_the_memory_of_a_few(tmp_path):
    """40 frames of 4 MB in float32: all of them at once would be 168 MB."""
    rows = measure(Case(40, 1024, 1024, STORED), tmp_path, ["photon transfer"])
    assert 10 < rows[0]["peak_megabytes"] < 100 and rows[0]["file_megabytes"] > 20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a process")
@pytest.mark.parametrize(("frames", "most"), [(2, 6), (3, 5)])
def test_photon_transfer_of_large_frames_takes_the_memory_of_a_few(tmp_path, frames, most):
    """Beside a frame as it is stored and in float32, the mean and the variance; the sums over blocks are small.

    Among three frames, one that is still held when the next one is read shows.
    """
    rows = measure(Case(frames, 3024, 4032, STORED), tmp_path, ["photon transfer"])
    frame_megabytes = 4 * 3024 * 4032 / 1e6
    assert 2 * frame_megabytes < rows[0]["peak_megabytes"] < most * frame_megabytes


def test_a_step_that_fails_says_why(tmp_path):
    command = [sys.executable, "-m", "benchmarks.memory", "--child", "check", str(tmp_path / "missing.npz")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode and "missing.npz" in done.stderr
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)
