"""Which pairs are in memory when, and which of them a batch takes."""

import numpy as np
import pytest
from cases.pairs import WINDOW, many_bursts, patch_pairs

from n2nf_core.pairs import frame_pairs
from n2nf_core.pairs.schedule import AllPairs, Sampling, SamplingPlan


def test_frame_pairs():
    assert frame_pairs(4) == [(0, 1), (1, 2), (2, 3)]
    assert frame_pairs(4, 2) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    assert len(frame_pairs(20, 19)) == 190
    with pytest.raises(ValueError, match="at least 2 frames"):
        frame_pairs(1)


def test_a_window_shows_every_burst_once_a_round_and_all_its_pairs_before_one_again():
    pairs = patch_pairs(many_bursts(), ["S6"], **WINDOW)
    per_burst = len(pairs.pairs[0])
    visits = [pairs.in_memory.pair(k) for k in range(6 * per_burst)]
    for start in range(0, len(visits), 6):
        assert {v.first.burst for v in visits[start : start + 6]} == set(range(6))
    assert len({(v.first.burst, v.first.frame, v.second.frame) for v in visits}) == len(visits)
    assert [v.first.burst for v in visits[:6]] != [v.first.burst for v in visits[6:12]]


def test_a_pixel_at_the_edge_is_seen_half_as_often_as_one_in_the_middle():
    """Patches of side 8 in 24 rows: 8 / 24 cover a row in the middle, 5 / 24 the first; within six standard errors."""
    plan = SamplingPlan(AllPairs([[(0, 1)]], [2], [24 * 40]), [(24, 40)], Sampling(8, 4096, frame_pairs=1)).choose(0)
    seen = [float(np.mean((plan.top <= row) & (row < plan.top + 8))) for row in range(24)]
    error = (0.25 / 4096) ** 0.5
    assert plan.top.min() == 0 and plan.top.max() == 15 and plan.left.max() == 31
    assert abs(seen[0] - 5 / 24) < 6 * error and abs(seen[11] - 8 / 24) < 6 * error
