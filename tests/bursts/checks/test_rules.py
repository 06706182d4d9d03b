"""Every rule says nothing of a burst that is well, and has its verdict on one that is not."""

import numpy as np
import pytest
from cases.poisson_bursts import BLACK, WHITE, burst_in_dn, exposed, ramp, texture

from n2nf_core.bursts import find

NAMES = (
    "copies", "constant parts", "saturated", "cut off above", "cut off below", "black level too high",
    "black level too low", "noise along the signal", "noise in steps", "missing numbers", "colour filter", "drift",
    "flicker", "correlation", "growth", "motion", "noise of single frames", "row noise", "unsteady pixels",
    "hot pixels",
)  # fmt: skip


def verdicts(frames, **changes):
    """name -> verdict, for what is not ok."""
    return {f.name: f.verdict for f in find(burst_in_dn(frames, **changes)) if f.verdict != "ok"}


def changed(where, value, scene=texture, **options):
    frames = exposed(scene(), **options)
    frames[where] = value
    return frames


def gamma(frames):
    """What a picture of the frames holds: a tone curve, in 8 bits."""
    return np.round(255 * (np.maximum(frames.astype(float) - BLACK, 0) / 1300).clip(max=1) ** (1 / 2.2)).astype(
        np.uint16
    )


QUAD = np.kron(np.ones((48, 48)), ((0.3, 1), (1, 0.6))) * ramp()
STRIPES = np.random.default_rng(5).normal(0, 9, (6, 2, 96, 1)).repeat(2, 1)
HOT = np.where(np.random.default_rng(5).random((4, 96, 96)) < 0.004, 400, 0)
JUMPS = np.where(np.random.default_rng(5).random((4, 96, 96)) < 0.02, 200, 0)
CLEAN = (texture() / (WHITE - BLACK)).astype(np.float32)
BAD = {
    "rows of zeros in a frame": (lambda: changed(np.s_[2, :, 60:], 0), {}, "constant parts", "refuse"),
    "a tile of one value in a frame": (lambda: changed(np.s_[1, :, :32, :64], 70), {}, "constant parts", "refuse"),
    "saturated": (lambda: exposed(ramp()), {"white": 900}, "saturated", "warn"),
    "mostly saturated": (lambda: exposed(ramp()), {"white": 300}, "saturated", "refuse"),
    "clipped below white": (lambda: exposed(ramp()).clip(max=1000), {}, "cut off above", "warn"),
    "mostly clipped": (lambda: exposed(ramp()).clip(max=300), {}, "cut off above", "refuse"),
    "dark clipped": (lambda: exposed(0 * ramp(), read=2).clip(min=BLACK), {}, "cut off below", "warn"),
    "black above all": (lambda: exposed(ramp()), {"black": 1100}, "black level too high", "refuse"),
    "black above a part": (lambda: exposed(ramp()), {"black": 400}, "black level too high", "warn"),
    "pedestal unknown": (lambda: exposed(ramp(), black=164), {}, "black level too low", "warn"),
    "clamped at black": (lambda: exposed(ramp() / 50, black=0), {"black": 0}, "cut off below", "warn"),
    "coarse": (lambda: exposed(ramp(), read=0.1) // 256, {"black": 0}, "noise in steps", "warn"),
    "multiplied by 2": (lambda: 2 * exposed(ramp() / 3), {"black": 128}, "missing numbers", "warn"),
    "multiplied by 1.25": (lambda: (1.25 * exposed(ramp() / 3)).astype(np.uint16), {}, "missing numbers", "warn"),
    "quad Bayer": (lambda: exposed(QUAD), {}, "colour filter", "refuse"),
    "colours called mono": (
        lambda: exposed(ramp() * np.array((0.5, 1, 1, 0.7))[:, None, None]), {"cfa": "MONO"}, "colour filter", "warn",
    ),
    "clean of another scale": (lambda: exposed(texture()), {"clean": 1.3 * CLEAN}, "reference", "warn"),
    "clean of another scene": (lambda: exposed(texture()), {"clean": 0 * CLEAN}, "reference", "refuse"),
    "rows jump": (lambda: exposed(ramp() + STRIPES + 20), {}, "row noise", "warn"),
    "columns jump": (lambda: exposed(ramp() + STRIPES[:, [0, 2, 1, 3]].swapaxes(2, 3) + 20), {}, "row noise", "warn"),
    "telegraph noise": (lambda: exposed(ramp() + JUMPS * np.random.default_rng(6).integers(0, 2, (6, 4, 96, 96))), {},
                        "unsteady pixels", "warn"),
    "hot pixels": (lambda: exposed(ramp() + HOT), {}, "hot pixels", "warn"),
    "a tone curve in 8 bits": (lambda: gamma(exposed(ramp())), {"black": 0, "white": 255}, "noise along the signal",
                              "warn"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_has_its_verdict(case):
    frames, settings, name, verdict = BAD[case]
    found = {f.name: f for f in find(burst_in_dn(frames(), **settings))}
    if name in NAMES[-3:]:  # a defect of the sensor shows as itself alone
        assert [f.name for f in found.values() if f.verdict != "ok"] == [name]
    assert found[name].verdict == verdict and ": " in found[name].text and "\n" not in found[name].text


@pytest.mark.parametrize("count", [2, 6, 40])
@pytest.mark.parametrize(
    ("scene", "settings"),
    [
        (ramp(), {}),
        (texture(), {"clean": CLEAN}),
        (np.full((4, 96, 96), 700.0), {"cfa": "MONO"}),
        (np.zeros((4, 64, 48)), {}),
        (ramp(10, 12), {}),
    ],
)
def test_what_is_well_is_called_so(scene, settings, count):
    assert verdicts(exposed(scene, count), **settings) == {}
    floats = exposed(scene, count).astype(np.float32) + np.random.default_rng(1).random((count, *scene.shape))
    assert verdicts(floats.astype(np.float32), **settings) == {}


def test_rounded_dark_frames_and_a_fraction_of_black_are_well():
    dark = exposed(np.zeros((4, 64, 64)), 4, read=0.5, black=64.4)
    assert verdicts(dark, black=64.4) == {}  # most values are 64, and lie below the level


@pytest.mark.parametrize("seed", range(4))
def test_row_noise_of_the_dark_is_not_taken_for_a_tone_curve(seed):
    rows = np.random.default_rng(seed).normal(0, 20, (3, 2, 1, 40, 1)).repeat(2, 2).reshape(3, 4, 40, 1)
    dark = exposed(np.zeros((4, 40, 40)), 3, seed=seed, black=264) + rows
    assert "noise along the signal" not in verdicts(np.round(dark).astype(np.uint16), black=264)


def test_clipping_is_not_taken_for_a_tone_curve():
    assert "noise along the signal" not in verdicts(exposed(ramp()).clip(max=700))
    assert "noise along the signal" not in verdicts(exposed(ramp()), white=900)


def test_masked_rows_of_all_frames_are_not_damage():
    assert "constant parts" not in verdicts(changed(np.s_[:, :, :4], 0))


def test_every_check_has_a_line():
    assert tuple(f.name for f in find(burst_in_dn(exposed(texture())))) == NAMES
    assert "reference" in {f.name for f in find(burst_in_dn(exposed(texture()), clean=CLEAN))}


def test_real_bursts_are_judged_as_they_are(real_data, recwarn):
    from n2nf_core.importers import read_bursts

    (acsn,) = read_bursts(real_data / "acsn_scmos_tirf_200hz.npz", black=100)
    dark, unsteady = acsn.provenance["findings"]
    assert "lies below the black level 100" in dark  # a third of the image is darker than its stated black level
    assert "this is telegraph noise" in unsteady  # the pixels of an sCMOS sensor differ in their noise
    flats = read_bursts(real_data / "nikon_d7000_iso100_flats.npz")
    for burst in flats:  # the light drifts by some per cent in most exposures, and nothing else is wrong
        assert all("the light changes by" in text for text in burst.provenance["findings"])
    assert 20 < sum(bool(burst.provenance["findings"]) for burst in flats) < 41


def test_a_level_between_two_numbers_is_well_though_almost_all_values_lie_below():
    dark = exposed(np.zeros((4, 64, 64)), 4, read=0.1, black=64.35)
    assert (dark < 64.35).mean() > 0.9 and "black level too high" not in verdicts(dark, black=64.35)


def test_saturated_rows_are_not_called_damaged():
    assert "constant parts" not in verdicts(changed(np.s_[2, :, :20], WHITE))
