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
"""Pixels of a program, in rows of 32."""


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
def _block(height, width, SIZE: tl.constexpr):
    """Rows and columns of a program's pixels, and whether they are in the image."""
    number, across, k = tl.program_id(1), (width + 31) // 32, tl.arange(0, SIZE)
    row, column = number // across * (SIZE // 32) + k // 32, number % across * 32 + k % 32
    return row, column, (row < height) & (column < width)


@triton.jit
def _near(row, column, here, height, width, down, right):
    """Neighbours: where they are in a plane, and whether they are in the image."""
    r, c = row + down, column + right
    return r * width + c, here & (r >= 0) & (r < height) & (c >= 0) & (c < width)


@triton.jit
def _values(pointer, plane, at, mask, COUNT: tl.constexpr):
    """The values of COUNT planes, 0 where the mask is."""
    found = ()
    for k in tl.static_range(COUNT):
        found = found + (tl.load(pointer + k * plane + at, mask=mask, other=0.0),)
    return found


@triton.jit
def _start(bias, SIZE: tl.constexpr, COUNT: tl.constexpr):
    """COUNT sums that begin with a bias."""
    found = ()
    for k in tl.static_range(COUNT):
        found = found + (tl.zeros((SIZE,), tl.float32) + tl.load(bias + k),)
    return found


@triton.jit
def _add(total, value, weight, STRIDE: tl.constexpr, COUNT: tl.constexpr):
    """The sums with weight * value more, the weights STRIDE apart."""
    found = ()
    for k in tl.static_range(COUNT):
        found = found + (total[k] + value * tl.load(weight + k * STRIDE),)
    return found


@triton.jit
def _sums(target, value, grads, STRIDE: tl.constexpr, COUNT: tl.constexpr):
    """Sums over the program's pixels of value * gradient, for COUNT gradients, to places STRIDE apart."""
    for k in tl.static_range(COUNT):
        tl.store(target + k * STRIDE, tl.sum(value * grads[k], 0))


