"""What sensors' defects add to simulated frames is what is found, and scenes, tails and motion are no defects."""

import numpy as np
import pytest
from cases.poisson_bursts import burst_in_dn, exposed, ramp, texture

from n2nf_core.bursts.checks.defects import Defects, find_defects, judge_defects
from n2nf_core.bursts.checks.sample import Sample
from n2nf_core.bursts.checks.statistics import gains

SIGMAS, SIDE = 5, 96


def defects(frames):
    sample = Sample(burst_in_dn(np.round(frames).clip(0).astype(np.uint16)))
    for t, frame in enumerate(frames):
        sample.see(t, frame)
    return find_defects(sample, gains(sample)[0], sample.step())


def warned(frames):
    return [each.name for each in judge_defects(defects(frames)) if each.verdict != "ok"]


def noise(count, *shape, seed=3):
    return np.random.default_rng(seed).normal(0, 1, (count, *shape))


@pytest.mark.parametrize("count", [2, 9])
@pytest.mark.parametrize("axis", [2, 3])
def test_what_lines_share_is_their_part_of_the_variance(count, axis):
    shape = [2, SIDE, SIDE]
    shape[axis - 1] = 1
    lines = 2 * noise(count, *shape).repeat(2, 1)  # both planes of a row of the mosaic share it
    found = defects(500 + 6 * noise(count, 4, SIDE, SIDE, seed=4) + lines)
    share, others = (found.columns, found.rows) if axis == 2 else (found.rows, found.columns)
    expected = 4 / (36 + 4 + 1 / 12)
    error = expected * (3 / (2 * SIDE * (count - 1))) ** 0.5 * 1.25  # 1.5 for neighbours, 1.25 for a median
    assert abs(share[0] - expected) < SIGMAS * (error + share[1])
    assert abs(others[0]) < SIGMAS * others[1] + expected / 32  # the mean of a tile takes a part of it
    assert share[1] < 0.01


@pytest.mark.parametrize("count", [4, 9, 30])
def test_unsteady_pixels_are_those_of_which_both_halves_of_the_frames_say_so(count):
    rng = np.random.default_rng(count)
    jumps = np.where(rng.random((4, SIDE, SIDE)) < 0.01, 60, 0) * rng.integers(0, 2, (count, 4, SIDE, SIDE))
    found = defects(200 + 5 * noise(count, 4, SIDE, SIDE) + jumps)
    added = 0.01 * 60**2 / 4
    seen = 1.0 if count > 4 else 0.5  # a pixel jumps between two frames of four with the probability 1/2
    assert found.unsteady[0] == pytest.approx(seen * added / (25 + added), rel=0.3)
    assert found.unsteady_pixels == pytest.approx(seen**2 * 0.01, rel=0.35)
    assert found.unsteady[0] > 6 * found.unsteady[1]


def test_a_few_frames_do_not_show_unsteady_pixels():
    found = defects(200 + 5 * noise(3, 4, SIDE, SIDE))
    assert np.isnan(found.unsteady[0])
    line = list(judge_defects(found))[1]
    assert line.verdict == "ok" and line.value == 0 and "four frames" in line.text


def test_hot_and_dead_pixels_stand_out():
    rng = np.random.default_rng(0)
    place = rng.permutation(4 * SIDE * SIDE)[:200].reshape(2, 100)
    scene = np.full(4 * SIDE * SIDE, 300.0)
    scene[place[0]], scene[place[1]] = 900, 0
    found = defects(exposed(scene.reshape(4, SIDE, SIDE), 3))
    assert found.hot == pytest.approx(200 / scene.size, rel=0.1)  # neighbours of one another are left out
    assert defects(exposed(np.full((4, SIDE, SIDE), 300.0), 3)).hot == 0


def stars():
    """Points that an optic spreads over a few pixels of the mosaic."""
    rng = np.random.default_rng(1)
    mosaic = np.full((2 * SIDE, 2 * SIDE), 50.0)
    y, x = np.mgrid[:7, :7] - 3
    for row, column in rng.integers(0, 2 * SIDE - 7, (300, 2)):
        mosaic[row : row + 7, column : column + 7] += 3000 * np.exp(-(y**2 + x**2) / 2 / 0.9**2)
    return mosaic.reshape(SIDE, 2, SIDE, 2).transpose(1, 3, 0, 2).reshape(4, SIDE, SIDE)


def lines():
    """Bright lines of one pixel."""
    scene = np.full((4, SIDE, SIDE), 100.0)
    scene[:, ::7], scene[:, :, ::11] = 900, 900
    return scene


def jumping(count):
    """Heavy tails that every pixel has in every frame."""
    return 200 + 5 * np.random.default_rng(2).standard_t(3, (count, 4, SIDE, SIDE))


def moved(count):
    """A corner in which something moves from frame to frame."""
    scene = np.broadcast_to(texture(), (count, 4, SIDE, SIDE)).copy()
    scene[:, :, :16, :16] = [texture(seed=t)[:, :16, :16] for t in range(count)]
    return exposed(scene, count)


@pytest.mark.parametrize("count", [2, 4, 16])
@pytest.mark.parametrize(
    "frames",
    [
        lambda count: exposed(stars(), count),
        lambda count: exposed(lines(), count),
        lambda count: exposed(500 * np.random.default_rng(0).random((4, SIDE, SIDE)), count),
        lambda count: exposed(100 * np.exp(0.5 * noise(1, 4, SIDE, SIDE)[0]), count),
        lambda count: exposed(np.where(ramp() > 500, 5000.0, 5.0), count),
        lambda count: exposed(ramp() / 200, count, read=0.4),
        lambda count: 64 + 0.3 * noise(1, 4, SIDE, SIDE)[0] + 0.15 * noise(count, 4, SIDE, SIDE, seed=4),
        jumping,
        moved,
    ],
)
def test_scenes_tails_and_motion_are_no_defects(frames, count):
    assert warned(frames(count)) == []


def test_a_share_by_chance_is_no_defect():
    sure = Defects((0.06, 0.001), (0.0, 0.001), (0.06, 0.001), 0.01, 0.002)
    assert [each.verdict for each in judge_defects(sure)] == ["warn"] * 3
    unsure = Defects((0.06, 0.02), (0.06, 0.02), (0.06, 0.02), 0.01, 0.001)
    assert [each.verdict for each in judge_defects(unsure)] == ["ok"] * 3
