"""GPU kernels of one step of Noise Flow and of its gradient, in Triton; :mod:`.flow_steps_triton` launches them.

With y = W x, the halves a and b of y, and the conditioner's h1 = relu(c1 * a), h2 = relu(c2 h1), (t, r) = c3 * h2:

    z = (a, b exp(l) + t),  l = scale tanh(r),  ladj = sum l

C is the number of channels, N the conditioner's width. The weights are described in :mod:`.flow_steps_triton`.
"""

from __future__ import annotations

import triton
import triton.language as tl

from n2nf_core.kernels.planes_triton import (
    accurate_tanh,
    add_product,
    add_products,
    load_planes,
    neighbours,
    pixels_of_program,
    relu,
    start_at_bias,
    store_sums,
    zeros,
)


@triton.jit(do_not_specialize=["step", "height", "width"])
def mix(source, target, matrix, step, height, width, C: tl.constexpr, SIZE: tl.constexpr):
    """target = W source at every pixel."""
    row, column, here = pixels_of_program(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * C * plane
    values = load_planes(source + image, plane, at, here, C)
    for o in tl.static_range(C):
        total = tl.zeros((SIZE,), tl.float32)
        for i in tl.static_range(C):
            total += values[i] * tl.load(matrix + (step * C + o) * C + i)
        tl.store(target + image + o * plane + at, total, mask=here)


@triton.jit(do_not_specialize=["step", "height", "width"])
def hidden(
    y, h1, h2, conv1, bias1, conv2, bias2, step, height, width, C: tl.constexpr, N: tl.constexpr, SIZE: tl.constexpr
):
    """h1 = relu(c1 * a), h2 = relu(c2 h1)."""
    row, column, here = pixels_of_program(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    first = start_at_bias(bias1 + step * N, SIZE, N)
    for tap in tl.static_range(9):
        there, inside = neighbours(row, column, here, height, width, tap // 3 - 1, tap % 3 - 1)
        for i in tl.static_range(C // 2):
            value = tl.load(y + image * C + i * plane + there, mask=inside, other=0.0)
            first = add_product(first, value, conv1 + (step * N * (C // 2) + i) * 9 + tap, (C // 2) * 9, N)
    second = start_at_bias(bias2 + step * N, SIZE, N)
    for i in tl.static_range(N):
        value = relu(first[i])
        tl.store(h1 + image * N + i * plane + at, value, mask=here)
        second = add_product(second, value, conv2 + step * N * N + i, N, N)
    for o in tl.static_range(N):
        tl.store(h2 + image * N + o * plane + at, relu(second[o]), mask=here)


@triton.jit(do_not_specialize=["step", "height", "width"])
def couple(
    y, h2, z, tanh, ladj, conv3, bias3, scale, step, height, width, C: tl.constexpr, N: tl.constexpr,
    INVERSE: tl.constexpr, LEARN: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """z from y and h2, and the sum of l over the block. With INVERSE, ``y`` holds z and the result ``z`` holds y."""
    row, column, here = pixels_of_program(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    shift = start_at_bias(bias3 + step * C, SIZE, C // 2)
    raw = start_at_bias(bias3 + step * C + C // 2, SIZE, C // 2)
    for tap in tl.static_range(9):
        there, inside = neighbours(row, column, here, height, width, tap // 3 - 1, tap % 3 - 1)
        for i in tl.static_range(N + 1):
            if i < N:
                value = tl.load(h2 + image * N + i * plane + there, mask=inside, other=0.0)
            else:
                value = tl.where(inside, 0.0, 1.0)
            weight = conv3 + (step * C * (N + 1) + i) * 9 + tap
            shift = add_product(shift, value, weight, (N + 1) * 9, C // 2)
            raw = add_product(raw, value, weight + (C // 2) * (N + 1) * 9, (N + 1) * 9, C // 2)
    total, factor = tl.zeros((SIZE,), tl.float32), tl.load(scale + step)
    for c in tl.static_range(C // 2):
        place = image * C + c * plane + at
        tl.store(z + place, tl.load(y + place, mask=here), mask=here)
        squashed = accurate_tanh(raw[c])
        log_scale = factor * squashed
        second = tl.load(y + place + (C // 2) * plane, mask=here, other=0.0)
        if INVERSE:
            second = (second - shift[c]) * tl.exp(-log_scale)
        else:
            second = second * tl.exp(log_scale) + shift[c]
        tl.store(z + place + (C // 2) * plane, second, mask=here)
        total += tl.where(here, log_scale, 0.0)
        if LEARN:
            tl.store(tanh + image * (C // 2) + c * plane + at, squashed, mask=here)
    if not INVERSE:
        tl.store(ladj + tl.program_id(0) * tl.num_programs(1) + tl.program_id(1), tl.sum(total, 0))


@triton.jit(do_not_specialize=["step", "height", "width"])
def couple_back(
    grad_z, grad_ladj, y, tanh, grad_out, grad_y, grad_scale, scale, step, height, width,
    C: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """The gradients of (t, r) and of b, and the block's part of the gradient of the scale."""
    row, column, here = pixels_of_program(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    total, factor = tl.zeros((SIZE,), tl.float32), tl.load(scale + step)
    of_ladj = tl.load(grad_ladj + tl.program_id(0))
    for c in tl.static_range(C // 2):
        place = image * C + c * plane + at
        behind = place + (C // 2) * plane
        squashed = tl.load(tanh + image * (C // 2) + c * plane + at, mask=here, other=0.0)
        grad = tl.load(grad_z + behind, mask=here, other=0.0)
        grown = grad * tl.exp(factor * squashed)
        of_log = tl.where(here, grown * tl.load(y + behind, mask=here, other=0.0) + of_ladj, 0.0)
        tl.store(grad_out + place, grad, mask=here)
        tl.store(grad_out + behind, of_log * factor * (1 - squashed * squashed), mask=here)
        tl.store(grad_y + behind, grown, mask=here)
        total += of_log * squashed
    tl.store(grad_scale + tl.program_id(0) * tl.num_programs(1) + tl.program_id(1), tl.sum(total, 0))


@triton.jit(do_not_specialize=["step", "height", "width"])
def hidden_back(
    grad_out, h1, h2, grad_h1, grad_h2, conv2, conv3, step, height, width,
    C: tl.constexpr, N: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """The gradients of the inputs of the two ReLUs."""
    row, column, here = pixels_of_program(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    second, first = zeros(SIZE, N), zeros(SIZE, N)
    for tap in tl.static_range(9):
        there, inside = neighbours(row, column, here, height, width, 1 - tap // 3, 1 - tap % 3)
        for i in tl.static_range(C):
            value = tl.load(grad_out + image * C + i * plane + there, mask=inside, other=0.0)
            second = add_product(second, value, conv3 + (step * C + i) * (N + 1) * 9 + tap, 9, N)
    for i in tl.static_range(N):
        place = image * N + i * plane + at
        value = tl.where(tl.load(h2 + place, mask=here, other=0.0) > 0, second[i], 0.0)
        tl.store(grad_h2 + place, value, mask=here)
        first = add_product(first, value, conv2 + (step * N + i) * N, 1, N)
    for o in tl.static_range(N):
        place = image * N + o * plane + at
        value = tl.where(tl.load(h1 + place, mask=here, other=0.0) > 0, first[o], 0.0)
        tl.store(grad_h1 + place, value, mask=here)


@triton.jit(do_not_specialize=["step", "height", "width"])
def first_back(
    grad_z, grad_h1, grad_y, grad_x, conv1, matrix, step, height, width,
    C: tl.constexpr, N: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """The gradients of a and of x = W^-1 y."""
    row, column, here = pixels_of_program(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    first = load_planes(grad_z + image * C, plane, at, here, C // 2)
    for tap in tl.static_range(9):
        there, inside = neighbours(row, column, here, height, width, 1 - tap // 3, 1 - tap % 3)
        for i in tl.static_range(N):
            value = tl.load(grad_h1 + image * N + i * plane + there, mask=inside, other=0.0)
            first = add_product(first, value, conv1 + (step * N + i) * (C // 2) * 9 + tap, 9, C // 2)
    both = first + load_planes(grad_y + (image * C + (C // 2) * plane), plane, at, here, C // 2)
    for c in tl.static_range(C // 2):
        tl.store(grad_y + image * C + c * plane + at, first[c], mask=here)
    for i in tl.static_range(C):
        total = tl.zeros((SIZE,), tl.float32)
        for o in tl.static_range(C):
            total += both[o] * tl.load(matrix + (step * C + o) * C + i)
        tl.store(grad_x + image * C + i * plane + at, total, mask=here)


@triton.jit(do_not_specialize=["images", "height", "width"])
def weight_sums(
    x, y, h1, h2, grad_y, grad_out, grad_h1, grad_h2, sums, images, height, width,
    C: tl.constexpr, N: tl.constexpr, COUNT: tl.constexpr, SPAN: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """The part of SPAN pixels of the gradients of all weights except the scales: (k, images, parts, COUNT).

    A program goes over its pixels SIZE at a time, and adds up in registers. The third index of a program is
    4 * step + line. Lines 0 to 2 are those of the taps of a 3x3 convolution; line 3 serves the weights that see only
    the pixel itself.
    """
    plane, first = height * width, tl.program_id(1) * SPAN + tl.arange(0, SIZE)
    step, line = tl.program_id(2) // 4, tl.program_id(2) % 4
    number = step.to(tl.int64) * images + tl.program_id(0)
    wide, narrow = number * plane * C, number * plane * N
    x, y, grad_y, grad_out = x + wide, y + wide, grad_y + wide, grad_out + wide
    h1, h2, grad_h1, grad_h2 = h1 + narrow, h2 + narrow, grad_h1 + narrow, grad_h2 + narrow
    sums += (number * tl.num_programs(1) + tl.program_id(1)) * COUNT
    bias1 = C * C + N * (C // 2) * 9
    conv3 = bias1 + N + N * N + N
    if line < 3:
        of_conv1, of_conv3 = zeros(SIZE, 3 * (C // 2) * N), zeros(SIZE, 3 * (N + 1) * C)
        for part in range(SPAN // SIZE):
            at = first + part * SIZE
            row, column, here = at // width, at % width, at < plane
            near, deep = (), ()
            for tap in tl.static_range(3):
                there, inside = neighbours(row, column, here, height, width, line - 1, tap - 1)
                near = near + load_planes(y, plane, there, inside, C // 2)
                deep = deep + load_planes(h2, plane, there, inside, N) + (tl.where(inside, 0.0, 1.0),)
            of_conv1 = add_products(of_conv1, near, load_planes(grad_h1, plane, at, here, N), 3 * (C // 2), N)
            of_conv3 = add_products(of_conv3, deep, load_planes(grad_out, plane, at, here, C), 3 * (N + 1), C)
        for tap in tl.static_range(3):
            for i in tl.static_range(C // 2):
                store_sums(sums + C * C + i * 9 + 3 * line + tap, of_conv1, tap * (C // 2) + i, (C // 2) * 9, N)
            for i in tl.static_range(N + 1):
                store_sums(sums + conv3 + i * 9 + 3 * line + tap, of_conv3, tap * (N + 1) + i, (N + 1) * 9, C)
    else:
        of_mixing, of_conv2, of_bias3 = zeros(SIZE, C * C), zeros(SIZE, (N + 1) * N), zeros(SIZE, C)
        of_bias1 = zeros(SIZE, N)
        for part in range(SPAN // SIZE):
            at = first + part * SIZE
            here, one = at < plane, (tl.full((SIZE,), 1.0, tl.float32),)
            grads = load_planes(grad_y, plane, at, here, C)
            of_mixing = add_products(of_mixing, load_planes(x, plane, at, here, C), grads, C, C)
            of_bias1 = add_products(of_bias1, one, load_planes(grad_h1, plane, at, here, N), 1, N)
            grads = load_planes(grad_h2, plane, at, here, N)
            of_conv2 = add_products(of_conv2, load_planes(h1, plane, at, here, N) + one, grads, N + 1, N)
            of_bias3 = add_products(of_bias3, one, load_planes(grad_out, plane, at, here, C), 1, C)
        for i in tl.static_range(C):
            store_sums(sums + i, of_mixing, i, C, C)
        store_sums(sums + bias1, of_bias1, 0, 1, N)
        for i in tl.static_range(N):
            store_sums(sums + bias1 + N + i, of_conv2, i, N, N)
        store_sums(sums + bias1 + N + N * N, of_conv2, N, 1, N)
        store_sums(sums + conv3 + C * (N + 1) * 9, of_bias3, 0, 1, C)
