"""The steps of :mod:`n2nf_core.fused` on a GPU, in Triton: a handful of kernels for each step, in exact float32.

The libraries' convolutions are made for many channels; for two to four they take longer than the denoiser, and round to
ten bits. Here a program computes a block of pixels of one image, all channels in registers. With y = W x, a and b the
two halves of y, and the conditioner's h1 = relu(c1 * a), h2 = relu(c2 h1), (t, r) = c3 * h2:

    z = (a, b exp(l) + t),  l = scale tanh(r),  ladj = sum l

``weights`` are, stacked over the k steps: W (k, C, C), c1 (k, w, C/2, 3, 3), its bias (k, w), c2 (k, w, w), its bias
(k, w), c3 (k, C, w + 1, 3, 3), its bias (k, C), scale (k,). The last input of c3 is 1 outside the image and 0 inside.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 256
"""Pixels of a program, and of a program of :func:`_weights` four times as many: those sums end in memory."""


class Saved(NamedTuple):
    """What the gradient needs, stacked over the steps: inputs x, y = W x, h1, h2, and tanh(r)."""

    x: Tensor
    y: Tensor
    h1: Tensor
    h2: Tensor
    tanh: Tensor


@triton.jit
def _tanh(x):
    """tanh, to a relative error of 1e-6 at 0 too."""
    square = x * x
    series = x * (1 - square * (1 / 3 - square * (2 / 15 - square * (17 / 315))))
    return tl.where(tl.abs(x) < 0.15, series, 2 * tl.sigmoid(2 * x) - 1)


@triton.jit
def _relu(x):
    return tl.where(x < 0, 0.0, x)  # a value that is no number stays one


@triton.jit
def _column(tile, columns, k):
    """Column k of a tile (pixels, columns)."""
    return tl.sum(tl.where(columns[None, :] == k, tile, 0.0), 1)


@triton.jit
def _tile(pointer, plane, pixel, channels, mask):
    """Values (pixels, channels) of an image, 0 where the mask is."""
    return tl.load(pointer + channels[None, :] * plane + pixel[:, None], mask=mask, other=0.0)


@triton.jit(do_not_specialize=["step"])
def _mix(
    source, target, matrix, step, height, width,
    C: tl.constexpr, CP: tl.constexpr, TURN: tl.constexpr, SIZE: tl.constexpr,
):
    """target = W source, or W^T source, at every pixel."""
    plane, image = height * width, tl.program_id(0).to(tl.int64) * C * height * width
    pixel, out = tl.program_id(1) * SIZE + tl.arange(0, SIZE), tl.arange(0, CP)
    total = tl.zeros((SIZE, CP), tl.float32)
    for i in tl.static_range(C):
        value = tl.load(source + image + i * plane + pixel, mask=pixel < plane, other=0.0)
        place = i * C + out if TURN else out * C + i
        total += value[:, None] * tl.load(matrix + step * C * C + place, mask=out < C, other=0.0)[None, :]
    mask = (pixel < plane)[:, None] & (out < C)[None, :]
    tl.store(target + image + out[None, :] * plane + pixel[:, None], total, mask=mask)


@triton.jit(do_not_specialize=["step"])
def _hidden(
    y, h1, h2, conv1, bias1, conv2, bias2, step, height, width,
    C: tl.constexpr, N: tl.constexpr, NP: tl.constexpr, SIZE: tl.constexpr,
):
    """h1 = relu(c1 * a), h2 = relu(c2 h1)."""
    plane, image = height * width, tl.program_id(0).to(tl.int64) * height * width
    pixel, out = tl.program_id(1) * SIZE + tl.arange(0, SIZE), tl.arange(0, NP)
    row, column, known = pixel // width, pixel % width, out < N
    first = tl.zeros((SIZE, NP), tl.float32) + tl.load(bias1 + step * N + out, mask=known, other=0.0)[None, :]
    for tap in tl.static_range(9):
        r, c = row + tap // 3 - 1, column + tap % 3 - 1
        inside = (pixel < plane) & (r >= 0) & (r < height) & (c >= 0) & (c < width)
        for i in tl.static_range(C // 2):
            value = tl.load(y + image * C + i * plane + r * width + c, mask=inside, other=0.0)
            weight = tl.load(conv1 + ((step * N + out) * (C // 2) + i) * 9 + tap, mask=known, other=0.0)
            first += value[:, None] * weight[None, :]
    first = _relu(first)
    second = tl.zeros((SIZE, NP), tl.float32) + tl.load(bias2 + step * N + out, mask=known, other=0.0)[None, :]
    for i in tl.static_range(N):
        weight = tl.load(conv2 + (step * N + out) * N + i, mask=known, other=0.0)
        second += _column(first, out, i)[:, None] * weight[None, :]
    place, mask = image * N + out[None, :] * plane + pixel[:, None], (pixel < plane)[:, None] & known[None, :]
    tl.store(h1 + place, first, mask=mask)
    tl.store(h2 + place, _relu(second), mask=mask)


@triton.jit(do_not_specialize=["step"])
def _couple(
    y, h2, z, tanh, ladj, conv3, bias3, scale, step, height, width, C: tl.constexpr, N: tl.constexpr, HP: tl.constexpr,
    INVERSE: tl.constexpr, LEARN: tl.constexpr, SIZE: tl.constexpr,
):
    """z from y and h2, and the block's sum of l; or y from z."""
    plane, image, H = height * width, tl.program_id(0).to(tl.int64) * height * width, C // 2
    pixel, out = tl.program_id(1) * SIZE + tl.arange(0, SIZE), tl.arange(0, HP)
    row, column, known = pixel // width, pixel % width, out < H
    shift = tl.zeros((SIZE, HP), tl.float32) + tl.load(bias3 + step * C + out, mask=known, other=0.0)[None, :]
    raw = tl.zeros((SIZE, HP), tl.float32) + tl.load(bias3 + step * C + H + out, mask=known, other=0.0)[None, :]
    for tap in tl.static_range(9):
        r, c = row + tap // 3 - 1, column + tap % 3 - 1
        inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        for i in tl.static_range(N + 1):
            if i < N:
                there = inside & (pixel < plane)
                value = tl.load(h2 + image * N + i * plane + r * width + c, mask=there, other=0.0)
            else:
                value = tl.where(inside, 0.0, 1.0)
            weight = conv3 + ((step * C + out) * (N + 1) + i) * 9 + tap
            shift += value[:, None] * tl.load(weight, mask=known, other=0.0)[None, :]
            raw += value[:, None] * tl.load(weight + H * (N + 1) * 9, mask=known, other=0.0)[None, :]
    mask = (pixel < plane)[:, None] & known[None, :]
    raw = _tanh(raw)
    log_scale = raw * tl.load(scale + step)
    second = _tile(y + image * C + H * plane, plane, pixel, out, mask)
    second = (second - shift) * tl.exp(-log_scale) if INVERSE else second * tl.exp(log_scale) + shift
    place = out[None, :] * plane + pixel[:, None]
    tl.store(z + image * C + place, _tile(y + image * C, plane, pixel, out, mask), mask=mask)
    tl.store(z + image * C + H * plane + place, second, mask=mask)
    if not INVERSE:
        block = tl.program_id(0) * tl.num_programs(1) + tl.program_id(1)
        tl.store(ladj + block, tl.sum(tl.sum(tl.where(mask, log_scale, 0.0), 1), 0))
    if LEARN:
        tl.store(tanh + image * H + place, raw, mask=mask)


