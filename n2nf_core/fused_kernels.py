"""The steps of Noise Flow for one CPU core: all layers of a tile in a row, while it lies in the cache.

A plane of h x w pixels lies flat in (h + 2) x (w + 2) values with a frame of zeros, so that a 3x3 convolution is
nine shifted sums over one long loop; what such a sum leaves in the frame is set back to zero. With p = w + 2, pixel
(y, x) is value (y + 1) p + x + 1. Numba compiles every function at its first call and keeps the result on disk.

``weights`` is what :class:`n2nf_core.fused.FusedSteps` makes of k steps, in the density direction: mixing (k, C, C),
conv1 (k, m, C/2, 3, 3) and bias, conv2 (k, m, m) and bias, conv3 (k, C, m + 1, 3, 3) and bias, scale (k,).
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Reordered and contracted sums, but NaN and infinity keep their meaning: a diverged training must be seen.
compiled = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, error_model="numpy", nogil=True, cache=True)

f32 = np.float32


@compiled
def exp(x):
    """exp(x) to 1.1e-7 for |x| <= 87, without a call, so that loops over it use the vector units (after Cephes)."""
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
    return f32(1) - f32(2) / (exp(f32(2) * x) + f32(1))


@compiled
def clear_frame(planes, h, w):
    """Zero the left and right columns of the frame; the rows above and below are never written."""
    p = w + 2
    for plane in planes:
        for y in range(1, h + 1):
            plane[y * p] = 0
            plane[y * p + w + 1] = 0


@compiled
def conv3x3(source, weight, bias, target, n, p):
    """target[o] = bias[o] + sum_c weight[o, c] * source[c] over n values; the frame is left dirty."""
    for o in range(weight.shape[0]):
        d = target[o, p + 1 : p + 1 + n]
        d[:] = bias[o]
        for c in range(weight.shape[1]):
            for dy in range(3):
                s = source[c, dy * p : dy * p + n + 2]
                left, middle, right = weight[o, c, dy, 0], weight[o, c, dy, 1], weight[o, c, dy, 2]
                for i in range(n):
                    d[i] += left * s[i] + middle * s[i + 1] + right * s[i + 2]


@compiled
def conv3x3_to_source(grad, weight, target, n, p):
    """target[c] += what conv3x3 hands back to its source, for the sources that target holds."""
    for c in range(target.shape[0]):
        d = target[c, p + 1 : p + 1 + n]
        for o in range(weight.shape[0]):
            for dy in range(3):
                g = grad[o, dy * p : dy * p + n + 2]
                left, middle, right = weight[o, c, 2 - dy, 2], weight[o, c, 2 - dy, 1], weight[o, c, 2 - dy, 0]
                for i in range(n):
                    d[i] += left * g[i] + middle * g[i + 1] + right * g[i + 2]


@compiled
def conv3x3_to_weight(grad, source, weight, bias, n, p):
    """weight, bias += what conv3x3 hands back to them; grad is zero in the frame."""
    for o in range(weight.shape[0]):
        g = grad[o, p + 1 : p + 1 + n]
        total = f32(0)
        for i in range(n):
            total += g[i]
        bias[o] += total
        for c in range(weight.shape[1]):
            for dy in range(3):
                s = source[c, dy * p : dy * p + n + 2]
                left, middle, right = f32(0), f32(0), f32(0)
                for i in range(n):
                    left += g[i] * s[i]
                    middle += g[i] * s[i + 1]
                    right += g[i] * s[i + 2]
                weight[o, c, dy, 0] += left
                weight[o, c, dy, 1] += middle
                weight[o, c, dy, 2] += right


@compiled
def mix(source, weight, target):
    """target[o] = sum_c weight[o, c] source[c] at every value."""
    for o in range(weight.shape[0]):
        d = target[o]
        d[:] = 0
        for c in range(weight.shape[1]):
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
    """max(planes + bias, 0), the frame zero."""
    for c in range(planes.shape[0]):
        plane, b = planes[c], bias[c]
        for i in range(w + 2, (h + 1) * (w + 2)):
            plane[i] = max(plane[i] + b, f32(0))
    clear_frame(planes, h, w)


@compiled
def pass_relu(grad, hidden):
    """grad = 0 where the rectified ``hidden`` is 0; clears the frame too, where hidden is 0."""
    for c in range(grad.shape[0]):
        g, a = grad[c], hidden[c]
        for i in range(len(g)):
            g[i] = g[i] if a[i] > 0 else f32(0)


@compiled
def condition(first, step, weights, hidden1, hidden2, out, h, w):
    """shift and raw log-scale of one coupling from its first half; hidden2's last plane is 1 in the frame, 0 inside."""
    _, w1, b1, w2, b2, w3, b3, _ = weights
    p, n = w + 2, h * (w + 2) - 2
    width = w1.shape[1]
    conv3x3(first, w1[step], b1[step], hidden1, n, p)
    relu(hidden1, np.zeros(width, f32), h, w)
    mix(hidden1, w2[step], hidden2[:width])
    relu(hidden2[:width], b2[step], h, w)
    conv3x3(hidden2, w3[step], b3[step], out, n, p)


