"""Runs of 1x1 convolution and affine coupling as one operation.

Layer by layer, Noise Flow reads and writes every plane some eighty times, and its convolutions are too thin for the
libraries that PyTorch calls. On a CPU all steps of a tile run while it lies in the cache, in the kernels of
:mod:`n2nf_core.kernels.flow_steps`; on a GPU a step is a few kernels of :mod:`n2nf_core.kernels.flow_steps_triton`. The
gradient is written out by hand. In float32 only, on a GPU where Triton works; everywhere else the layers run one by
one.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from n2nf_core.flow.bijections import Bijection, Chain, Gain
from n2nf_core.flow.conv1x1 import InvertibleConv1x1, factors
from n2nf_core.flow.coupling import AffineCoupling
from n2nf_core.types import Context

TILE = 160
"""Side of the tiles of a large frame, margin excluded: smaller ones spend more on their margins, larger ones leave
the second-level cache; between 128 and 192 little changes."""

T = TypeVar("T")
PARTS = 16
_enabled = ContextVar("fused", default=True)


@contextmanager
def layer_by_layer() -> Iterator[None]:
    """Inside, every layer runs by itself: for second derivatives, which the fused operation does not have."""
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)


class FusedChain(Chain):
    """A :class:`Chain` that runs its 1x1 convolutions, couplings and the gains between them as one operation.

    The plan, which layers form a step, is made once; its layers may learn, but not be exchanged.
    """

    def __init__(self, layers: Iterable[Bijection]):
        super().__init__(layers)
        self._plan = _plan(self.layers)

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        if not _usable(x):
            return super().forward(x, context)
        total = x.new_zeros(len(x))
        for part in self._plan:
            x, ladj = part.forward(x, context)
            total = total + ladj
        return x, total

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        if not _usable(z):
            return super().inverse(z, context)
        for part in reversed(self._plan):
            z = part.inverse(z, context)
        return z


def _plan(layers: Iterable[Bijection]) -> list[Bijection | FusedSteps]:
    """The layers in order; every (gains,) convolution, coupling becomes a step of a FusedSteps."""
    parts: list[Bijection | FusedSteps] = []
    waiting: list[Bijection] = []  # gains, then perhaps a convolution
    for layer in layers:
        ready = bool(waiting) and isinstance(waiting[-1], InvertibleConv1x1)
        if ready and _in_kernels(layer):
            if not parts or not isinstance(parts[-1], FusedSteps):
                parts.append(FusedSteps())
            parts[-1].add(waiting[:-1], waiting[-1], layer)
            waiting = []
        elif isinstance(layer, (Gain, InvertibleConv1x1)) and not ready:
            waiting.append(layer)
        elif isinstance(layer, (Gain, InvertibleConv1x1)):
            parts, waiting = parts + waiting, [layer]
        else:
            parts, waiting = [*parts, *waiting, layer], []
    return parts + waiting


def _in_kernels(layer: Bijection) -> bool:
    """An affine coupling whose conditioner has no norms: the kernels know none."""
    return isinstance(layer, AffineCoupling) and isinstance(layer.conditioner.norm1, nn.Identity)


def _usable(x: Tensor) -> bool:
    if torch.compiler.is_compiling() or x.dtype != torch.float32 or not _enabled.get():
        return False
    return x.device.type == "cpu" or (x.device.type == "cuda" and _triton_works())


@functools.cache
def _triton_works() -> bool:
    """Whether a kernel compiles and runs: Triton is there, knows the GPU, and finds the C compiler that it needs."""
    if importlib.util.find_spec("triton") is None:
        return False
    try:
        from n2nf_core.kernels import flow_steps_triton

        flow_steps_triton.try_out()
    except Exception as error:  # what a compiler that is missing or old raises differs between versions and machines
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        warnings.warn(f"Triton does not work here, so the flow runs layer by layer: {reason}", stacklevel=2)
        return False
    return True


class FusedSteps:
    """k steps of (gains,) 1x1 convolution, affine coupling: z and ladj as the layers themselves give them."""

    def __init__(self):
        self.gains: list[list[Gain]] = []
        self.convolutions: list[InvertibleConv1x1] = []
        self.couplings: list[AffineCoupling] = []

    def add(self, gains: list[Gain], convolution: InvertibleConv1x1, coupling: AffineCoupling) -> None:
        """One more step, after the others in the density direction."""
        self.gains.append(gains)
        self.convolutions.append(convolution)
        self.couplings.append(coupling)

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        log_gain = self._log_gain()
        permutation, lower, upper = factors(self.convolutions)
        weights = [torch.exp(-log_gain)[:, None, None] * (permutation @ lower @ upper), *self._conditioners()]
        z, ladj = _StepsOnGpu.apply(x, *weights) if x.is_cuda else _Steps.apply(x, self.margin, *weights)
        log_s = torch.stack([c.log_s for c in self.convolutions])
        return z, ladj + (log_s - log_gain[:, None]).sum() * (x.shape[2] * x.shape[3])

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        permutation, lower, upper = factors(self.convolutions)
        half = torch.linalg.solve_triangular(lower, permutation.mT, upper=False, unitriangular=True)
        inverses = torch.linalg.solve_triangular(upper, half, upper=True)
        weights = [torch.exp(self._log_gain())[:, None, None] * inverses, *self._conditioners()]
        return (_inverse_on_gpu if z.is_cuda else self._inverse_on_cpu)(z.detach().contiguous(), weights)

    def _inverse_on_cpu(self, z: Tensor, weights: list[Tensor]) -> Tensor:
        from n2nf_core.kernels import flow_steps

        x, tiles, arrays = torch.empty_like(z), _tiles(*z.shape[::2], z.shape[3], TILE), _arrays(*weights)
        source, target, margin = z.numpy(), x.numpy(), self.margin
        _in_threads(lambda part: flow_steps.inverse(source, arrays, tiles[part], margin, target), len(tiles))
        return x

    @property
    def margin(self) -> int:
        """Pixels around a tile that its values depend on."""
        return sum(coupling.margin for coupling in self.couplings)

    def _log_gain(self) -> Tensor:
        zero = torch.zeros_like(self.convolutions[0].log_s[0])
        return torch.stack([sum((gain.log_gain for gain in gains), zero) for gains in self.gains])

    def _conditioners(self) -> list[Tensor]:
        """The couplings' parameters, stacked over the steps; the output factor exp(3 logs) goes into conv3."""
        nets = [coupling.conditioner for coupling in self.couplings]
        factor = torch.exp(3 * torch.stack([net.logs for net in nets]))
        conv1, bias1, conv2, bias2, conv3, bias3 = (
            torch.stack([getattr(getattr(net, layer), name) for net in nets])
            for layer in ("conv1", "conv2", "conv3")
            for name in ("weight", "bias")
        )
        scale = torch.stack([coupling.scale for coupling in self.couplings])
        conv3, bias3 = conv3 * factor[..., None, None, None], bias3 * factor
        return [conv1, bias1, conv2.flatten(2), bias2, conv3, bias3, scale]