@triton.jit(do_not_specialize=["step"])
def _couple_back(
    grad_z, grad_ladj, y, tanh, grad_out, grad_y, grad_scale, scale, step, height, width,
    C: tl.constexpr, HP: tl.constexpr, SIZE: tl.constexpr,
):
    """Gradients of (t, r), of b, and the block's sum for the scale."""
    plane, image, H = height * width, tl.program_id(0).to(tl.int64) * height * width, C // 2
    pixel, out = tl.program_id(1) * SIZE + tl.arange(0, SIZE), tl.arange(0, HP)
    mask = (pixel < plane)[:, None] & (out < H)[None, :]
    factor, squashed = tl.load(scale + step), _tile(tanh + image * H, plane, pixel, out, mask)
    grad = _tile(grad_z + image * C + H * plane, plane, pixel, out, mask)
    second = _tile(y + image * C + H * plane, plane, pixel, out, mask)
    grown = grad * tl.exp(factor * squashed)
    grad_log = grown * second + tl.load(grad_ladj + tl.program_id(0))
    place = image * C + out[None, :] * plane + pixel[:, None]
    tl.store(grad_out + place, grad, mask=mask)
    tl.store(grad_out + place + H * plane, grad_log * factor * (1 - squashed * squashed), mask=mask)
    tl.store(grad_y + place + H * plane, grown, mask=mask)
    block = tl.program_id(0) * tl.num_programs(1) + tl.program_id(1)
    tl.store(grad_scale + block, tl.sum(tl.sum(tl.where(mask, grad_log * squashed, 0.0), 1), 0))


