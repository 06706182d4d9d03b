"""The sample holds whole frames where they are small, and evenly spread tiles of bounded size where they are not."""

import numpy as np
import pytest
from cases.poisson_bursts import burst_in_dn

from n2nf_core.bursts.checks import sample
from n2nf_core.bursts.checks.sample import Sample


def numbered(count, height, width):
    frames = np.arange(count * 4 * height * width, dtype=np.float32).reshape(count, 4, height, width)
    return burst_in_dn(frames, white=1e9, black=(0, 1, 2, 3))


def seen(burst):
    found = Sample(burst)
    for t in reversed(range(len(burst))):
        found.see(t, burst.frames[t])
    return found


@pytest.mark.parametrize(("height", "width"), [(1, 1), (6, 10), (48, 62), (64, 97)])
def test_small_frames_are_kept_but_for_a_rest_of_few_lines(height, width):
    burst = numbered(3, height, width)
    found = seen(burst)
    kept = found.values.shape[2:]
    assert all(n - places < 2 * places for n, places in zip((height, width), found.grid, strict=True)) or kept
    assert all(n - k < 2 * g for n, k, g in zip((height, width), kept, found.grid, strict=True))
    assert np.array_equal(found.values, burst.frames[:, :, found.lines[0]][..., found.lines[1]])


def test_the_size_is_bounded_and_tiles_are_spread_and_start_at_even_places(monkeypatch):
    monkeypatch.setattr(sample, "VALUES", 4 * 3 * 32 * 32 * 6)
    burst = numbered(3, 200, 333)
    found = seen(burst)
    assert found.values.size <= sample.VALUES and found.grid == (2, 3)
    for size, lines, side in zip(burst.shape[2:], found.lines, found.tile, strict=True):
        starts = lines.reshape(-1, side)[:, 0]
        assert starts[0] == 0 and size - 2 <= starts[-1] + side <= size and not (starts % 2).any()


def test_strips_are_the_tiles_above_black():
    burst = numbered(2, 64, 96)
    strips = list(seen(burst).strips())
    assert len(strips) == 2 and strips[0].shape == (3, 2, 4, 32, 32)
    wanted = burst.frames[1, 3, 32:64, 64:96] - 3
    assert np.array_equal(strips[1][2, 1, 3], wanted)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_counts_are_those_of_the_values(dtype):
    frames = np.random.default_rng(0).integers(70, 90, (3, 4, 16, 16)).astype(dtype)
    values, counts = seen(burst_in_dn(frames)).counts(2)
    wanted = np.unique(frames[:, 2], return_counts=True)
    assert np.array_equal(values, wanted[0]) and np.array_equal(counts, wanted[1])
    few = seen(burst_in_dn(frames)).counts(2, most=192)[1]
    assert few.sum() == 192


def test_the_step_is_the_least_difference_of_two_values():
    frames = 3 * np.arange(2 * 4 * 64 * 64).reshape(2, 4, 64, 64) % 999
    for kind in (np.uint16, np.float32):
        sample = Sample(burst_in_dn(frames.astype(kind)))
        for t in range(2):
            sample.see(t, sample.burst.frames[t])
        assert sample.step() == 3
