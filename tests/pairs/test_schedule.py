"""Which pairs are in memory when, and which of them a batch takes."""

import pytest
from cases.pairs import WINDOW, many_bursts, patch_pairs

from n2nf_core.pairs import frame_pairs


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
