"""Simulated bursts have the noise that they say they have."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cases.flat_bursts import TRUTH
from cases.sensor import generator, ramp, within

from n2nf_core.cameras import IsoKnots, UnknownCameraError
from n2nf_core.simulation import (
    SETTINGS,
    PhysicalSensor,
    physical_bursts,
    simulate_burst_frames,
    simulated_bursts,
)


@pytest.fixture(scope="module")
def bursts():
    return simulated_bursts(TRUTH, [("S6", 800), ("IP", 100)], scenes=4, size=48, frames=3, seed=1)


def test_simulated_bursts_have_the_noise_they_say(bursts):
    for burst in bursts:
        noise = burst.planes(slice(None)) - torch.from_numpy(burst.clean)
        expected = burst.nlf.shot * torch.from_numpy(burst.clean) + burst.nlf.read
        ratio = (noise.square() / expected).mean().item()
        assert abs(ratio - 1) < 4 * (2 / noise.numel()) ** 0.5
    again = simulated_bursts(TRUTH, [("S6", 800), ("IP", 100)], scenes=4, size=48, frames=3, seed=1)
    assert np.array_equal(again[5].frames, bursts[5].frames)
    assert len({burst.scene for burst in bursts}) == 8
    assert len(SETTINGS) == 6 and len({camera for camera, _ in SETTINGS}) == 3


def test_physical_bursts_follow_their_sensor():

    sensor = PhysicalSensor.draw("Canon 70D", torch.Generator().manual_seed(0))
    bursts = physical_bursts(sensor, "mine", scenes=2, size=64, frames=6, exposure=0.2)
    for burst in bursts:
        frames = burst.planes(slice(None))
        assert burst.camera == "mine" and burst.nlf == sensor.nlf
        expected = sensor.variance(torch.from_numpy(burst.clean)).mean()
        assert frames.var(0).mean() == pytest.approx(float(expected), rel=0.1)


class Heteroscedastic:
    """A small noise model: n ~ N(0, x / 100 * ISO / 100) for camera 1, none for camera 0."""

    cameras = ("silent", "noisy")

    def context(self, clean, camera, iso):
        return IsoKnots(self.cameras, [400]).context(clean, camera, iso)

    def sample(self, context, temperature=1.0, generator=None):
        variance = context.clean * context.iso[:, None, None, None] / 10000 * context.camera[:, None, None, None]
        return variance.sqrt() * temperature * torch.randn(context.clean.shape, generator=generator)


def test_simulated_burst_is_scene_plus_independent_noise_of_the_model():
    frames = simulate_burst_frames(Heteroscedastic(), ramp(), "noisy", 400, 40, generator())
    assert frames.shape == (40, 4, 32, 24) and frames.dtype == torch.float32 and not frames.requires_grad
    assert frames.min() < 0  # not clipped
    scaled = (frames - ramp()) / (ramp() * 0.04).sqrt()
    assert within(scaled) and within(scaled.square(), 1.0)
    assert within(scaled[0::2] * scaled[1::2])
    silent = simulate_burst_frames(Heteroscedastic(), ramp(), "silent", 400, 2, generator())
    assert torch.equal(silent, ramp().expand(2, 4, 32, 24))


def test_simulation_refuses_what_it_cannot_do():
    with pytest.raises(UnknownCameraError, match="silent, noisy"):
        simulate_burst_frames(Heteroscedastic(), ramp(), "Phone", 400, 2)
    with pytest.raises(ValueError, match="one scene"):
        simulate_burst_frames(Heteroscedastic(), ramp()[None], "noisy", 400, 2)
    with pytest.raises(ValueError, match="at least 1 frame"):
        simulate_burst_frames(Heteroscedastic(), ramp(), "noisy", 400, 0)
