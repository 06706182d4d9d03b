"""Gain and read noise of sensors that are known, and of real ones of which figures are published."""

from dataclasses import replace

import numpy as np
import pytest
from cases.poisson_bursts import BLACK, WHITE, burst_in_dn, exposed, ramp

from n2nf_core import raw
from n2nf_core.evaluation.camera_numbers import measure_camera
from n2nf_core.importers import read_bursts

GAIN, READ = 1.6, 4.0
SIDE = 96


def flat(electrons, side=SIDE):
    return np.full((4, side, side), float(electrons))


def burst(scene, count, seed, rows=0.0, **changes):
    """A burst of the known sensor, with row noise of ``rows`` DN."""
    frames = exposed(scene, count, GAIN, READ, seed).astype(np.float64)
    shared = np.random.default_rng(seed + 1000).normal(0, rows or 1e-9, (*frames.shape[:3], 1))
    return burst_in_dn(np.clip(np.round(frames + shared), 0, WHITE).astype(np.uint16), **changes)


def assert_known(numbers, read=READ):
    gain_error, read_error = numbers.gain_dn_per_electron_error, numbers.read_dn_error
    assert abs(numbers.gain_dn_per_electron - GAIN) < max(0.02 * GAIN, 3 * gain_error)
    assert abs(numbers.read_dn - read) < max(0.05 * read, 3 * read_error)
    assert gain_error < 0.1 * GAIN


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cfa", ["RGGB", "MONO"])
@pytest.mark.parametrize("count", [2, 10])
def test_a_known_sensor_is_recovered_from_one_scene(seed, cfa, count):
    found = measure_camera([burst(ramp(SIDE, SIDE), count, seed, cfa=cfa)])
    assert list(found) == (["all", "R", "Gr", "Gb", "B"] if cfa == "RGGB" else ["all"])
    for each in found.values():
        assert_known(each.numbers)


def series(seed, levels=(5, 50, 200, 500, 1000, 1500)):
    return [burst(flat(level), 2, seed * 100 + k, cfa="MONO") for k, level in enumerate(levels)]


@pytest.mark.parametrize("seed", range(3))
def test_a_series_of_exposures_is_one_measurement(seed):
    numbers = measure_camera(series(seed))["all"].numbers
    assert_known(numbers)
    assert numbers.gain_dn_per_electron_error < 0.01 * GAIN and numbers.read_dn_error < 0.05 * READ
    assert abs(numbers.skewness_ratio - 1) < 4 * numbers.skewness_ratio_error < 1


@pytest.mark.parametrize("seed", range(3))
def test_dark_frames_give_black_level_read_noise_and_dsnu(seed):
    pattern = np.random.default_rng(0).normal(0, 1.5, (4, SIDE, SIDE))
    darks = [burst(flat(0), 6, 50 + seed, cfa="MONO")]
    darks = [replace(b, frames=np.round(b.frames + pattern + 10).astype(np.uint16)) for b in darks]
    lit = burst(ramp(SIDE, SIDE), 4, seed, cfa="MONO")
    lit = replace(lit, frames=(lit.frames + 10).astype(np.uint16))  # the black level is not the one that is stated
    numbers = measure_camera([lit], darks)["all"].numbers
    assert_known(numbers)
    assert numbers.read_dn_error < 0.01 * READ
    assert numbers.dsnu_dn == pytest.approx(1.5, rel=0.05)
    assert numbers.dsnu_electrons == pytest.approx(numbers.dsnu_dn / numbers.gain_dn_per_electron)
    assert numbers.saturation_dn == pytest.approx(WHITE - BLACK - 10, abs=1)


def test_row_noise_is_part_of_the_read_noise():
    for rows in (0.0, 2.0):
        numbers = measure_camera([burst(ramp(SIDE, SIDE) / 20, 10, 3, rows)])["all"].numbers
        assert_known(numbers, (READ**2 + rows**2) ** 0.5)
        assert abs(numbers.row_noise_dn - rows) < 4 * numbers.row_noise_dn_error < 2


