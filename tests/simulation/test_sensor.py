"""The physical sensor against closed forms. Tolerances are standard errors."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from cases.sensor import generator, ramp, within

from n2nf_core.cameras import NLF
from n2nf_core.simulation import CALIBRATIONS, PhysicalSensor
from n2nf_core.simulation.calibrations import BLACK_LEVEL, WHITE_LEVEL
from n2nf_core.simulation.sensor_stages import (
    Clipping,
    GaussianRead,
    HotPixels,
    PixelResponse,
    Quantisation,
    RowNoise,
    ShotNoise,
    TukeyLambdaRead,
)

RANGE = WHITE_LEVEL - BLACK_LEVEL


STAGES = {
    "shot": {"shot": ShotNoise(3.0)},
    "gaussian read": {"read": GaussianRead(4.0)},
    "tukey read": {"read": TukeyLambdaRead(4.0, shape=0.09)},
    "heavy tails": {"read": TukeyLambdaRead(4.0, shape=-0.1)},
    "logistic": {"read": TukeyLambdaRead(4.0, shape=0.0)},
    "row": {"row": RowNoise(2.0)},
    "quantised": {"read": GaussianRead(1.5), "quantisation": Quantisation(3.0)},
    "all": {
        "shot": ShotNoise(3.0),
        "read": TukeyLambdaRead(4.0),
        "row": RowNoise(2.0),
        "response": PixelResponse(0.02),
        "hot": HotPixels(0.01),
        "quantisation": Quantisation(),
    },
}


@pytest.mark.parametrize("stages", STAGES.values(), ids=STAGES)
def test_mean_and_variance_are_the_closed_form(stages):
    sensor, clean = PhysicalSensor(**stages), ramp()
    error = (sensor.burst(clean, 60, generator()) * RANGE - sensor.expected(clean)).double()
    per_row = error.unflatten(1, (2, 2)).mean((2, 4))  # one mosaic row of one frame: independent of the others
    ratio = (error.square() / (sensor.variance(clean) * RANGE**2)).unflatten(1, (2, 2)).mean((2, 4))
    assert within(per_row)
    assert within(ratio, 1.0)


def test_frames_are_independent_but_for_the_pattern():
    sensor = PhysicalSensor(**STAGES["all"])
    frames = sensor.burst(ramp(), 60, generator()) * RANGE - sensor.expected(ramp())
    scaled = frames / (sensor.variance(ramp()).sqrt() * RANGE)
    products = (scaled[0::2] * scaled[1::2]).unflatten(1, (2, 2)).mean((2, 4))
    assert within(products)


def test_row_noise_is_shared_within_a_mosaic_row_only():
    frames = PhysicalSensor(row=RowNoise(2.0)).burst(ramp(), 200, generator()) * RANGE
    red, green_red, green_blue, blue = (frames - ramp() * RANGE).double().unbind(1)
    assert torch.allclose(red, red[..., :1], atol=0.01)  # along the row; 0.01 DN is single-precision rounding
    assert torch.allclose(red, green_red, atol=0.01)
    assert torch.allclose(green_blue, blue, atol=0.01)
    rows = torch.stack([red[..., 0], blue[..., 0]])  # 2, T, h
    assert within(rows.square(), 4.0)
    assert within(rows[0] * rows[1])
    assert within(rows[:, :, 1:] * rows[:, :, :-1])
    assert within(rows[:, 1:] * rows[:, :-1])


def test_pattern_is_fixed_over_the_burst_and_for_the_sensor():
    sensor = PhysicalSensor(response=PixelResponse(0.01, seed=3), hot=HotPixels(0.02, 500.0, seed=4))
    scenes = torch.stack([ramp(), ramp().flip(-1)])
    frames = sensor.burst(scenes, 3, generator())
    assert torch.equal(frames[:, 0], frames[:, 1]) and torch.equal(frames[:, 0], frames[:, 2])
    assert torch.equal(frames, sensor.burst(scenes, 3, generator(9)))
    assert torch.equal(frames[0], sensor.burst(ramp(), 3, generator()))
    other = replace(sensor, response=PixelResponse(0.01, seed=5))
    assert not torch.equal(frames, other.burst(scenes, 3, generator()))


def test_response_multiplies_and_hot_pixels_add():
    clean = torch.full((4, 64, 64), 0.2)
    gain = PhysicalSensor(response=PixelResponse(0.01)).expected(clean) / (0.2 * RANGE) - 1
    assert within(gain) and within(gain.square(), 1e-4)
    dark = PhysicalSensor(hot=HotPixels(0.02, 500.0)).expected(torch.zeros_like(clean))
    assert within((dark > 0).double(), 0.02)
    assert within(dark[dark > 0], 500.0)


def test_quantisation_gives_whole_numbers_and_clipping_its_limits():
    sensor = PhysicalSensor(
        shot=ShotNoise(20.0), read=GaussianRead(400.0), quantisation=Quantisation(), clipping=Clipping()
    )
    clean = torch.cat([torch.zeros(4, 8, 16), torch.ones(4, 8, 16)], 1)
    dn = sensor.burst_dn(clean, 20, generator())
    assert torch.equal(dn, dn.round())
    assert dn.min() == 0 and dn.max() == WHITE_LEVEL
    frames = sensor.burst(clean, 20, generator())
    assert frames.dtype == torch.float32 and frames.max() == 1 and frames.min() == -BLACK_LEVEL / RANGE
    assert torch.equal(sensor.to_dn(frames), dn)
    cut = replace(sensor, clipping=Clipping(low=BLACK_LEVEL)).burst(clean, 20, generator())
    assert cut.min() == 0 and (cut[:, :, :8] == 0).double().mean() > 0.4


def test_a_sensor_without_stages_is_perfect():
    frames = PhysicalSensor().burst(ramp(), 2, generator())
    assert torch.allclose(frames, ramp().expand(2, 4, 32, 24), atol=1e-6)
    assert PhysicalSensor().nlf == NLF(0, 0)


def test_same_generator_same_burst_and_no_global_state():
    sensor = PhysicalSensor(**STAGES["all"])
    state = torch.get_rng_state()
    assert torch.equal(sensor.burst(ramp(), 2, generator(1)), sensor.burst(ramp(), 2, generator(1)))
    assert not torch.equal(sensor.burst(ramp(), 2, generator(1)), sensor.burst(ramp(), 2, generator(2)))
    assert torch.equal(state, torch.get_rng_state())


def test_nlf_is_the_line_that_variance_follows():
    sensor, clean = PhysicalSensor(**STAGES["all"]), ramp()
    shot, read = sensor.nlf
    flat = replace(sensor, response=None, hot=None)
    assert torch.allclose(flat.variance(clean), shot * clean + read, rtol=1e-5)


@pytest.mark.parametrize("camera", CALIBRATIONS)
@pytest.mark.parametrize("read", [TukeyLambdaRead, GaussianRead])
def test_drawn_sensors_follow_the_published_laws(camera, read):
    gain, gaussian, tukey, row = CALIBRATIONS[camera]
    sensors = [PhysicalSensor.draw(camera, generator(seed), read) for seed in range(300)]
    logs = torch.tensor([s.shot.gain for s in sensors], dtype=torch.float64).log()
    low, high = torch.tensor(gain, dtype=torch.float64).log()
    assert low <= logs.min() and logs.max() <= high
    uniform = (logs - low) / (high - low)
    assert within(uniform, 0.5) and within((uniform - 0.5).square(), 1 / 12)
    laws = {"read": gaussian if read is GaussianRead else tukey, "row": row}
    for name, law in laws.items():
        if law is None:
            assert all(getattr(s, name) is None for s in sensors)
            continue
        scales = torch.tensor([getattr(s, name).scale for s in sensors], dtype=torch.float64).log()
        residual = (scales - law.slope * logs - law.bias) / law.spread
        assert within(residual) and within(residual.square(), 1.0) and within(residual * (uniform - 0.5))


def test_unknown_sensor_names_the_known_ones():
    with pytest.raises(LookupError, match="'Phone'.*Sony A7S2, Nikon D850"):
        PhysicalSensor.draw("Phone", generator())


@pytest.mark.parametrize(
    ("clean", "message"),
    [
        (torch.zeros(3, 8, 8), "must be planes"),
        (torch.zeros(8, 8), "must be planes"),
        (torch.full((4, 8, 8), -0.1), "at least 0"),
        (torch.full((4, 8, 8), float("nan")), "at least 0"),
    ],
)
def test_bad_scenes_are_a_clear_error(clean, message):
    with pytest.raises(ValueError, match=message):
        PhysicalSensor(shot=ShotNoise(1.0)).burst(clean, 2, generator())


def test_a_burst_without_frames_is_a_clear_error():
    with pytest.raises(ValueError, match="at least 1 frame"):
        PhysicalSensor().burst(ramp(), 0)
