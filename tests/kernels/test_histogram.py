"""Histograms of patches, counted in one pass, are numpy's."""

import numpy as np
import pytest

from n2nf_core.kernels.histogram import CHUNK, LANES, count

PER_UNIT, BINS = 64, 16
EDGES = np.concatenate([[-np.inf], np.arange(1 - BINS // 2, BINS // 2) / PER_UNIT])


def counted(values, exact):
    counts = np.zeros((len(values), BINS), np.int64)
    return count(values, float(PER_UNIT), EDGES, exact, counts), counts


@pytest.mark.parametrize("size", [1, LANES + 1, CHUNK, 2 * CHUNK + 3])
@pytest.mark.parametrize("exact", [True, False])
def test_rows_are_counted_apart_and_the_ends_take_what_is_beyond(size, exact):
    values = np.random.default_rng(size).normal(0, 0.1, (3, size))
    values[0, 0] = 3 / PER_UNIT  # on an edge
    finite, counts = counted(values, exact)
    bins = np.append(EDGES, np.inf)
    assert finite and np.array_equal(counts, [np.histogram(row, bins)[0] for row in values])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_told(wrong):
    values = np.zeros((1, CHUNK + 5))
    values[0, -1] = wrong
    assert not counted(values, True)[0]


def test_a_product_that_is_rounded_up_is_moved_back_down():
    """The largest number below an edge can reach the edge when it is multiplied; it belongs below all the same."""
    below = np.nextafter(EDGES[10], 0)
    per_unit = np.nextafter(float(PER_UNIT), np.inf) * (1 + 1e-15)
    counts = np.zeros((1, BINS), np.int64)
    assert np.floor(below * per_unit) == EDGES[10] * PER_UNIT, "the product is not rounded up"
    assert count(np.array([[below]]), per_unit, EDGES, False, counts) and counts[0, 9] == 1
