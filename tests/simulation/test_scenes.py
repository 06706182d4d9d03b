"""Dead leaves and photographs as scenes: what is random lies within standard errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from n2nf_core.simulation import dead_leaves, expose, photographs
from n2nf_core.simulation.scenes import COVERAGE, _discs

STANDARD_ERRORS = 4


SOURCES = [dead_leaves, photographs]


def within(values, expected: float) -> bool:
    values = np.asarray(values, dtype=float)
    return abs(values.mean() - expected) <= STANDARD_ERRORS * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("height", "width"), [(1, 1), (9, 14), (40, 25)])
@pytest.mark.parametrize("blur", [0.0, 0.5, 1.75])
def test_scenes_are_planes_between_black_and_white(source, height, width, blur):
    planes = source(3, height, width, seed=1, blur=blur)
    assert planes.shape == (3, 4, height, width) and planes.dtype == torch.float32
    assert planes.min() >= 0 and planes.max() <= 1


@pytest.mark.parametrize("source", SOURCES)
def test_a_scene_depends_on_seed_and_index_only(source):
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    few, many = source(2, 20, 24, seed=7), source(6, 20, 24, seed=7)
    assert torch.equal(few, many[:2])
    assert not torch.equal(few, source(2, 20, 24, seed=8))
    assert not torch.equal(many[0], many[5])  # the same photograph, another crop
    assert np.array_equal(numpy_state, np.random.get_state()[1])
    assert torch.equal(torch_state, torch.get_rng_state())


@pytest.mark.parametrize("source", SOURCES)
def test_signal_is_mostly_dark_and_covers_dark_to_bright(source):
    planes = source(40, 48, 48, seed=3)
    medians = planes.flatten(1).median(1).values
    assert 0.06 < planes.median() < 0.2
    assert medians.min() < 0.05 and medians.max() > 0.25
    assert (planes > 0.6).float().mean() > 0.005
    assert (planes == 1).float().mean() < 0.02


@pytest.mark.parametrize("source", SOURCES)
def test_planes_agree_as_those_of_a_raw_frame_do(source):
    planes = source(10, 64, 64, seed=2)
    for red, first, second, blue in planes.flatten(2):
        green = torch.corrcoef(torch.stack([first, second]))[0, 1]
        assert green > 0.97
        assert torch.corrcoef(torch.stack([first, red]))[0, 1] > 0.5
        assert torch.corrcoef(torch.stack([first, blue]))[0, 1] > 0.5
    assert planes[:, 1].mean() > 1.2 * planes[:, 0].mean()  # not white-balanced


@pytest.mark.parametrize("source", SOURCES)
def test_less_blur_is_finer_texture(source):
    def roughness(blur: float) -> float:
        planes = source(10, 48, 48, seed=5, blur=blur)
        return float(planes.diff(dim=-1).square().mean() / planes.var())

    fine, middle, smooth = map(roughness, (0.4, 1.0, 1.75))
    assert fine > 1.3 * middle > 1.3 * 1.3 * smooth


def test_discs_lie_as_densely_at_the_border_as_inside():
    sides, radius = (60, 90), (2.0, 200.0)
    corner, centre = [], []
    for seed in range(150):
        y, x, r = _discs(np.random.default_rng(seed), sides, radius)
        corner.append((np.hypot(y, x) < r).sum())
        centre.append((np.hypot(y - 30, x - 45) < r).sum())
    assert within(corner, COVERAGE)
    assert within(centre, COVERAGE)


def test_radii_follow_a_power_law():
    sides, radius = (60, 90), (2.0, 200.0)
    found = []
    for seed in range(50):
        y, x, r = _discs(np.random.default_rng(seed), sides, radius)
        inside = (y >= 0) & (y < sides[0]) & (x >= 0) & (x < sides[1])  # a fair sample of all discs
        found.append(np.log(r[inside] / radius[0]))
    ratio = radius[1] / radius[0]
    mean = 0.5 - math.log(ratio) / (ratio**2 - 1)  # of log r for p(r) ~ r^-3 between the two
    assert within(np.concatenate(found), mean)


def test_expose_scales_and_saturates():
    planes = torch.tensor([0.1, 0.4]).view(2, 1, 1, 1).expand(2, 4, 3, 2)
    assert expose(planes, 2).flatten(1)[:, 0].tolist() == pytest.approx([0.2, 0.8])
    assert expose(planes, 5.0).flatten(1)[:, 0].tolist() == pytest.approx([0.5, 1.0])
    assert expose(planes, torch.tensor([3.0, 0.5])).flatten(1)[:, 0].tolist() == pytest.approx([0.3, 0.2])
    assert expose(planes[0], 1e-3).max().item() == pytest.approx(1e-4)


@pytest.mark.parametrize("exposure", [0.0, -1.0, math.nan, math.inf, torch.ones(3)])
def test_an_exposure_that_makes_no_sense_is_a_clear_error(exposure):
    with pytest.raises(ValueError, match="exposure"):
        expose(torch.zeros(2, 4, 3, 3), exposure)


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        (dead_leaves, {"count": 0}, "at least 1"),
        (photographs, {"width": 0}, "at least 1"),
        (dead_leaves, {"blur": -1.0}, "blur"),
        (photographs, {"blur": math.nan}, "blur"),
        (dead_leaves, {"radius": (3.0, 2.0)}, "radius"),
        (photographs, {"names": ["moon"]}, "no photograph moon: choose from astronaut"),
        (photographs, {"names": []}, "choose from astronaut"),
    ],
)
def test_bad_arguments_are_a_clear_error(source, arguments, message):
    with pytest.raises(ValueError, match=message):
        source(**{"count": 1, "height": 8, "width": 8, "seed": 0} | arguments)
