"""The steps of Noise Flow on a GPU, for :mod:`n2nf_core.flow.fused_autograd`: a few Triton kernels for each step.

The convolutions of PyTorch's libraries are made for many channels. With the two to four channels of a coupling they
take longer than the denoiser, and they may round to the ten bits of TF32. These kernels compute in float32 without such
rounding. The equations of a step are in :mod:`n2nf_core.kernels.flow_kernels_triton`.

``weights`` holds the parameters of k steps, stacked: W (k, C, C); c1 (k, N, C/2, 3, 3) and its bias (k, N);
c2 (k, N, N) and its bias (k, N); c3 (k, C, N + 1, 3, 3) and its bias (k, C); scale (k,). The last input channel of c3
is 1 outside the image and 0 inside.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
from torch import Tensor

from n2nf_core.kernels import flow_kernels_triton as kernels

BLOCK = 256
"""Pixels that one program computes, in rows of 32."""

SPAN = 512
"""Pixels over which one program adds up the gradients of weights."""


class Saved(NamedTuple):
    """What the gradient needs of k steps on B images.

    Arguments:
        x, y: (k, B, C, H, W), the input of every step, and y = W x.
        h1, h2: (k, B, N, H, W), the hidden layers of the conditioner.
        tanh: (k, B, C/2, H, W), tanh(r).
    """

    x: Tensor
    y: Tensor
    h1: Tensor
    h2: Tensor
    tanh: Tensor


class _Launch:
    """The sizes and the grid of programs that all launches for one batch share."""

    def __init__(self, x: Tensor, weights: tuple[Tensor, ...]):
        self.images, self.C, *self.size = x.shape
        self.k, self.N = weights[2].shape
        self.grid = self.images, triton.cdiv(self.size[0], BLOCK // 32) * triton.cdiv(self.size[1], 32)

    def empty(self, like: Tensor, channels: int, steps: int) -> Tensor:
        """An empty tensor (steps, B, channels, H, W) of the type and device of ``like``."""
        return like.new_empty(steps, self.images, channels, *self.size)

    def mix(self, source: Tensor, target: Tensor, matrix: Tensor, step: int) -> None:
        """target = W source."""
        kernels.mix[self.grid](source, target, matrix, step, *self.size, C=self.C, SIZE=BLOCK)

    def couple(
        self, y: Tensor, h1: Tensor, h2: Tensor, z: Tensor, tanh: Tensor | None, ladj: Tensor | None,
        weights: tuple[Tensor, ...], step: int,
    ) -> None:  # fmt: skip
        """The coupling of one step, y -> z; its inverse, z -> y, where ``ladj`` is None."""
        conv1, bias1, conv2, bias2, conv3, bias3, scale = weights[1:]
        kernels.hidden[self.grid](
            y, h1, h2, conv1, bias1, conv2, bias2, step, *self.size, C=self.C, N=self.N, SIZE=BLOCK
        )  # fmt: skip
        kernels.couple[self.grid](
            y, h2, z, z if tanh is None else tanh, z if ladj is None else ladj, conv3, bias3, scale, step, *self.size,
            C=self.C, N=self.N, INVERSE=ladj is None, LEARN=tanh is not None, SIZE=BLOCK,
        )  # fmt: skip


def forward(x: Tensor, weights: tuple[Tensor, ...], learn: bool) -> tuple[Tensor, Tensor, Saved | None]:
    """(z (B, C, H, W), ladj (B,), saved): the density direction of all steps.

    Arguments:
        x: (B, C, H, W), contiguous float32 on a GPU.
        weights: see the module.
        learn: whether to keep what :func:`backward` needs; ``saved`` is None otherwise.

    ladj is that of the couplings in nats; the share of the matrices W is not in it.
    """
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
    """x (B, C, H, W) with forward(x) = z; the first of ``weights`` must hold the inverses of the matrices W."""
    run = _Launch(z, weights)
    y, x, h1, h2 = (run.empty(z, channels, 1)[0] for channels in (run.C, run.C, run.N, run.N))
    with torch.cuda.device_of(z):
        for step in reversed(range(run.k)):
            run.couple(z if step == run.k - 1 else x, h1, h2, y, None, None, weights, step)
            run.mix(y, x, weights[0], step)
    return x


def backward(grad_z: Tensor, grad_ladj: Tensor, saved: Saved, weights: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The gradients of x and of every tensor in ``weights``, in this order and of their shapes.

    Arguments:
        grad_z: (B, C, H, W), the gradient of z.
        grad_ladj: (B,), the gradient of ladj.
        saved: what :func:`forward` kept.
        weights: those that :func:`forward` was given.
    """
    run, count = _Launch(grad_z, weights), sum(w[0].numel() for w in weights[:-1])
    grad_y, grad_out = run.empty(grad_z, run.C, run.k), run.empty(grad_z, run.C, run.k)
    grad_h1, grad_h2 = run.empty(grad_z, run.N, run.k), run.empty(grad_z, run.N, run.k)
    grad_scale, grad_x = grad_z.new_empty(run.k, *run.grid), grad_z
    mixing, conv1, _, conv2, _, conv3, _, scale = weights
    shape = {"C": run.C, "N": run.N}
    with torch.cuda.device_of(grad_z):
        for s in reversed(range(run.k)):
            grad_z, grad_x = grad_x, torch.empty_like(grad_z)
            kernels.couple_back[run.grid](
                grad_z, grad_ladj, saved.y[s], saved.tanh[s], grad_out[s], grad_y[s], grad_scale[s], scale, s,
                *run.size, C=run.C, SIZE=BLOCK,
            )  # fmt: skip
            kernels.hidden_back[run.grid](
                grad_out[s], saved.h1[s], saved.h2[s], grad_h1[s], grad_h2[s], conv2, conv3, s,
                *run.size, **shape, SIZE=BLOCK,
            )  # fmt: skip
            kernels.first_back[run.grid](
                grad_z, grad_h1[s], grad_y[s], grad_x, conv1, mixing, s, *run.size, **shape, SIZE=BLOCK
            )  # fmt: skip
        grid = run.images, triton.cdiv(run.size[0] * run.size[1], SPAN)
        sums = grad_z.new_empty(run.k, *grid, count)
        kernels.weight_sums[*grid, 4 * run.k](
            saved.x, saved.y, saved.h1, saved.h2, grad_y, grad_out, grad_h1, grad_h2, sums, run.images, *run.size,
            **shape, COUNT=count, SPAN=SPAN, SIZE=32, num_warps=1,
        )  # fmt: skip
    parts = sums.sum((1, 2)).split([w[0].numel() for w in weights[:-1]], 1)
    grads = (part.reshape(weight.shape) for part, weight in zip(parts, weights, strict=False))
    return grad_x, *grads, grad_scale.sum((1, 2))


def try_out() -> None:
    """Run every kernel once on one pixel, so that a Triton that does not work here raises its error now.

    RuntimeError where the kernels run but give a wrong result.
    """
    x = torch.ones(1, 4, 1, 1, device="cuda")
    sizes = ((4, 4), (4, 2, 3, 3), (4,), (4, 4), (4,), (4, 5, 3, 3), (4,), ())
    weights = tuple(torch.zeros(1, *size, device="cuda") for size in sizes)
    weights[0][0] = torch.eye(4)
    z, ladj, saved = forward(x, weights, learn=True)
    assert saved is not None
    grad_x, *_ = backward(z, ladj, saved, weights)
    if not torch.equal(z, x) or not torch.equal(grad_x, x) or not torch.equal(inverse(z, weights), x):
        raise RuntimeError("the Triton kernels ran, but their result on a test image is wrong")
