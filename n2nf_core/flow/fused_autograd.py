"""Fused steps of 1x1 convolution and affine coupling on tensors, with a gradient that is written out by hand.

Everywhere here ``weights`` holds the parameters of k steps, stacked, in the density direction: the mixing matrices
(k, C, C); the conditioner's first convolution (k, m, C/2, 3, 3) and bias (k, m), second (k, m, m) and bias (k, m), and
third (k, C, m + 1, 3, 3) and bias (k, C); and the scale (k,). All tensors are float32. The log-determinant is that of
the couplings alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

TILE = 160
"""Side in pixels of the tiles of a large frame, without the margin. Smaller tiles spend more time on their margins, and
larger ones do not fit into the second-level cache. Between 128 and 192 the speed changes little."""

PARTS = 16
"""Number of parts into which the work on a CPU is divided."""

T = TypeVar("T")


def forward_on_cpu(x: Tensor, weights: Sequence[Tensor], margin: int) -> tuple[Tensor, Tensor]:
    """(z, ladj) of all steps, tile by tile where no gradient is needed.

    Arguments:
        x: (B, C, H, W) noise on the CPU.
        weights: see the module.
        margin: largest distance in pixels between a pixel of z and the pixels of x that it depends on.

    z is (B, C, H, W) and ladj (B,) in nats.
    """
    return _StepsOnCpu.apply(x, margin, *weights)


def forward_on_gpu(x: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(z, ladj) of all steps for x (B, C, H, W) on a GPU: z (B, C, H, W) and ladj (B,) in nats."""
    return _StepsOnGpu.apply(x, *weights)


def inverse_on_cpu(z: Tensor, weights: Sequence[Tensor], margin: int) -> Tensor:
    """x (B, C, H, W) with forward(x) = z, tile by tile and without a gradient.

    Arguments:
        z: (B, C, H, W) base values on the CPU.
        weights: see the module, but with the inverses of the mixing matrices.
        margin: largest distance in pixels between a pixel of x and the pixels of z that it depends on.
    """
    from n2nf_core.kernels import flow_steps

    z = z.detach().contiguous()
    x, tiles, arrays = torch.empty_like(z), _tiles(*z.shape[::2], z.shape[3], TILE), _arrays(*weights)
    source, target = z.numpy(), x.numpy()
    in_threads(lambda part: flow_steps.inverse(source, arrays, tiles[part], margin, target), len(tiles))
    return x


def inverse_on_gpu(z: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """:func:`inverse_on_cpu` for z (B, C, H, W) on a GPU, the frame at once."""
    from n2nf_core.kernels import flow_steps_triton

    return flow_steps_triton.inverse(z.detach().contiguous(), _contiguous(weights))


class _StepsOnCpu(torch.autograd.Function):
    """(x, weights) -> (z, ladj); keeps the input of every step and computes everything else again for the gradient."""

    @staticmethod
    def forward(ctx, x: Tensor, margin: int, *weights: Tensor) -> tuple[Tensor, Tensor]:
        from n2nf_core.kernels import flow_steps

        x, learn = x.contiguous(), any(ctx.needs_input_grad)
        count, _, height, width = x.shape
        tiles = _tiles(count, height, width, max(height, width) if learn else TILE)
        saved = x.new_empty((len(weights[0]) if learn else 0, *x.shape))
        z, ladj = torch.empty_like(x), np.zeros(len(tiles))
        source, arrays, target, inputs = x.detach().numpy(), _arrays(*weights), z.numpy(), saved.numpy()

        def work(part: slice) -> None:
            flow_steps.forward(source, arrays, tiles[part], margin, target, ladj[part], inputs)

        in_threads(work, len(tiles))
        if learn:
            ctx.save_for_backward(saved, *weights)
        return z, torch.from_numpy(np.bincount(tiles[:, 0], ladj, count)).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_z: Tensor, grad_ladj: Tensor) -> tuple[Tensor | None, ...]:
        from n2nf_core.kernels import flow_steps

        saved, *weights = ctx.saved_tensors
        grad_x = torch.empty_like(grad_z, memory_format=torch.contiguous_format)
        inputs = (grad_z.contiguous().numpy(), grad_ladj.contiguous().numpy(), saved.numpy(), _arrays(*weights))
        target = grad_x.numpy()

        def work(part: slice) -> list[Tensor]:
            grads = [torch.zeros_like(weight, memory_format=torch.contiguous_format) for weight in weights]
            flow_steps.backward(*inputs, part.start, part.stop, target, tuple(g.numpy() for g in grads))
            return grads

        return grad_x, None, *(sum(parts) for parts in zip(*in_threads(work, len(grad_z)), strict=True))


class _StepsOnGpu(torch.autograd.Function):
    """The same in Triton."""

    @staticmethod
    def forward(ctx, x: Tensor, *weights: Tensor) -> tuple[Tensor, Tensor]:
        from n2nf_core.kernels import flow_steps_triton

        weights, learn = _contiguous(weights), any(ctx.needs_input_grad)
        z, ladj, saved = flow_steps_triton.forward(x.contiguous(), weights, learn)
        if learn:
            ctx.save_for_backward(*saved, *weights)
        return z, ladj

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_z: Tensor, grad_ladj: Tensor) -> tuple[Tensor, ...]:
        from n2nf_core.kernels import flow_steps_triton

        count = len(flow_steps_triton.Saved._fields)
        saved, weights = flow_steps_triton.Saved(*ctx.saved_tensors[:count]), ctx.saved_tensors[count:]
        return flow_steps_triton.backward(grad_z.contiguous(), grad_ladj.contiguous(), saved, weights)


def _contiguous(weights: Iterable[Tensor]) -> tuple[Tensor, ...]:
    return tuple(weight.detach().contiguous() for weight in weights)


def _arrays(*weights: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(weight.detach().contiguous().numpy() for weight in weights)


def _tiles(count: int, height: int, width: int, side: int) -> np.ndarray:
    """(M, 5) rows of image, y0, y1, x0, x1, which cover ``count`` images without overlap."""
    rows, columns = ([(a, min(a + side, size)) for a in range(0, size, side)] for size in (height, width))
    return np.array([(image, *row, *column) for image in range(count) for row in rows for column in columns])


def in_threads(work: Callable[[slice], T], count: int) -> list[T]:
    """work(slice) over 0 ... count - 1 in PARTS parts, by as many threads as PyTorch has.

    Threads help because the kernels release Python's global interpreter lock. There are more parts than threads,
    because PyTorch's own threads keep a core busy for a while after their work and so delay some of ours. The number of
    parts does not depend on the number of threads, so that sums over the parts are the same on every machine.
    """
    ends = [count * k // min(PARTS, count) for k in range(min(PARTS, count) + 1)] if count else [0, 0]
    parts = [slice(start, stop) for start, stop in pairwise(ends)]
    threads = min(torch.get_num_threads(), len(parts))
    if threads == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))
