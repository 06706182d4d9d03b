"""The steps of Noise Flow for one CPU core: all layers of one tile run one after another, while it is in the cache.

``weights`` holds the parameters of k steps in the density direction, made by :mod:`n2nf_core.flow.fused`: mixing
(k, C, C), conv1 (k, m, C/2, 3, 3) and bias, conv2 (k, m, m) and bias, conv3 (k, C, m + 1, 3, 3) and bias, scale (k,).
The last input channel of conv3 is the border indicator, which is 1 outside the image and 0 inside. Planes are flat, see
:mod:`n2nf_core.kernels.planes`.
"""

from __future__ import annotations

import numpy as np

from n2nf_core.kernels.planes import (
    clear_frame,
    compiled,
    conv3x3,
    conv3x3_to_source,
    conv3x3_to_weight,
    exp,
    f32,
    frame_indicator,
    kept_sum,
    load,
    mix,
    mix_to_weight,
    pass_relu,
    relu,
    scratch,
    store,
    tanh,
)


@compiled
def condition(first, step, weights, hidden1, hidden2, out, h, w):
    """Write shift and raw log-scale of one coupling to ``out``; hidden2's last plane is the border indicator."""
    _, w1, b1, w2, b2, w3, b3, _ = weights
    p, n = w + 2, h * (w + 2) - 2
    width = w1.shape[1]
    conv3x3(first, w1[step], b1[step], hidden1, n, p)
    relu(hidden1, np.zeros(width, f32), h, w)
    mix(hidden1, w2[step], hidden2[:width])
    relu(hidden2[:width], b2[step], h, w)
    conv3x3(hidden2, w3[step], b3[step], out, n, p)


@compiled
def window(row, margin, height, width):
    """(image, tile, top, left, h, w): the window to read for a tile, larger by ``margin`` within the image."""
    tile = row[1], row[2], row[3], row[4]
    top, left = max(tile[0] - margin, 0), max(tile[2] - margin, 0)
    return row[0], tile, top, left, min(tile[1] + margin, height) - top, min(tile[3] + margin, width) - left


@compiled
def workspace(channels, hidden, h, w):
    """Memory for one tile: two states, both hidden layers (with the border indicator), the conditioner's output."""
    hidden2 = scratch(hidden + 1, h, w)
    frame_indicator(hidden2[hidden], h, w)
    return scratch(channels, h, w), scratch(channels, h, w), scratch(hidden, h, w), hidden2, scratch(channels, h, w)


@compiled
def forward(x, weights, tiles, margin, z, ladj, saved):
    """The density direction: read x (B, C, H, W), write z (B, C, H, W), tile by tile.

    tiles (M, 5): image, y0, y1, x0, x1. margin: pixels read around a tile. ladj (M,): the couplings' log-determinant of
    each tile is added to it. saved (k, B, C, H, W): receives the input of every step, for :func:`backward`; of length 0
    where nothing is to be saved.
    """
    channels, height, width = x.shape[1:]
    half, hidden, steps = channels // 2, weights[1].shape[1], len(weights[0])
    for m in range(len(tiles)):
        image, tile, top, left, h, w = window(tiles[m], margin, height, width)
        a, y, hidden1, hidden2, out = workspace(channels, hidden, h, w)
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
    """The sampling direction: read z, write x, as in :func:`forward`. weights[0] holds the inverse mixing matrices."""
    channels, height, width = z.shape[1:]
    half, hidden = channels // 2, weights[1].shape[1]
    for m in range(len(tiles)):
        image, tile, top, left, h, w = window(tiles[m], margin, height, width)
        a, y, hidden1, hidden2, out = workspace(channels, hidden, h, w)
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
    """The gradients for the images first ... last - 1, from those of z (B, C, H, W) and of ladj (B,).

    grad_x (B, C, H, W) is written. The weights' gradients, summed over images, are added to ``grads``, which has the
    shapes of ``weights``. saved: from :func:`forward`.
    """
    steps, channels, h, w = len(weights[0]), *grad_z.shape[1:]
    half, width, p, n = channels // 2, weights[1].shape[1], w + 2, h * (w + 2) - 2
    x, y, hidden1, hidden2, out = workspace(channels, width, h, w)
    g, gx, grad1, grad2 = scratch(channels, h, w), scratch(channels, h, w), scratch(width, h, w), scratch(width, h, w)
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
                for value in second[p : (h + 1) * p]:
                    to_scale += value
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