def test_full_well_is_where_the_variance_falls():
    well = 1500
    bursts = [
        replace(b, frames=np.minimum(b.frames, BLACK + well).astype(np.uint16))
        for b in series(0, (5, 200, 500, 800, 930, 1000))
    ]
    numbers = measure_camera(bursts)["all"].numbers
    assert numbers.saturation_seen and 0.8 * well < numbers.saturation_dn < well
    assert_known(numbers)
    whole = measure_camera(series(0))["all"].numbers
    assert not whole.saturation_seen and whole.saturation_dn == WHITE - BLACK


def test_what_follows_from_gain_read_noise_and_saturation():
    n = measure_camera(series(1))["all"].numbers
    electrons = n.saturation_dn / n.gain_dn_per_electron
    assert n.full_well_electrons == pytest.approx(electrons) and n.snr_max == pytest.approx(electrons**0.5)
    assert n.snr_max_db == pytest.approx(20 * np.log10(n.snr_max))
    assert n.dynamic_range == pytest.approx(electrons / (n.dark_noise_dn / n.gain_dn_per_electron + 0.5))
    assert n.dynamic_range_db == pytest.approx(20 * np.log10(n.dynamic_range))
    assert n.read_electrons == pytest.approx(n.read_dn / n.gain_dn_per_electron)
    assert n.dark_noise_dn**2 - n.read_dn**2 == pytest.approx(1 / 12)


def test_rounding_is_that_of_the_steps_of_the_file():
    scaled = [replace(b, frames=(b.frames * 8).astype(np.uint16), black=8 * BLACK, white=8 * WHITE) for b in series(1)]
    n = measure_camera(scaled)["all"].numbers
    assert n.dark_noise_dn**2 - n.read_dn**2 == pytest.approx(64 / 12)
    floats = [replace(b, frames=b.frames.astype(np.float32)) for b in series(1)]
    n = measure_camera(floats)["all"].numbers
    assert n.dark_noise_dn == n.read_dn


def test_bursts_of_two_settings_are_refused():
    with pytest.raises(ValueError, match="one measurement is of one camera, ISO and colour filter"):
        measure_camera([burst(ramp(SIDE, SIDE), 2, 0), burst(ramp(SIDE, SIDE), 2, 0, iso=200)])


@pytest.mark.parametrize("cut", [0, 8])
def test_pixels_have_black_levels_of_their_own(cut):
    """Four amplifiers whose black levels differ by far more than the dark noise; dark frames of another size, too."""
    offset = 200.0 + 60 * np.sign(ramp(SIDE, SIDE) - 500)
    lit, dark = (
        replace(b, frames=(b.frames + offset).astype(np.uint16))
        for b in (burst(flat(900), 2, 1, cfa="MONO"), burst(flat(0), 4, 2, cfa="MONO"))
    )
    numbers = measure_camera([lit], [replace(dark, frames=dark.frames[:, :, cut:])])["all"].numbers
    if not cut:
        assert_known(numbers)
    assert abs(numbers.read_dn - READ) < 4 * numbers.read_dn_error
    assert numbers.dsnu_dn == pytest.approx(60, rel=0.01)


def test_dark_frames_that_rounding_hides_do_not_bend_the_line():
    """Read noise of 0.35 steps: dark frames on a number have half of the variance that rounding adds elsewhere."""
    gain, read = 0.02, 0.35
    flats = [
        burst_in_dn(exposed(flat(e, 128), 2, gain, read, k, 8), black=8, cfa="MONO")
        for k, e in enumerate((1000, 2500, 5000, 7000, 9000))
    ]
    darks = [burst_in_dn(exposed(flat(0, 128), 4, gain, read, 9, 8), black=8, cfa="MONO")]
    numbers = measure_camera(flats, darks)["all"].numbers
    assert abs(numbers.gain_dn_per_electron - gain) < 0.02 * gain
    assert abs(numbers.read_dn - read) < max(0.05 * read, 3 * numbers.read_dn_error)