@compiled
def scratch(count, h, w):
    return np.zeros((count, (h + 2) * (w + 2)), f32)


@compiled
def frame_indicator(plane, h, w):
    plane[:] = 1
    for y in range(1, h + 1):
        plane[y * (w + 2) + 1 : y * (w + 2) + w + 1] = 0


@compiled
def load(image, planes, top, left, h, w):
    for c in range(planes.shape[0]):
        for y in range(h):
            start = (y + 1) * (w + 2) + 1
            planes[c, start : start + w] = image[c, top + y, left : left + w]


@compiled
def store(planes, image, tile, top, left, w):
    y0, y1, x0, x1 = tile
    for c in range(planes.shape[0]):
        for y in range(y0, y1):
            start = (y - top + 1) * (w + 2) + 1 - left
            image[c, y, x0:x1] = planes[c, start + x0 : start + x1]


@compiled
def kept_sum(plane, tile, top, left, w):
    """Sum of a plane over the tile, without the margin around it."""
    y0, y1, x0, x1 = tile
    total = 0.0
    for y in range(y0, y1):
        start, row = (y - top + 1) * (w + 2) + 1 - left, f32(0)
        for i in range(start + x0, start + x1):
            row += plane[i]
        total += row
    return total


@compiled
def forward(x, weights, tiles, margin, z, ladj, saved):
    """Density direction, tile by tile. x, z (B, C, H, W). tiles (M, 5): image, y0, y1, x0, x1. ladj (M,): of the
    couplings. saved (k, B, C, H, W): the input of every step, for :func:`backward`; k = 0 to save nothing."""
    channels, height, width = x.shape[1:]
    half, hidden, steps = channels // 2, weights[1].shape[1], len(weights[0])
    for m in range(len(tiles)):
        image, tile = tiles[m, 0], (tiles[m, 1], tiles[m, 2], tiles[m, 3], tiles[m, 4])
        top, left = max(tile[0] - margin, 0), max(tile[2] - margin, 0)
        h, w = min(tile[1] + margin, height) - top, min(tile[3] + margin, width) - left
        a, y = scratch(channels, h, w), scratch(channels, h, w)
        hidden1, hidden2, out = scratch(hidden, h, w), scratch(hidden + 1, h, w), scratch(channels, h, w)
        frame_indicator(hidden2[hidden], h, w)
        load(x[image], a, top, left, h, w)
        for step in range(steps):
            if len(saved):
                store(a, saved[step, image], tile, top, left, w)
            mix(a, weights[0][step], y)
            condition(y[:half], step, weights, hidden1, hidden2, out, h, w)
            for c in range(half):
                second, shift, raw = y[half + c], out[c], out[half + c]
                for i in range(len(second)):
                    raw[i] = weights[7][step] * tanh(raw[i])
                    second[i] = second[i] * exp(raw[i]) + shift[i]
                ladj[m] += kept_sum(raw, tile, top, left, w)
            clear_frame(y[half:], h, w)
            a, y = y, a
        store(a, z[image], tile, top, left, w)