class _Steps(torch.autograd.Function):
    """(x, weights) -> (z, ladj of the couplings); keeps the input of every step and computes the rest again."""

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

        _in_threads(work, len(tiles))
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

        return grad_x, None, *(sum(parts) for parts in zip(*_in_threads(work, len(grad_z)), strict=True))


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

        kept = len(flow_steps_triton.Saved._fields)
        saved, weights = flow_steps_triton.Saved(*ctx.saved_tensors[:kept]), ctx.saved_tensors[kept:]
        return flow_steps_triton.backward(grad_z.contiguous(), grad_ladj.contiguous(), saved, weights)


def _inverse_on_gpu(z: Tensor, weights: list[Tensor]) -> Tensor:
    from n2nf_core.kernels import flow_steps_triton

    return flow_steps_triton.inverse(z, _contiguous(weights))


def _contiguous(weights: Iterable[Tensor]) -> tuple[Tensor, ...]:
    return tuple(weight.detach().contiguous() for weight in weights)


def _arrays(*weights: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(weight.detach().contiguous().numpy() for weight in weights)


def _tiles(count: int, height: int, width: int, side: int) -> np.ndarray:
    """(M, 5) rows of image, y0, y1, x0, x1, which cover ``count`` images without overlap."""
    rows, columns = ([(a, min(a + side, size)) for a in range(0, size, side)] for size in (height, width))
    return np.array([(image, *row, *column) for image in range(count) for row in rows for column in columns])


def _in_threads(work: Callable[[slice], T], count: int) -> list[T]:
    """work(slice) over 0 ... count - 1 in PARTS parts, by as many threads as PyTorch has; the kernels hold no lock.

    More parts than threads, for PyTorch's own threads spin for a while after their work and slow one of ours; and as
    many whatever the threads, so that sums over parts do not depend on the machine.
    """
    ends = [count * k // min(PARTS, count) for k in range(min(PARTS, count) + 1)] if count else [0, 0]
    parts = [slice(start, stop) for start, stop in pairwise(ends)]
    threads = min(torch.get_num_threads(), len(parts))
    if threads == 1:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))
