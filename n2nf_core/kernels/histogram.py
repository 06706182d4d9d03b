"""Histograms of patches on the CPU, in one pass and without a copy. Numba compiles the function at its first call."""

from __future__ import annotations

import numpy as np
from numba import njit

CHUNK = 512  # the bins of so many values are computed by the vector units before the values are counted
LANES = 4  # counting alternates between tables: two additions to one bin would have to wait for each other


@njit(error_model="numpy", nogil=True, cache=True)
def count(values, per_unit, edges, exact, counts):
    """Add the histogram of every row of ``values`` to the same row of ``counts``; whether all values are finite.

    A value v belongs to bin floor(v per_unit), or to the bin below where v is less than that bin's lower edge. The
    first and the last bin also count all values beyond them. Where the result is False, the counts are not valid.

    Arguments:
        values: (N, n), noise in [0, 1] units.
        per_unit: bins per unit of noise.
        edges: (bins,), the lower edge of every bin; the first is -inf.
        exact: whether v per_unit never rounds up to the next bin, as for float32 values multiplied in float64.
        counts: (N, bins) integers.
    """
    lowest, highest = np.float64(-(len(edges) // 2)), np.float64(len(edges) // 2 - 1)
    bins, lanes = np.empty(CHUNK, np.int32), np.empty((LANES, len(edges)), np.int32)
    for row in range(len(values)):
        lanes[:] = 0
        for start in range(0, values.shape[1], CHUNK):
            part = values[row, start : start + CHUNK]
            wrong = 0
            for i in range(len(part)):
                wrong += not (abs(part[i]) < np.inf)
                bins[i] = np.int32(min(max(np.floor(part[i] * per_unit), lowest), highest) - lowest)
            if wrong:
                return False
            if not exact:
                for i in range(len(part)):
                    bins[i] -= part[i] < edges[bins[i]]
            whole = len(part) // LANES * LANES
            for i in range(0, whole, LANES):
                lanes[0, bins[i]] += 1
                lanes[1, bins[i + 1]] += 1
                lanes[2, bins[i + 2]] += 1
                lanes[3, bins[i + 3]] += 1
            for i in range(whole, len(part)):
                lanes[0, bins[i]] += 1
        for lane in range(LANES):
            counts[row] += lanes[lane]
    return True
