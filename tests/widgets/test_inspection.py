"""What a burst shows before any training: its middle, the drift of its frames, saturation, photon transfer."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from n2nf_core.baselines.photon_transfer import photon_transfer
from n2nf_core.bursts import Burst
from n2nf_core.widgets import inspection


def burst_of(frames, iso=100.0, white=1.0):
    return Burst(frames.astype(np.float32), 0.0, white, "RGGB", "mine", iso, "scene")


@pytest.fixture
def bright():
    """Six frames of a ramp with noise; the light grows by a tenth from the first frame to the last."""
    rng = np.random.default_rng(0)
    light = np.linspace(0.95, 1.05, 6)[:, None, None, None]
    ramp = np.linspace(0.1, 0.8, 48)
    return light * ramp + 0.02 * rng.standard_normal((6, 4, 40, 48))


def test_the_middle_is_in_the_middle_and_a_small_frame_is_whole(bright):
    burst = burst_of(bright)
    assert inspection.middle(burst, 10).provenance["window"] == [[15, 25], [19, 29]]
    assert inspection.middle(burst, 44).provenance["window"] == [[0, 40], [2, 46]]


def test_drift_is_each_frame_s_light_and_saturation_its_share_at_white(bright):
    bright[2, 0] = 1.0
    found = inspection.frame_figures(burst_of(bright[:2]))
    assert np.array(found["drift"]).shape == (4, 2) and found["saturated"] == [0.0, 0.0]
    assert np.array(found["drift"]).mean(1) == pytest.approx(np.ones(4))
    assert np.array(found["drift"])[:, 1] == pytest.approx(np.full(4, 0.97 / 0.96), rel=0.01)
    assert inspection.frame_figures(burst_of(bright))["saturated"][2] == 0.25


def test_pictures_are_of_one_size_and_the_difference_is_about_grey(bright):
    found = inspection.pair_pictures(burst_of(bright))
    arrays = {n: np.array(Image.open(io.BytesIO(base64.b64decode(data)))) for n, data in found.items()}
    assert {array.shape for array in arrays.values()} == {(40, 48)}
    assert abs(float(arrays["difference"].mean()) - 127.5) < 40 and arrays["first"].std() > 30


def test_photon_transfer_is_of_the_bursts_of_the_first_one_s_setting_alone(bright):
    steady = [burst_of(bright), burst_of(bright[:, :, ::-1])]
    found = inspection.inspect([*steady, burst_of(0.5 * bright, iso=200.0)])
    fit = photon_transfer([burst.planes(range(6)) for burst in steady])
    assert (found["photon"]["shot"], found["photon"]["read"]) == (fit.shot, fit.read)
    assert found["count"] == 3 and found["size"] == [80, 96] and found["levels"] == [0.0, 1.0]
    assert len(found["photon"]["points"]) <= inspection.POINTS
    signals = [signal for signal, _ in found["photon"]["points"]]
    assert signals == sorted(signals)