@triton.jit(do_not_specialize=["step"])
def _hidden_back(
    grad_out, h1, h2, grad_h1, grad_h2, conv2, conv3, step, height, width,
    C: tl.constexpr, N: tl.constexpr, NP: tl.constexpr, SIZE: tl.constexpr,
):
    """Gradients before the two ReLUs."""
    plane, image = height * width, tl.program_id(0).to(tl.int64) * height * width
    pixel, out = tl.program_id(1) * SIZE + tl.arange(0, SIZE), tl.arange(0, NP)
    row, column, known = pixel // width, pixel % width, out < N
    second = tl.zeros((SIZE, NP), tl.float32)
    for tap in tl.static_range(9):
        r, c = row + 1 - tap // 3, column + 1 - tap % 3
        inside = (pixel < plane) & (r >= 0) & (r < height) & (c >= 0) & (c < width)
        for i in tl.static_range(C):
            value = tl.load(grad_out + image * C + i * plane + r * width + c, mask=inside, other=0.0)
            weight = tl.load(conv3 + ((step * C + i) * (N + 1) + out) * 9 + tap, mask=known, other=0.0)
            second += value[:, None] * weight[None, :]
    mask = (pixel < plane)[:, None] & known[None, :]
    second = tl.where(_tile(h2 + image * N, plane, pixel, out, mask) > 0, second, 0.0)
    first = tl.zeros((SIZE, NP), tl.float32)
    for i in tl.static_range(N):
        weight = tl.load(conv2 + (step * N + i) * N + out, mask=known, other=0.0)
        first += _column(second, out, i)[:, None] * weight[None, :]
    first = tl.where(_tile(h1 + image * N, plane, pixel, out, mask) > 0, first, 0.0)
    place = image * N + out[None, :] * plane + pixel[:, None]
    tl.store(grad_h1 + place, first, mask=mask)
    tl.store(grad_h2 + place, second, mask=mask)


@triton.jit(do_not_specialize=["step"])
def _first_back(
    grad_z, grad_h1, grad_y, conv1, step, height, width,
    C: tl.constexpr, N: tl.constexpr, HP: tl.constexpr, SIZE: tl.constexpr,
):
    """Gradient of a."""
    plane, image, H = height * width, tl.program_id(0).to(tl.int64) * height * width, C // 2
    pixel, out = tl.program_id(1) * SIZE + tl.arange(0, SIZE), tl.arange(0, HP)
    row, column, known = pixel // width, pixel % width, out < H
    mask = (pixel < plane)[:, None] & known[None, :]
    total = _tile(grad_z + image * C, plane, pixel, out, mask)
    for tap in tl.static_range(9):
        r, c = row + 1 - tap // 3, column + 1 - tap % 3
        inside = (pixel < plane) & (r >= 0) & (r < height) & (c >= 0) & (c < width)
        for i in tl.static_range(N):
            value = tl.load(grad_h1 + image * N + i * plane + r * width + c, mask=inside, other=0.0)
            weight = tl.load(conv1 + ((step * N + i) * H + out) * 9 + tap, mask=known, other=0.0)
            total += value[:, None] * weight[None, :]
    tl.store(grad_y + image * C + out[None, :] * plane + pixel[:, None], total, mask=mask)


