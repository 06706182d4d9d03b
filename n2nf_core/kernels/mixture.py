"""The inverse of the mixture layer for one CPU core: one pixel after the other, with as many steps as it needs.

Numba compiles the function at its first call. It computes in double precision, whatever the type of the arrays.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

compiled = njit(error_model="numpy", nogil=True, cache=True)

FARTHEST = 37.0
"""Base values are held within this distance of 0, where the tail of a double is not yet 0."""

STEPS = 100
"""Bisection alone needs no more for a double; Newton's steps usually need six."""


@compiled
def shape_at(position, table, narrowest, weight, mean, width):
    """Write weights, means and widths of the mixture at ``position`` between the rows of ``table`` (G, 1 + 3 k)."""
    low = min(int(position), len(table) - 2)
    share, count, total = position - low, len(weight), 0.0
    left, right = table[low], table[low + 1]
    for k in range(count):
        weight[k] = math.exp(left[1 + k] + share * (right[1 + k] - left[1 + k]))
        total += weight[k]
        mean[k] = left[1 + count + k] + share * (right[1 + count + k] - left[1 + count + k])
        width[k] = left[1 + 2 * count + k] + share * (right[1 + 2 * count + k] - left[1 + 2 * count + k])
        width[k] = math.sqrt(narrowest**2 + math.exp(2 * width[k]))
    weight /= total
    mean -= (weight * mean).sum()
    factor = math.exp(left[0] + share * (right[0] - left[0]))
    factor /= math.sqrt((weight * (mean * mean + width * width)).sum())
    mean *= factor
    width *= factor


@compiled
def solve(z, weight, mean, width):
    """u with 1 - F(u) = 1 - Phi(z), for z >= 0, by Newton's steps in log (1 - F) within a bracket."""
    wanted = math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
    low, high = (mean + width * z).min(), (mean + width * z).max()
    u = 0.5 * (low + high)
    before = step = high - low
    for _ in range(STEPS):
        tail = density = 0.0
        for k in range(len(weight)):
            a = (u - mean[k]) / width[k]
            tail += weight[k] * 0.5 * math.erfc(a / math.sqrt(2.0))
            density += weight[k] * math.exp(-0.5 * a * a) / (width[k] * math.sqrt(2.0 * math.pi))
        excess = math.log(tail) - wanted
        if excess > 0:
            low = u
        else:
            high = u
        after = u + excess * tail / density
        if not (low <= after <= high and 2 * abs(after - u) <= before):
            after = 0.5 * (low + high)
        before, step = step, abs(after - u)
        u = after
        if step <= 1e-13 * (abs(u) + 1e-3):
            break
    return u


@compiled
def inverse(z, position, tables, narrowest, start, stop, u):
    """Write u with F(u) = Phi(z), for the pixels ``start`` to ``stop`` of every image.

    Arguments:
        z: (B, N) base values.
        position: (B, N), place between the signal knots, from 0 to G - 1.
        tables: (B, G, 1 + 3 k), at the signal knots: log standard deviation, logits, means and log widths.
        narrowest: smallest width of a component before the mixture is standardised.
        start, stop: the first pixel, and the one after the last.
        u: (B, N), receives the result.
    """
    count = (tables.shape[2] - 1) // 3
    weight, mean, width = np.empty(count), np.empty(count), np.empty(count)
    for b in range(len(z)):
        for i in range(start, stop):
            shape_at(position[b, i], tables[b], narrowest, weight, mean, width)
            side = -1.0 if z[b, i] < 0 else 1.0
            u[b, i] = side * solve(min(side * z[b, i], FARTHEST), weight, side * mean, width)