@triton.jit(do_not_specialize=["step", "height", "width"])
def _mix(source, target, matrix, step, height, width, C: tl.constexpr, SIZE: tl.constexpr):
    """target = W source at every pixel."""
    row, column, here = _block(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * C * plane
    values = _values(source + image, plane, at, here, C)
    for o in tl.static_range(C):
        total = tl.zeros((SIZE,), tl.float32)
        for i in tl.static_range(C):
            total += values[i] * tl.load(matrix + (step * C + o) * C + i)
        tl.store(target + image + o * plane + at, total, mask=here)


@triton.jit(do_not_specialize=["step", "height", "width"])
def _hidden(
    y, h1, h2, conv1, bias1, conv2, bias2, step, height, width, C: tl.constexpr, N: tl.constexpr, SIZE: tl.constexpr
):
    """h1 = relu(c1 * a), h2 = relu(c2 h1)."""
    row, column, here = _block(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    first = _start(bias1 + step * N, SIZE, N)
    for tap in tl.static_range(9):
        there, inside = _near(row, column, here, height, width, tap // 3 - 1, tap % 3 - 1)
        for i in tl.static_range(C // 2):
            value = tl.load(y + image * C + i * plane + there, mask=inside, other=0.0)
            first = _add(first, value, conv1 + (step * N * (C // 2) + i) * 9 + tap, (C // 2) * 9, N)
    second = _start(bias2 + step * N, SIZE, N)
    for i in tl.static_range(N):
        value = _relu(first[i])
        tl.store(h1 + image * N + i * plane + at, value, mask=here)
        second = _add(second, value, conv2 + step * N * N + i, N, N)
    for o in tl.static_range(N):
        tl.store(h2 + image * N + o * plane + at, _relu(second[o]), mask=here)


@triton.jit(do_not_specialize=["step", "height", "width"])
def _couple(
    y, h2, z, tanh, ladj, conv3, bias3, scale, step, height, width, C: tl.constexpr, N: tl.constexpr,
    INVERSE: tl.constexpr, LEARN: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """z from y and h2, and the block's sum of l; or y from z."""
    row, column, here = _block(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    shift = _start(bias3 + step * C, SIZE, C // 2)
    raw = _start(bias3 + step * C + C // 2, SIZE, C // 2)
    for tap in tl.static_range(9):
        there, inside = _near(row, column, here, height, width, tap // 3 - 1, tap % 3 - 1)
        for i in tl.static_range(N + 1):
            if i < N:
                value = tl.load(h2 + image * N + i * plane + there, mask=inside, other=0.0)
            else:
                value = tl.where(inside, 0.0, 1.0)
            weight = conv3 + (step * C * (N + 1) + i) * 9 + tap
            shift = _add(shift, value, weight, (N + 1) * 9, C // 2)
            raw = _add(raw, value, weight + (C // 2) * (N + 1) * 9, (N + 1) * 9, C // 2)
    total, factor = tl.zeros((SIZE,), tl.float32), tl.load(scale + step)
    for c in tl.static_range(C // 2):
        place = image * C + c * plane + at
        tl.store(z + place, tl.load(y + place, mask=here), mask=here)
        squashed = _tanh(raw[c])
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
def _couple_back(
    grad_z, grad_ladj, y, tanh, grad_out, grad_y, grad_scale, scale, step, height, width,
    C: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """Gradients of (t, r), of b, and the block's sum for the scale."""
    row, column, here = _block(height, width, SIZE)
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
def _hidden_back(
    grad_out, h1, h2, grad_h1, grad_h2, conv2, conv3, step, height, width,
    C: tl.constexpr, N: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """Gradients before the two ReLUs."""
    row, column, here = _block(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    second, first = (), ()
    for _ in tl.static_range(N):
        second = second + (tl.zeros((SIZE,), tl.float32),)
        first = first + (tl.zeros((SIZE,), tl.float32),)
    for tap in tl.static_range(9):
        there, inside = _near(row, column, here, height, width, 1 - tap // 3, 1 - tap % 3)
        for i in tl.static_range(C):
            value = tl.load(grad_out + image * C + i * plane + there, mask=inside, other=0.0)
            second = _add(second, value, conv3 + (step * C + i) * (N + 1) * 9 + tap, 9, N)
    for i in tl.static_range(N):
        place = image * N + i * plane + at
        value = tl.where(tl.load(h2 + place, mask=here, other=0.0) > 0, second[i], 0.0)
        tl.store(grad_h2 + place, value, mask=here)
        first = _add(first, value, conv2 + (step * N + i) * N, 1, N)
    for o in tl.static_range(N):
        place = image * N + o * plane + at
        value = tl.where(tl.load(h1 + place, mask=here, other=0.0) > 0, first[o], 0.0)
        tl.store(grad_h1 + place, value, mask=here)


@triton.jit(do_not_specialize=["step", "height", "width"])
def _first_back(
    grad_z, grad_h1, grad_y, grad_x, conv1, matrix, step, height, width,
    C: tl.constexpr, N: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """Gradients of a, and of x = W^-1 y."""
    row, column, here = _block(height, width, SIZE)
    plane, at = height * width, row * width + column
    image = tl.program_id(0).to(tl.int64) * plane
    first = _values(grad_z + image * C, plane, at, here, C // 2)
    for tap in tl.static_range(9):
        there, inside = _near(row, column, here, height, width, 1 - tap // 3, 1 - tap % 3)
        for i in tl.static_range(N):
            value = tl.load(grad_h1 + image * N + i * plane + there, mask=inside, other=0.0)
            first = _add(first, value, conv1 + (step * N + i) * (C // 2) * 9 + tap, 9, C // 2)
    both = first + _values(grad_y + (image * C + (C // 2) * plane), plane, at, here, C // 2)
    for c in tl.static_range(C // 2):
        tl.store(grad_y + image * C + c * plane + at, first[c], mask=here)
    for i in tl.static_range(C):
        total = tl.zeros((SIZE,), tl.float32)
        for o in tl.static_range(C):
            total += both[o] * tl.load(matrix + (step * C + o) * C + i)
        tl.store(grad_x + image * C + i * plane + at, total, mask=here)


@triton.jit(do_not_specialize=["images", "height", "width"])
def _weights(
    x, y, h1, h2, grad_y, grad_out, grad_h1, grad_h2, sums, images, height, width,
    C: tl.constexpr, N: tl.constexpr, COUNT: tl.constexpr, SIZE: tl.constexpr,
):  # fmt: skip
    """A block's sums for the gradients of all weights but the scales, (k, images, blocks, COUNT) in their order.

    Third index of a program: the step, and ten times a neighbour of the pixels or, last, what needs the pixels alone.
    """
    row, column, here = _block(height, width, SIZE)
    plane, at = height * width, row * width + column
    step, tap = tl.program_id(2) // 10, tl.program_id(2) % 10
    number = step.to(tl.int64) * images + tl.program_id(0)
    image = number * plane
    sums += (number * tl.num_programs(1) + tl.program_id(1)) * COUNT
    bias1 = C * C + N * (C // 2) * 9
    conv3 = bias1 + N + N * N + N
    if tap < 9:
        there, inside = _near(row, column, here, height, width, tap // 3 - 1, tap % 3 - 1)
        grads = _values(grad_h1 + image * N, plane, at, here, N)
        for i in tl.static_range(C // 2):
            value = tl.load(y + image * C + i * plane + there, mask=inside, other=0.0)
            _sums(sums + C * C + i * 9 + tap, value, grads, (C // 2) * 9, N)
        grads = _values(grad_out + image * C, plane, at, here, C)
        for i in tl.static_range(N):
            value = tl.load(h2 + image * N + i * plane + there, mask=inside, other=0.0)
            _sums(sums + conv3 + i * 9 + tap, value, grads, (N + 1) * 9, C)
        _sums(sums + conv3 + N * 9 + tap, tl.where(inside, 0.0, 1.0), grads, (N + 1) * 9, C)
    else:
        one = tl.full((SIZE,), 1.0, tl.float32)
        grads = _values(grad_y + image * C, plane, at, here, C)
        for i in tl.static_range(C):
            _sums(sums + i, tl.load(x + image * C + i * plane + at, mask=here, other=0.0), grads, C, C)
        _sums(sums + bias1, one, _values(grad_h1 + image * N, plane, at, here, N), 1, N)
        grads = _values(grad_h2 + image * N, plane, at, here, N)
        for i in tl.static_range(N):
            value = tl.load(h1 + image * N + i * plane + at, mask=here, other=0.0)
            _sums(sums + bias1 + N + i, value, grads, N, N)
        _sums(sums + bias1 + N + N * N, one, grads, 1, N)
        _sums(sums + conv3 + C * (N + 1) * 9, one, _values(grad_out + image * C, plane, at, here, C), 1, C)


class _Launch:
    """What all launches for one batch share."""

    def __init__(self, x: Tensor, weights: tuple[Tensor, ...]):
        self.images, self.C, *self.size = x.shape
        self.k, self.N = weights[2].shape
        self.grid = self.images, triton.cdiv(self.size[0], BLOCK // 32) * triton.cdiv(self.size[1], 32)

    def empty(self, like: Tensor, channels: int, steps: int) -> Tensor:
        """Room for ``channels`` planes of every image at each of ``steps``."""
        return like.new_empty(steps, self.images, channels, *self.size)

    def mix(self, source: Tensor, target: Tensor, matrix: Tensor, step: int) -> None:
        """target = W source."""
        _mix[self.grid](source, target, matrix, step, *self.size, C=self.C, SIZE=BLOCK)

    def couple(
        self, y: Tensor, h1: Tensor, h2: Tensor, z: Tensor, tanh: Tensor | None, ladj: Tensor | None,
        weights: tuple[Tensor, ...], step: int,
    ) -> None:  # fmt: skip
        """The coupling, or its inverse where there is no place for ladj."""
        conv1, bias1, conv2, bias2, conv3, bias3, scale = weights[1:]
        _hidden[self.grid](
            y, h1, h2, conv1, bias1, conv2, bias2, step, *self.size, C=self.C, N=self.N, SIZE=BLOCK
        )  # fmt: skip
        _couple[self.grid](
            y, h2, z, z if tanh is None else tanh, z if ladj is None else ladj, conv3, bias3, scale, step, *self.size,
            C=self.C, N=self.N, INVERSE=ladj is None, LEARN=tanh is not None, SIZE=BLOCK,
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
    mixing, conv1, _, conv2, _, conv3, _, scale = weights
    shape = {"C": run.C, "N": run.N}
    with torch.cuda.device_of(grad_z):
        for s in reversed(range(run.k)):
            grad_z, grad_x = grad_x, torch.empty_like(grad_z)
            _couple_back[run.grid](
                grad_z, grad_ladj, saved.y[s], saved.tanh[s], grad_out[s], grad_y[s], grad_scale[s], scale, s,
                *run.size, C=run.C, SIZE=BLOCK,
            )  # fmt: skip
            _hidden_back[run.grid](
                grad_out[s], saved.h1[s], saved.h2[s], grad_h1[s], grad_h2[s], conv2, conv3, s,
                *run.size, **shape, SIZE=BLOCK,
            )  # fmt: skip
            _first_back[run.grid](
                grad_z, grad_h1[s], grad_y[s], grad_x, conv1, mixing, s, *run.size, **shape, SIZE=BLOCK
            )  # fmt: skip
        sums = grad_z.new_empty(run.k, *run.grid, count)
        _weights[*run.grid, 10 * run.k](
            saved.x, saved.y, saved.h1, saved.h2, grad_y, grad_out, grad_h1, grad_h2, sums, run.images, *run.size,
            **shape, COUNT=count, SIZE=BLOCK, num_warps=1,
        )  # fmt: skip
    parts = sums.sum((1, 2)).split([w[0].numel() for w in weights[:-1]], 1)
    grads = (part.reshape(weight.shape) for part, weight in zip(parts, weights, strict=False))
    return grad_x, *grads, grad_scale.sum((1, 2))


def try_out() -> None:
    """Every kernel once, on one pixel; what is wrong with Triton on this machine is raised here."""
    x = torch.ones(1, 4, 1, 1, device="cuda")
    sizes = ((4, 4), (4, 2, 3, 3), (4,), (4, 4), (4,), (4, 5, 3, 3), (4,), ())
    weights = tuple(torch.zeros(1, *size, device="cuda") for size in sizes)
    weights[0][0] = torch.eye(4)
    z, ladj, saved = forward(x, weights, learn=True)
    assert saved is not None
    grad_x, *_ = backward(z, ladj, saved, weights)
    if not torch.equal(z, x) or not torch.equal(grad_x, x) or not torch.equal(inverse(z, weights), x):
        raise RuntimeError("a kernel gave a wrong result")
