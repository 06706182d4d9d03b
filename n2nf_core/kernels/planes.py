"""Operations on flat planes, for one CPU core: the parts of :mod:`n2nf_core.kernels.flow_steps`.

A plane of h x w pixels is stored as one row of (h + 2) (w + 2) values: the pixels with a frame of zeros around them.
With p = w + 2, pixel (y, x) is value (y + 1) p + x + 1. A 3x3 convolution is then nine shifted sums in one long loop.
Such a sum also writes to the frame, which is set to zero afterwards. Numba compiles every function at its first call
and keeps the result on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Sums may be reordered and contracted. NaN and infinity keep their meaning, so that a diverged training is seen.
compiled = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy", nogil=True, cache=True)

f32 = np.float32


@compiled
def exp(x):
    """exp(x) to 1.1e-7 for |x| <= 87, after Cephes; without a library call, so that loops use the vector units."""
    x = f32(87) if x > f32(87) else (f32(-87) if x < f32(-87) else x)
    n = np.floor(x * f32(1.44269504) + f32(0.5))
    f = x - n * f32(0.693359375) + n * f32(2.12194440e-4)
    p = f32(1.9875691500e-4)
    p = p * f + f32(1.3981999507e-3)
    p = p * f + f32(8.3334519073e-3)
    p = p * f + f32(4.1665795894e-2)
    p = p * f + f32(1.6666665459e-1)
    p = p * f + f32(5.0000001201e-1)
    return (p * f * f + f + f32(1)) * np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(f32)


@compiled
def tanh(x):
    """tanh(x) = 1 - 2 / (exp(2 x) + 1)."""
    return f32(1) - f32(2) / (exp(f32(2) * x) + f32(1))


@compiled
def clear_frame(planes, h, w):
    """Set the left and right columns of the frame to zero; nothing writes to the rows above and below."""
    p = w + 2
    for plane in planes:
        for y in range(1, h + 1):
            plane[y * p] = 0
            plane[y * p + w + 1] = 0


@compiled
def add_conv3x3(s0, s1, s2, w0, w1, w2, w3, w4, w5, w6, w7, w8, d):
    """d += the nine weights w times three rows of a source, in one loop, so that d is read and written once."""
    for i in range(len(d)):
        d[i] += (
            w0 * s0[i] + w1 * s0[i + 1] + w2 * s0[i + 2]
            + w3 * s1[i] + w4 * s1[i + 1] + w5 * s1[i + 2]
            + w6 * s2[i] + w7 * s2[i + 1] + w8 * s2[i + 2]
        )  # fmt: skip


@compiled
def nine(w):
    """The values of w (3, 3), row by row."""
    return w[0, 0], w[0, 1], w[0, 2], w[1, 0], w[1, 1], w[1, 2], w[2, 0], w[2, 1], w[2, 2]


@compiled
def add_conv3x3_to_four(s0, s1, s2, w, d0, d1, d2, d3):
    """The same for four targets at once, with weights w (4, 3, 3): a source value is read once for all."""
    a0, a1, a2, a3, a4, a5, a6, a7, a8 = nine(w[0])
    b0, b1, b2, b3, b4, b5, b6, b7, b8 = nine(w[1])
    c0, c1, c2, c3, c4, c5, c6, c7, c8 = nine(w[2])
    e0, e1, e2, e3, e4, e5, e6, e7, e8 = nine(w[3])
    for i in range(len(d0)):
        x0, x1, x2, x3, x4, x5, x6, x7, x8 = (
            s0[i], s0[i + 1], s0[i + 2], s1[i], s1[i + 1], s1[i + 2], s2[i], s2[i + 1], s2[i + 2],
        )  # fmt: skip
        d0[i] += a0 * x0 + a1 * x1 + a2 * x2 + a3 * x3 + a4 * x4 + a5 * x5 + a6 * x6 + a7 * x7 + a8 * x8
        d1[i] += b0 * x0 + b1 * x1 + b2 * x2 + b3 * x3 + b4 * x4 + b5 * x5 + b6 * x6 + b7 * x7 + b8 * x8
        d2[i] += c0 * x0 + c1 * x1 + c2 * x2 + c3 * x3 + c4 * x4 + c5 * x5 + c6 * x6 + c7 * x7 + c8 * x8
        d3[i] += e0 * x0 + e1 * x1 + e2 * x2 + e3 * x3 + e4 * x4 + e5 * x5 + e6 * x6 + e7 * x7 + e8 * x8


@compiled
def conv3x3(source, weight, bias, target, n, p):
    """target[o] = bias[o] + sum_c weight[o, c] * source[c] for n values; the frame is not zero afterwards."""
    count, sources = weight.shape[:2]
    fours = count - count % 4
    for o in range(count):
        target[o, p + 1 : p + 1 + n] = bias[o]
    for c in range(sources):
        s = source[c]
        s0, s1, s2 = s[: n + 2], s[p : p + n + 2], s[2 * p : 2 * p + n + 2]
        for o in range(0, fours, 4):
            d0, d1 = target[o, p + 1 : p + 1 + n], target[o + 1, p + 1 : p + 1 + n]
            d2, d3 = target[o + 2, p + 1 : p + 1 + n], target[o + 3, p + 1 : p + 1 + n]
            add_conv3x3_to_four(s0, s1, s2, weight[o : o + 4, c], d0, d1, d2, d3)
        for o in range(fours, count):
            d, w = target[o, p + 1 : p + 1 + n], weight[o, c]
            add_conv3x3(s0, s1, s2, w[0, 0], w[0, 1], w[0, 2], w[1, 0], w[1, 1], w[1, 2], w[2, 0], w[2, 1], w[2, 2], d)


@compiled
def conv3x3_to_source(grad, weight, target, n, p):
    """Add the gradient of conv3x3's sources to ``target``, for as many sources as ``target`` has."""
    for c in range(target.shape[0]):
        d = target[c, p + 1 : p + 1 + n]
        for o in range(weight.shape[0]):
            g, w = grad[o], weight[o, c]
            g0, g1, g2 = g[: n + 2], g[p : p + n + 2], g[2 * p : 2 * p + n + 2]
            add_conv3x3(g0, g1, g2, w[2, 2], w[2, 1], w[2, 0], w[1, 2], w[1, 1], w[1, 0], w[0, 2], w[0, 1], w[0, 0], d)


