"""Training and held-out bursts share no scene, or no row."""

import numpy as np
import pytest
import torch
from cases.bursts import make
from cases.flat_bursts import TRUTH, flat_burst

from n2nf_core.bursts import (
    BurstError,
    splits,
    train_test_split,
)
from n2nf_core.bursts.splits import GAP
from n2nf_core.simulation import simulated_bursts


def test_split_scenes_keeps_a_scene_on_one_side():
    many = [make(count=2, scene=f"s{k % 7}", seed=k) for k in range(20)]
    train, test = splits.split_scenes(many, 0.3, seed=1)
    assert len(train) + len(test) == 20 and len({b.scene for b in test}) == 2
    assert not {b.scene for b in train} & {b.scene for b in test}
    again = splits.split_scenes(many[::-1], 0.3, seed=1)[1]
    assert {b.scene for b in again} == {b.scene for b in test}
    assert len({splits.split_scenes(many, 0.3, seed)[1][0].scene for seed in range(10)}) > 1
    with pytest.raises(BurstError, match="needs two scenes"):
        splits.split_scenes(many[:1], 0.3, seed=1)


def test_split_regions_takes_the_last_rows_behind_a_gap():
    burst = make(height=20)
    train, test = splits.split_regions(burst, 0.25, gap=2)
    assert train.provenance["window"] == [[0, 13], [0, 10]] and test.provenance["window"] == [[15, 20], [0, 10]]
    assert torch.equal(test.planes(0), burst.planes(0)[:, :, 15:])
    assert torch.equal(train.planes(0), burst.planes(0)[:, :, :13])
    with pytest.raises(BurstError, match="leave none to train on"):
        splits.split_regions(burst, 0.9, gap=5)
    for fraction in (0, 1, -0.5):
        with pytest.raises(BurstError, match="between 0 and 1"):
            splits.split_regions(burst, fraction)


@pytest.fixture(scope="module")
def bursts():
    return simulated_bursts(TRUTH, [("S6", 800), ("IP", 100)], scenes=4, size=48, frames=3, seed=1)


def test_split_by_scene_leaves_every_setting_on_both_sides(bursts):
    train, test = train_test_split(bursts, 0.25, seed=0)
    assert not {b.scene for b in train} & {b.scene for b in test}
    assert len(train) + len(test) == 8
    for side, count in ((train, 3), (test, 1)):
        assert [sum(b.camera == c for b in side) for c in ("S6", "IP")] == [count, count]


def test_split_of_few_scenes_is_by_rows(bursts):
    train, test = train_test_split(bursts[:3], 0.25)
    assert [b.shape[2] for b in train] == [48 - 12 - GAP] * 3
    assert np.array_equal(test[1].frames, np.asarray(bursts[1].frames)[:, :, 36:])


def test_a_scene_taken_at_several_settings_stays_on_one_side():
    shared = [flat_burst(camera=c, scene=f"s{k}") for k in range(4) for c in ("A", "B")]
    train, test = train_test_split(shared, 0.25, seed=3)
    assert len(test) == 2 and test[0].scene == test[1].scene not in {b.scene for b in train}


def test_settings_of_many_and_of_few_scenes_are_split_each_in_its_way():
    many = [flat_burst(camera="A", scene=f"s{k}") for k in range(4)]
    train, test = train_test_split([*many, flat_burst(camera="B", scene="alone")], 0.25)
    assert [(b.camera, b.shape[2]) for b in train] == [("A", 32)] * 3 + [("B", 32 - 8 - GAP)]
    assert [(b.camera, b.shape[2]) for b in test] == [("A", 32), ("B", 8)]
    train, test = train_test_split([*many, flat_burst(camera="B", scene="s1")], 0.25)
    assert {b.shape[2] for b in test} == {8} and len(test) == len(train) == 5  # shared: rows for all


@pytest.mark.parametrize(("height", "width"), [(15, 40), (40, 7)])
def test_what_leaves_too_little_is_refused_by_its_size(height, width):
    burst = make(height=height, width=width)
    with pytest.raises(BurstError, match=f"desk: frames of {2 * height} x {2 * width} pixels are too small"):
        splits.check_size(burst)
    with pytest.raises(BurstError, match="give frames of at least 32 x 16"):
        train_test_split([make(height=32, width=32, scene="other"), burst])
    train, test = train_test_split([make(height=16, width=8)])
    assert train[0].shape[2:] == (8, 8) and test[0].shape[2:] == (4, 8)
