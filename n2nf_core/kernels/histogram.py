"""The histogram of every patch on the CPU, in one pass and without a copy; compiled by Numba at its first call."""

from __future__ import annotations

import numpy as np
from numba import njit

CHUNK = 512  # values whose bins are found at once, by the vector units, before they are counted one by one
LANES = 4  # tables to count in, in turns: neighbours often fall into one bin, and would wait for one another


@njit(error_model="numpy", nogil=True, cache=True)
def count(values, per_unit, edges, exact, counts):
    """Add row by row to counts (N, bins): floor(v per_unit), moved down where v is below that bin's lower edge.

    values (N, n). edges (bins,): the lower ends, the first -inf. The first and the last bin take what is beyond.
    exact: the product never rounds up to the next bin, as of float32 values in float64. False where a value is not
    finite, and counts mean nothing.
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