@compiled
def conv3x3_to_weight(grad, source, weight, bias, n, p):
    """Add the gradients of conv3x3's weight and bias to ``weight`` and ``bias``; ``grad`` must be 0 in the frame."""
    for o in range(weight.shape[0]):
        g = grad[o, p + 1 : p + 1 + n]
        total = f32(0)
        for i in range(n):
            total += g[i]
        bias[o] += total
        for c in range(weight.shape[1]):
            s, w = source[c], weight[o, c]
            s0, s1, s2 = s[: n + 2], s[p : p + n + 2], s[2 * p : 2 * p + n + 2]
            t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = t8 = f32(0)
            for i in range(n):
                v = g[i]
                t0 += v * s0[i]
                t1 += v * s0[i + 1]
                t2 += v * s0[i + 2]
                t3 += v * s1[i]
                t4 += v * s1[i + 1]
                t5 += v * s1[i + 2]
                t6 += v * s2[i]
                t7 += v * s2[i + 1]
                t8 += v * s2[i + 2]
            for tap, value in enumerate((t0, t1, t2, t3, t4, t5, t6, t7, t8)):
                w[tap // 3, tap % 3] += value


@compiled
def mix(source, weight, target):
    """target[o] = sum_c weight[o, c] source[c] at every value."""
    count = weight.shape[1]
    fours = count - count % 4
    for o in range(weight.shape[0]):
        d = target[o]
        d[:] = 0
        for c in range(0, fours, 4):  # four sources in one loop, so that d is read and written once
            s0, s1, s2, s3 = source[c], source[c + 1], source[c + 2], source[c + 3]
            w0, w1, w2, w3 = weight[o, c], weight[o, c + 1], weight[o, c + 2], weight[o, c + 3]
            for i in range(len(d)):
                d[i] += w0 * s0[i] + w1 * s1[i] + w2 * s2[i] + w3 * s3[i]
        for c in range(fours, count):
            s, factor = source[c], weight[o, c]
            for i in range(len(d)):
                d[i] += factor * s[i]


@compiled
def mix_to_weight(grad, source, weight):
    """weight[o, c] += sum grad[o] source[c]."""
    for o in range(weight.shape[0]):
        g = grad[o]
        for c in range(weight.shape[1]):
            s, total = source[c], f32(0)
            for i in range(len(g)):
                total += g[i] * s[i]
            weight[o, c] += total


@compiled
def relu(planes, bias, h, w):
    """planes = max(planes + bias, 0), with a frame of zeros."""
    for c in range(planes.shape[0]):
        plane, b = planes[c, w + 2 : (h + 1) * (w + 2)], bias[c]
        for i in range(len(plane)):
            v = plane[i] + b
            plane[i] = f32(0) if v < f32(0) else v  # keeps NaN; max() does, too, but not in the vector units
    clear_frame(planes, h, w)


@compiled
def pass_relu(grad, hidden):
    """grad = 0 where ``hidden``, the output of a ReLU, is 0; that includes the frame."""
    for c in range(grad.shape[0]):
        g, a = grad[c], hidden[c]
        for i in range(len(g)):
            g[i] = g[i] if a[i] > 0 else f32(0)


@compiled
def scratch(count, h, w):
    """``count`` flat planes of zeros, for h x w pixels."""
    return np.zeros((count, (h + 2) * (w + 2)), f32)


@compiled
def frame_indicator(plane, h, w):
    """Set a plane to 1 in its frame and to 0 inside."""
    plane[:] = 1
    for y in range(1, h + 1):
        plane[y * (w + 2) + 1 : y * (w + 2) + w + 1] = 0


@compiled
def load(image, planes, top, left, h, w):
    """Copy the window of h x w pixels at (top, left) of ``image`` (C, H, W) into flat planes."""
    for c in range(planes.shape[0]):
        for y in range(h):
            start = (y + 1) * (w + 2) + 1
            planes[c, start : start + w] = image[c, top + y, left : left + w]


@compiled
def store(planes, image, tile, top, left, w):
    """Copy the tile (y0, y1, x0, x1) from flat planes, whose window begins at (top, left), into ``image``."""
    y0, y1, x0, x1 = tile
    for c in range(planes.shape[0]):
        for y in range(y0, y1):
            start = (y - top + 1) * (w + 2) + 1 - left
            image[c, y, x0:x1] = planes[c, start + x0 : start + x1]


@compiled
def kept_sum(plane, tile, top, left, w):
    """The sum of a plane over the tile, without the margin around it."""
    y0, y1, x0, x1 = tile
    total = 0.0
    for y in range(y0, y1):
        start, row = (y - top + 1) * (w + 2) + 1 - left, f32(0)
        for value in plane[start + x0 : start + x1]:
            row += value
        total += row
    return total