@compiled
def inverse(z, weights, tiles, margin, x):
    """Sampling direction; weights[0] holds the inverses of the mixing matrices."""
    channels, height, width = z.shape[1:]
    half, hidden = channels // 2, weights[1].shape[1]
    for m in range(len(tiles)):
        image, tile = tiles[m, 0], (tiles[m, 1], tiles[m, 2], tiles[m, 3], tiles[m, 4])
        top, left = max(tile[0] - margin, 0), max(tile[2] - margin, 0)
        h, w = min(tile[1] + margin, height) - top, min(tile[3] + margin, width) - left
        a, y = scratch(channels, h, w), scratch(channels, h, w)
        hidden1, hidden2, out = scratch(hidden, h, w), scratch(hidden + 1, h, w), scratch(channels, h, w)
        frame_indicator(hidden2[hidden], h, w)
        load(z[image], y, top, left, h, w)
        for step in range(len(weights[0]) - 1, -1, -1):
            condition(y[:half], step, weights, hidden1, hidden2, out, h, w)
            for c in range(half):
                second, shift, raw = y[half + c], out[c], out[half + c]
                for i in range(len(second)):
                    second[i] = (second[i] - shift[i]) * exp(-weights[7][step] * tanh(raw[i]))
            clear_frame(y[half:], h, w)
            mix(y, weights[0][step], a)
            a, y = y, a
        store(y, x[image], tile, top, left, w)


@compiled
def backward(grad_z, grad_ladj, saved, weights, first, last, grad_x, grads):
    """Gradients of images first ... last - 1 from those of z (B, C, H, W) and ladj (B,): grad_x is written, the
    sums over images are added to ``grads``, of the shapes of ``weights``."""
    steps, channels, h, w = len(weights[0]), *grad_z.shape[1:]
    half, width, p, n = channels // 2, weights[1].shape[1], w + 2, h * (w + 2) - 2
    x, y, g, gx = (scratch(channels, h, w), scratch(channels, h, w), scratch(channels, h, w), scratch(channels, h, w))
    hidden1, hidden2, out = scratch(width, h, w), scratch(width + 1, h, w), scratch(channels, h, w)
    frame_indicator(hidden2[width], h, w)
    grad1, grad2 = scratch(width, h, w), scratch(width, h, w)
    for image in range(first, last):
        load(grad_z[image], g, 0, 0, h, w)
        for step in range(steps - 1, -1, -1):
            load(saved[step, image], x, 0, 0, h, w)
            mix(x, weights[0][step], y)
            condition(y[:half], step, weights, hidden1, hidden2, out, h, w)
            scale = weights[7][step]
            for c in range(half):
                second, shift, raw, gs = y[half + c], out[c], out[half + c], g[half + c]
                to_scale = f32(0)
                for i in range(len(second)):  # the gradient of z's second half becomes that of y's
                    t = tanh(raw[i])
                    e = exp(scale * t)
                    to_log_scale = gs[i] * second[i] * e + grad_ladj[image]
                    shift[i] = gs[i]
                    raw[i] = to_log_scale * scale * (f32(1) - t * t)
                    second[i] = to_log_scale * t
                    gs[i] *= e
                clear_frame(y[half + c : half + c + 1], h, w)
                for i in range(p, (h + 1) * p):
                    to_scale += second[i]
                grads[7][step] += to_scale
            clear_frame(out, h, w)
            out[:, :p] = 0
            out[:, (h + 1) * p :] = 0
            conv3x3_to_weight(out, hidden2, grads[5][step], grads[6][step], n, p)
            grad2[:] = 0
            conv3x3_to_source(out, weights[5][step], grad2, n, p)
            pass_relu(grad2, hidden2[:width])
            mix_to_weight(grad2, hidden1, grads[3][step])
            for o in range(width):
                grads[4][step, o] += grad2[o].sum()
            mix(grad2, weights[3][step].T, grad1)
            pass_relu(grad1, hidden1)
            conv3x3_to_weight(grad1, y[:half], grads[1][step], grads[2][step], n, p)
            conv3x3_to_source(grad1, weights[1][step], g[:half], n, p)
            clear_frame(g, h, w)
            mix_to_weight(g, x, grads[0][step])
            mix(g, weights[0][step].T, gx)
            g, gx = gx, g
        store(g, grad_x[image], (0, h, 0, w), 0, 0, w)