@triton.jit
def _weights(
    x, y, h1, h2, grad_y, grad_out, grad_h1, grad_h2, sums, images, height, width, blocks,
    C: tl.constexpr, N: tl.constexpr, CP: tl.constexpr, NP: tl.constexpr, COUNT: tl.constexpr, SIZE: tl.constexpr,
):
    """A block's sums for the gradients of all weights but the scales, (k, programs, COUNT), in the order of weights."""
    plane, H = height * width, C // 2
    image = (tl.program_id(1).to(tl.int64) * images + tl.program_id(0) // blocks) * plane
    pixel = (tl.program_id(0) % blocks) * SIZE + tl.arange(0, SIZE)
    row, column, here = pixel // width, pixel % width, pixel < plane
    sums += (tl.program_id(1).to(tl.int64) * tl.num_programs(0) + tl.program_id(0)) * COUNT
    planes, units = tl.arange(0, CP), tl.arange(0, NP)
    some, few = here[:, None] & (planes < C)[None, :], here[:, None] & (units < N)[None, :]

    grad = _tile(grad_y + image * C, plane, pixel, planes, some)
    for i in tl.static_range(C):
        value = tl.load(x + image * C + i * plane + pixel, mask=here, other=0.0)
        tl.store(sums + planes * C + i, tl.sum(grad * value[:, None], 0), mask=planes < C)
    sums += C * C

    grad = _tile(grad_h1 + image * N, plane, pixel, units, few)
    for tap in tl.static_range(9):
        r, c = row + tap // 3 - 1, column + tap % 3 - 1
        inside = here & (r >= 0) & (r < height) & (c >= 0) & (c < width)
        for i in tl.static_range(C // 2):
            value = tl.load(y + image * C + i * plane + r * width + c, mask=inside, other=0.0)
            tl.store(sums + (units * H + i) * 9 + tap, tl.sum(grad * value[:, None], 0), mask=units < N)
    sums += N * H * 9
    tl.store(sums + units, tl.sum(grad, 0), mask=units < N)
    sums += N

    grad = _tile(grad_h2 + image * N, plane, pixel, units, few)
    for i in tl.static_range(N):
        value = tl.load(h1 + image * N + i * plane + pixel, mask=here, other=0.0)
        tl.store(sums + units * N + i, tl.sum(grad * value[:, None], 0), mask=units < N)
    sums += N * N
    tl.store(sums + units, tl.sum(grad, 0), mask=units < N)
    sums += N

    grad = _tile(grad_out + image * C, plane, pixel, planes, some)
    for tap in tl.static_range(9):
        r, c = row + tap // 3 - 1, column + tap % 3 - 1
        inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        for i in tl.static_range(N + 1):
            if i < N:
                value = tl.load(h2 + image * N + i * plane + r * width + c, mask=inside & here, other=0.0)
            else:
                value = tl.where(inside, 0.0, 1.0)
            tl.store(sums + (planes * (N + 1) + i) * 9 + tap, tl.sum(grad * value[:, None], 0), mask=planes < C)
    sums += C * (N + 1) * 9
    tl.store(sums + planes, tl.sum(grad, 0), mask=planes < C)


class _Launch:
    """What all launches for one batch share."""

    def __init__(self, x: Tensor, weights: tuple[Tensor, ...]):
        self.images, self.C, self.height, self.width = x.shape
        self.k, self.N = weights[2].shape
        self.blocks = triton.cdiv(self.height * self.width, BLOCK)
        self.grid, self.size = (self.images, self.blocks), (self.height, self.width)
        self.CP, self.HP, self.NP = map(triton.next_power_of_2, (self.C, self.C // 2, self.N))

    def empty(self, like: Tensor, channels: int, steps: int) -> Tensor:
        """Room for ``channels`` planes of every image at each of ``steps``."""
        return like.new_empty(steps, self.images, channels, *self.size)

    def mix(self, source: Tensor, target: Tensor, matrix: Tensor, step: int, turn: bool = False) -> None:
        """target = W source, or W^T source."""
        _mix[self.grid](source, target, matrix, step, *self.size, C=self.C, CP=self.CP, TURN=turn, SIZE=BLOCK)

    def couple(
        self, y: Tensor, h1: Tensor, h2: Tensor, z: Tensor, tanh: Tensor | None, ladj: Tensor | None,
        weights: tuple[Tensor, ...], step: int,
    ) -> None:  # fmt: skip
        """The coupling, or its inverse where there is no place for ladj."""
        conv1, bias1, conv2, bias2, conv3, bias3, scale = weights[1:]
        _hidden[self.grid](
            y, h1, h2, conv1, bias1, conv2, bias2, step, *self.size, C=self.C, N=self.N, NP=self.NP, SIZE=BLOCK
        )
        _couple[self.grid](
            y, h2, z, z if tanh is None else tanh, z if ladj is None else ladj, conv3, bias3, scale, step, *self.size,
            C=self.C, N=self.N, HP=self.HP, INVERSE=ladj is None, LEARN=tanh is not None, SIZE=BLOCK,
        )  # fmt: skip


def forward(x: Tensor, weights: tuple[Tensor, ...], learn: bool) -> tuple[Tensor, Tensor, Saved | None]:
    """z (B, C, H, W), ladj (B,) of the couplings, and what :func:`backward` takes if ``learn``."""
    run = _Launch(x, weights)
    kept = run.k if learn else 1
    room = [run.empty(x, channels, kept) for channels in (run.C, run.C, run.N, run.N, run.C // 2)]
    inputs, y, h1, h2, tanh = room
    z, ladj = torch.empty_like(x), x.new_empty(run.k, *run.grid)
    with torch.cuda.device_of(x):
        for step in range(run.k):
            at = step if learn else 0
            run.mix(inputs[at] if step else x, y[at], weights[0], step)
            target = z if step == run.k - 1 else inputs[step + 1 if learn else 0]
            run.couple(y[at], h1[at], h2[at], target, tanh[at] if learn else None, ladj[step], weights, step)
    if learn:
        inputs[0] = x
    return z, ladj.sum((0, 2)), Saved(*room) if learn else None


def inverse(z: Tensor, weights: tuple[Tensor, ...]) -> Tensor:
    """x (B, C, H, W); the first of ``weights`` holds the inverses of the W."""
    run = _Launch(z, weights)
    y, x, h1, h2 = (run.empty(z, channels, 1)[0] for channels in (run.C, run.C, run.N, run.N))
    with torch.cuda.device_of(z):
        for step in reversed(range(run.k)):
            run.couple(z if step == run.k - 1 else x, h1, h2, y, None, None, weights, step)
            run.mix(y, x, weights[0], step)
    return x


def backward(grad_z: Tensor, grad_ladj: Tensor, saved: Saved, weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Gradients of x and of ``weights``."""
    run, count = _Launch(grad_z, weights), sum(w[0].numel() for w in weights[:-1])
    grad_y, grad_out = run.empty(grad_z, run.C, run.k), run.empty(grad_z, run.C, run.k)
    grad_h1, grad_h2 = run.empty(grad_z, run.N, run.k), run.empty(grad_z, run.N, run.k)
    grad_scale, grad_x = grad_z.new_empty(run.k, *run.grid), grad_z
    _, conv1, _, conv2, _, conv3, _, scale = weights
    shape = {"C": run.C, "N": run.N}
    with torch.cuda.device_of(grad_z):
        for s in reversed(range(run.k)):
            grad_z, grad_x = grad_x, torch.empty_like(grad_z)
            _couple_back[run.grid](
                grad_z, grad_ladj, saved.y[s], saved.tanh[s], grad_out[s], grad_y[s], grad_scale[s], scale, s,
                *run.size, C=run.C, HP=run.HP, SIZE=BLOCK,
            )  # fmt: skip
            _hidden_back[run.grid](
                grad_out[s], saved.h1[s], saved.h2[s], grad_h1[s], grad_h2[s], conv2, conv3, s,
                *run.size, **shape, NP=run.NP, SIZE=BLOCK,
            )  # fmt: skip
            _first_back[run.grid](grad_z, grad_h1[s], grad_y[s], conv1, s, *run.size, **shape, HP=run.HP, SIZE=BLOCK)
            run.mix(grad_y[s], grad_x, weights[0], s, turn=True)
        blocks = triton.cdiv(run.height * run.width, 4 * BLOCK)
        sums = grad_z.new_empty(run.k, run.images * blocks, count)
        _weights[run.images * blocks, run.k](
            saved.x, saved.y, saved.h1, saved.h2, grad_y, grad_out, grad_h1, grad_h2, sums,
            run.images, *run.size, blocks, **shape, CP=run.CP, NP=run.NP, COUNT=count, SIZE=4 * BLOCK,
        )  # fmt: skip
    parts = sums.sum(1).split([w[0].numel() for w in weights[:-1]], 1)
    grads = (part.reshape(weight.shape) for part, weight in zip(parts, weights, strict=False))
    return grad_x, *grads, grad_scale.sum((1, 2))


def try_out() -> None:
    """Run the smallest kernel; what is wrong with Triton on this machine is raised here."""
    one = torch.eye(2, device="cuda")
    source, target = torch.ones(1, 2, 1, 1, device="cuda"), torch.empty(1, 2, 1, 1, device="cuda")
    _Launch(source, (one[None], one, one)).mix(source, target, one, 0)
    if not torch.equal(source, target):
        raise RuntimeError("a kernel gave a wrong result")
