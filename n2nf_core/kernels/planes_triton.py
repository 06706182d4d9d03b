"""Helpers of the flow's GPU kernels, in Triton: which pixels a program computes, and sums over planes.

A kernel runs as many programs side by side. Each program computes one block of SIZE pixels of one image; the block has
rows of 32 pixels. All values of a program stay in registers, and the planes of one pixel form a tuple.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def accurate_tanh(x):
    """tanh(x), to a relative error of 1e-6; the series keeps that accuracy near 0."""
    square = x * x
    series = x * (1 - square * (1 / 3 - square * (2 / 15 - square * (17 / 315))))
    return tl.where(tl.abs(x) < 0.15, series, 2 * tl.sigmoid(2 * x) - 1)


@triton.jit
def relu(x):
    """max(x, 0); NaN stays NaN, so that a diverged training is seen."""
    return tl.where(x < 0, 0.0, x)


@triton.jit
def pixels_of_program(height, width, SIZE: tl.constexpr):
    """The row and column of each of the program's pixels, and whether the pixel lies in the image."""
    number, across, k = tl.program_id(1), (width + 31) // 32, tl.arange(0, SIZE)
    row, column = number // across * (SIZE // 32) + k // 32, number % across * 32 + k % 32
    return row, column, (row < height) & (column < width)


@triton.jit
def neighbours(row, column, here, height, width, down, right):
    """For the neighbours (down, right) of all pixels: their index in a plane, and whether they lie in the image."""
    r, c = row + down, column + right
    return r * width + c, here & (r >= 0) & (r < height) & (c >= 0) & (c < width)


@triton.jit
def load_planes(pointer, plane, at, mask, COUNT: tl.constexpr):
    """The values of COUNT planes at the indices ``at``; 0 where ``mask`` is false."""
    found = ()
    for k in tl.static_range(COUNT):
        found = found + (tl.load(pointer + k * plane + at, mask=mask, other=0.0),)
    return found


@triton.jit
def zeros(SIZE: tl.constexpr, COUNT: tl.constexpr):
    """COUNT sums of nothing yet."""
    found = ()
    for _ in tl.static_range(COUNT):
        found = found + (tl.zeros((SIZE,), tl.float32),)
    return found


@triton.jit
def start_at_bias(bias, SIZE: tl.constexpr, COUNT: tl.constexpr):
    """COUNT sums, each of which starts at its bias."""
    found = ()
    for k in tl.static_range(COUNT):
        found = found + (tl.zeros((SIZE,), tl.float32) + tl.load(bias + k),)
    return found


@triton.jit
def add_product(total, value, weight, STRIDE: tl.constexpr, COUNT: tl.constexpr):
    """COUNT sums, each increased by weight * value; the weights lie STRIDE apart in memory."""
    found = ()
    for k in tl.static_range(COUNT):
        found = found + (total[k] + value * tl.load(weight + k * STRIDE),)
    return found


@triton.jit
def add_products(total, values, grads, VALUES: tl.constexpr, GRADS: tl.constexpr):
    """VALUES * GRADS sums, each increased by the product of a value and a gradient; gradients vary fastest."""
    found = ()
    for i in tl.static_range(VALUES):
        for k in tl.static_range(GRADS):
            found = found + (total[i * GRADS + k] + values[i] * grads[k],)
    return found


@triton.jit
def store_sums(target, sums, number: tl.constexpr, STRIDE: tl.constexpr, COUNT: tl.constexpr):
    """Store what the sums of value ``number`` with COUNT gradients add up to, STRIDE apart in memory."""
    for k in tl.static_range(COUNT):
        tl.store(target + k * STRIDE, tl.sum(sums[number * COUNT + k], 0))
