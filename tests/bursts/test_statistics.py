"""What was put into simulated frames is what their statistics find, within standard errors."""

import numpy as np
import pytest
from cases.poisson_bursts import BLACK, WHITE, burst_in_dn, exposed, ramp, texture

from n2nf_core.bursts.sample import Sample
from n2nf_core.bursts.statistics import measure

SIGMAS = 5


def measured(frames, **changes):
    sample = Sample(burst_in_dn(frames, **changes))
    for t, frame in enumerate(frames):
        sample.see(t, frame)
    return measure(sample)


@pytest.mark.parametrize("count", [2, 5, 30])
@pytest.mark.parametrize("rows", [0.0, 5.0])
def test_still_frames_show_their_noise_and_nothing_else(count, rows):
    frames = exposed(ramp(64, 96), count, gain=2.0, read=4.0)
    jitter = np.random.default_rng(1).normal(0, rows, (count, 2, 1, 64, 1)).repeat(2, 2).reshape(count, 4, 64, 1)
    found = measured(np.round(frames + jitter).astype(np.uint16))
    variance = 4 * ramp().mean() + 4.0**2 + rows**2 + 1 / 12  # gain^2 electrons + read^2 + rounding
    error = variance * (2 / (4 * 64 * 96 * (count - 1)) + 2 * (rows**2 / variance) ** 2 / (128 * (count - 1))) ** 0.5
    assert abs(found.noise**2 - variance) < SIGMAS * 1.3 * error
    assert (found.gains == 1).all() and found.drift == 0 and found.flicker < 0.01 and found.moved == 0
    assert abs(found.correlation) < SIGMAS * found.correlation_error
    assert abs(found.growth[0]) < SIGMAS * found.growth[1]
    assert found.pattern == found.colours == found.below == 0 and np.isnan(found.zero)


def test_gains_are_those_of_the_light():
    light = 1 + 0.04 * np.linspace(-1, 1, 5)
    found = measured(exposed(texture() * light[:, None, None, None], 5))
    error = (500**0.5 / 96 / 500) * 2
    np.testing.assert_allclose(found.gains, np.broadcast_to(light[:, None], (5, 4)), atol=SIGMAS * error)
    square = (texture() ** 2).mean() * ((light - 1) ** 2).mean()
    assert found.drift == pytest.approx(square / found.noise**2, rel=0.1)
    assert abs(found.correlation) < SIGMAS * found.correlation_error  # the texture does not come through


def test_light_that_changes_from_place_to_place():
    bands = 1 + 0.03 * np.sin(np.arange(96) / 15 + np.arange(6)[:, None])
    found = measured(exposed(500 * np.broadcast_to(bands[:, None, :, None], (6, 4, 96, 96))))
    assert 0.05 < found.flicker < (500 * 0.03) ** 2 / 2 / found.noise**2


def test_growth_and_motion():
    walk = np.stack([texture(120, 96)[:, t : 96 + t] for t in range(6)])
    found = measured(exposed(walk))
    assert found.growth[0] > 1 and found.moved == 1
    corner = np.broadcast_to(texture(), (6, 4, 96, 96)).copy()
    corner[3, :, :32, :32] = texture(seed=1)[:, :32, :32]
    assert measured(exposed(corner)).moved == pytest.approx(1 / 9)


def test_the_correlation_of_processed_frames_is_that_of_the_filter():
    noise = np.random.default_rng(0).normal(0, 10, (4, 4, 129, 129))
    smooth = sum(noise[..., i : 128 + i, j : 128 + j] for i in (0, 1) for j in (0, 1)) + 1000
    found = measured(smooth.round().astype(np.uint16))
    assert abs(found.correlation - 0.5) < SIGMAS * 2 * found.correlation_error
    across = np.repeat(noise.mean(1, keepdims=True), 4, 1) + 1000  # the pixels of a cell alike, as after demosaicing
    assert measured(across.round().astype(np.uint16)).correlation > 0.9


def test_where_the_noise_falls_to_zero_is_black():
    frames = exposed(ramp() / 2, 8, gain=2.0, read=1.0, black=164)
    found = measured(frames).zero
    assert abs(found - (100 - 0.25 - 0.02)) < 5  # 100 above the stated level, less the read noise over the gain
    assert np.isnan(measured(frames, black=164).zero)
    assert measured(frames, black=300).below == pytest.approx((136 - 20) / 980, abs=0.1)


def test_colours_and_patterns_of_the_mean():
    planes = ramp() * np.array((0.5, 1, 1, 0.7))[:, None, None]
    assert measured(exposed(planes)).colours == pytest.approx(0.2 / 0.8 * 1.2, abs=0.08)
    quad = np.kron(np.ones((48, 48)), ((0.3, 1), (1, 0.6))) * ramp()
    assert measured(exposed(quad)).pattern == pytest.approx((1 + 1 - 0.3 - 0.6) / 4 / 0.725, rel=0.05)


def test_a_reference_of_another_unit():
    clean = (ramp() / (WHITE - BLACK)).astype(np.float32)
    right, wrong = (measured(exposed(ramp()), clean=c).reference for c in (clean, 1.5 * clean))
    assert right[0] < 0.01 and wrong[0] == pytest.approx(0.5, abs=0.01) and wrong[1] > 5
    assert np.isnan(measured(exposed(ramp())).reference).all()


def test_frames_of_a_few_pixels_say_nothing():
    assert measured(exposed(np.full((4, 3, 5), 100.0), 50)) is None


def test_row_noise_is_taken_neither_for_correlation_nor_for_motion():
    for height, seed in ((8, 0), (8, 1), (8, 2), (8, 3), (8, 4), (62, 5)):
        rng = np.random.default_rng(seed)
        rows = rng.normal(0, 10, (2, 2, 1, height, 1)).repeat(2, 2).reshape(2, 4, height, 1)
        frames = rng.normal(500, 2, (2, 4, height, 62)) + rows
        found = measured(frames.astype(np.float32))
        assert abs(found.correlation) < SIGMAS * found.correlation_error and found.moved == 0


def test_a_change_of_light_that_does_not_matter_is_left_alone():
    light = 1 + 0.002 * np.linspace(-1, 1, 5)[:, None, None, None]
    assert (measured(exposed(200 * light * np.ones((4, 256, 256)), 5)).gains == 1).all()


def test_means_of_tiles_change_by_noise_alone():
    flicker = measured(exposed(np.full((4, 128, 128), 500.0), 20)).flicker
    assert abs(flicker) < SIGMAS / 4096 * (2 / (16 * 19)) ** 0.5 * 1.3
