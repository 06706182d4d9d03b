"""Splits bursts into training and test data: by scene, or by image region where there are few scenes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from n2nf_core.bursts.burst import Burst, BurstError

GAP = 4  # plane rows between training and test region, so that no patch contains pixels of both
LEAST = 8  # side of the smallest region to train on, in pixels of a plane, so that patches of 4 x 4 can be chosen


def check_size(burst: Burst, test_fraction: float = 0.25) -> None:
    """BurstError, before anything is trained, if :func:`train_test_split` would leave too little of a burst.

    Arguments:
        burst: of any size.
        test_fraction: share of the rows that is test data.
    """
    height, width = burst.shape[2:]
    rows = math.ceil((LEAST + GAP) / (1 - test_fraction))
    if height < rows or width < LEAST:
        raise BurstError(
            f"{burst.scene}: frames of {2 * height} x {2 * width} pixels are too small to train on some rows and test "
            f"on others: give frames of at least {2 * rows} x {2 * LEAST}"
        )


def train_test_split(
    bursts: Sequence[Burst], test_fraction: float = 0.25, seed: int = 0
) -> tuple[list[Burst], list[Burst]]:
    """(train, test) such that every camera and ISO has training data and test data.

    A setting is a camera and an ISO. Settings with four or more scenes are split by scene, and all bursts of a scene
    belong to the same side. For the other settings, the last plane rows of every burst are the test data. If a scene
    belongs to settings of both kinds, all bursts are split by rows.

    Arguments:
        bursts: of any number of settings.
        test_fraction: share of the scenes or of the rows that is test data, between 0 and 1.
        seed: decides which scenes are test data.

    BurstError for a burst that is too small (:func:`check_size`).
    """
    for burst in bursts:
        check_size(burst, test_fraction)
    scenes: dict[tuple[str, float], set[str]] = {}
    for burst in bursts:
        scenes.setdefault((burst.camera, burst.iso), set()).add(burst.scene)
    many = {setting: names for setting, names in scenes.items() if len(names) >= 4}
    of_many = set().union(*many.values())
    if any(names & of_many for setting, names in scenes.items() if setting not in many):
        many = {}
    test: set[str] = set()
    for setting, names in many.items():
        missing = max(round(test_fraction * len(names)), 1) - len(names & test)
        if missing > 0:
            group = [b for b in bursts if (b.camera, b.iso) == setting and b.scene not in test]
            share = missing / len({b.scene for b in group})
            test |= {b.scene for b in split_scenes(group, share, seed)[1]}
    whole = [b for b in bursts if (b.camera, b.iso) in many]
    halves = [split_regions(b, test_fraction, GAP) for b in bursts if (b.camera, b.iso) not in many]
    train = [b for b in whole if b.scene not in test] + [first for first, _ in halves]
    return train, [b for b in whole if b.scene in test] + [last for _, last in halves]


def split_scenes(bursts: Sequence[Burst], test_fraction: float, seed: int) -> tuple[list[Burst], list[Burst]]:
    """(train, test) with every scene on one side only, and at least one scene on each.

    Arguments:
        bursts: of two or more scenes.
        test_fraction: share of the scenes that is test data, between 0 and 1.
        seed: decides which scenes are test data.

    BurstError for a single scene, or a fraction that is not between 0 and 1.
    """
    scenes = sorted({burst.scene for burst in bursts})
    if len(scenes) < 2:
        raise BurstError(f"a split by scene needs two scenes, got {scenes}: use split_regions for one scene")
    _check_fraction(test_fraction)
    count = min(max(round(test_fraction * len(scenes)), 1), len(scenes) - 1)
    test = set(np.random.default_rng(seed).permutation(scenes)[:count].tolist())
    return [b for b in bursts if b.scene not in test], [b for b in bursts if b.scene in test]


def split_regions(burst: Burst, test_fraction: float, gap: int = 0) -> tuple[Burst, Burst]:
    """(train, test) by plane rows: the last rows are test data, and a gap before them belongs to neither.

    A split by frame would not keep the data apart, because every frame shows the same pixels with the same fixed
    pattern.

    Arguments:
        burst: (T, 4, h, w).
        test_fraction: share of the h plane rows that is test data, between 0 and 1.
        gap: number of plane rows between the two.

    BurstError where no rows remain for training, or for a fraction that is not between 0 and 1.
    """
    _check_fraction(test_fraction)
    height = burst.shape[2]
    start = height - max(round(test_fraction * height), 1)
    if gap < 0 or start - gap < 1:
        raise BurstError(
            f"{burst.scene}: {height} plane rows leave none to train on (gap {gap} rows): use a smaller test_fraction"
        )
    return burst.crop(slice(0, start - gap)), burst.crop(slice(start, height))


def _check_fraction(test_fraction: float) -> None:
    if not 0 < test_fraction < 1:
        raise BurstError(f"test_fraction must lie between 0 and 1, got {test_fraction}")