def test_the_gain_that_is_published_for_a_sensor_with_its_multiplication_off(real_data):
    """Six levels of light, of which 5,000 frames of 2 x 2 pixels stand beside one another as larger frames."""
    series, known = (
        np.load(real_data / f"emccd_{name}.npz") for name in ("gain_series_and_1x", "intensity_series_100x")
    )

    def beside(frames):
        cells = frames[:, :2, :2].reshape(2, 50, 50, 2, 2)
        mosaic = np.ascontiguousarray(cells.transpose(0, 1, 3, 2, 4).reshape(2, 100, 100))
        return burst_in_dn(raw.pack(mosaic), black=float(known["S0"].mean()), white=65535, cfa="MONO")

    numbers = measure_camera([beside(series[f"gain1_level{k}"]) for k in range(1, 7)])["all"].numbers
    published = 1 / float(known["adu"].mean())
    assert abs(numbers.gain_dn_per_electron - published) < 2 * numbers.gain_dn_per_electron_error < 0.03 * published


def eight_bits(read, black, levels, seed):
    """Flat fields, and dark frames, of 0.02 DN per electron."""
    frames = [exposed(flat(e, 64), 2, 0.02, read, seed + k, black) for k, e in enumerate((*levels, 0))]
    *flats, dark = [burst_in_dn(each, black=black, cfa="MONO") for each in frames]
    return flats, [dark]


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("read", [0.2, 0.3, 0.4])
def test_noise_below_a_step_is_known_from_brighter_frames(read, dark):
    """What the darkest frames show depends on where black lies between two numbers, so they are not used."""
    for k, black in enumerate(np.linspace(8, 9, 6)):
        flats, darks = eight_bits(read, black, (20, 1000, 2500, 5000, 9000), 10 * k)
        n = measure_camera(flats, darks if dark else [])["all"].numbers
        assert abs(n.read_dn - read) < 3 * n.read_dn_error < 0.1
        assert abs(n.gain_dn_per_electron - 0.02) < 3 * n.gain_dn_per_electron_error < 0.001
        assert n.rounding_share < 0.5


def test_the_error_of_the_read_noise_includes_that_of_rounding():
    for k, black in enumerate(np.linspace(8, 9, 6)):
        flats, darks = eight_bits(0.3, black, (20, 100, 300), 10 * k)
        n = measure_camera(flats, darks)["all"].numbers
        assert abs(n.read_dn - 0.3) < 3 * n.read_dn_error < 1.0 and n.rounding_share > 0.5
    assert measure_camera(series(0))["all"].numbers.rounding_share < 1e-6


@pytest.mark.parametrize(
    ("plane", "shot", "read"), [("R", 0.446, 2.1), ("Gr", 0.393, 1.9), ("Gb", 0.397, 1.7), ("B", 0.461, 2.3)]
)
def test_read_noise_of_a_camera_without_dark_frames(d7000, plane, shot, read):
    """The reference states the line's variance at signal 0, 1.7 to 2.3 DN^2, with two digits."""
    n = d7000[plane].numbers
    assert abs(n.gain_dn_per_electron - shot) < 0.0005 + 3 * n.gain_dn_per_electron_error < 0.02 * shot
    assert abs(n.dark_noise_dn**2 - read) < 0.05 + 3 * 2 * n.read_dn * n.read_dn_error < 0.5 * read
    assert n.read_dn == pytest.approx((n.dark_noise_dn**2 - 1 / 12) ** 0.5)
    assert 30 < n.darkest_electrons < 120


@pytest.fixture(scope="module")
def d7000(real_data):
    return measure_camera(read_bursts(real_data / "nikon_d7000_iso100_flats.npz"))


def test_the_darkest_signal_is_that_from_which_the_line_extrapolates():
    lit, darks = series(0, (200, 500, 1000)), [burst(flat(0), 4, 9, cfa="MONO")]
    n = measure_camera(lit)["all"].numbers
    assert n.darkest_electrons == pytest.approx(200, rel=0.02)
    assert measure_camera(lit, darks)["all"].numbers.darkest_electrons is None
