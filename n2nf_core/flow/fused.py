"""Runs of 1x1 convolution and affine coupling as one operation, which is faster than layer by layer.

Layer by layer, Noise Flow reads and writes every plane some eighty times, and its convolutions have too few channels
for the libraries that PyTorch calls. On a CPU all steps of a tile run while the tile is in the cache
(:mod:`n2nf_core.kernels.flow_steps`). On a GPU each step is a few Triton kernels
(:mod:`n2nf_core.kernels.flow_steps_triton`). Both work in float32 only. For other types, and on a GPU where Triton does
not work, the layers run one by one.
"""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from n2nf_core.flow.bijections import Bijection, Chain, Gain
from n2nf_core.flow.conv1x1 import InvertibleConv1x1, factors
from n2nf_core.flow.coupling import AffineCoupling
from n2nf_core.flow.fused_autograd import forward_on_cpu, forward_on_gpu, inverse_on_cpu, inverse_on_gpu
from n2nf_core.types import Context

_enabled = ContextVar("fused", default=True)


@contextmanager
def layer_by_layer() -> Iterator[None]:
    """Within ``with layer_by_layer():`` every layer runs by itself. Second derivatives need this."""
    token = _enabled.set(False)
    try:
        yield
    finally:
        _enabled.reset(token)


class FusedChain(Chain):
    """A :class:`Chain` that runs its 1x1 convolutions, couplings and the gains between them as one operation.

    Layers of other classes run one by one. Which layers form a step is decided once, when the chain is made. The
    parameters of the layers may change after that, but a layer must not be replaced by another.

    layers: the bijections, in the density direction.
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
    """The layers in order; a convolution, the coupling after it and any gains before it become one fused step."""
    parts: list[Bijection | FusedSteps] = []
    waiting: list[Bijection] = []  # gains, and then possibly a convolution: the beginning of a step
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
    """Whether the kernels can compute the layer: an affine coupling whose conditioner has no normalisation."""
    return isinstance(layer, AffineCoupling) and isinstance(layer.conditioner.norm1, nn.Identity)


def kernels_allowed() -> bool:
    """Whether kernels may take the place of layers: outside :func:`layer_by_layer` and torch.compile."""
    return not torch.compiler.is_compiling() and _enabled.get()


def _usable(x: Tensor) -> bool:
    if not kernels_allowed() or x.dtype != torch.float32:
        return False
    return x.device.type == "cpu" or (x.device.type == "cuda" and _triton_works())


@functools.cache
def _triton_works() -> bool:
    """Whether the kernels compile and run: this needs Triton, a GPU that Triton supports, and a C compiler."""
    if importlib.util.find_spec("triton") is None:
        return False
    try:
        from n2nf_core.kernels import flow_steps_triton

        flow_steps_triton.try_out()
    except Exception as error:  # a missing or old compiler raises different errors on different machines
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        warnings.warn(f"Triton does not work here, so the flow runs layer by layer: {reason}", stacklevel=2)
        return False
    return True


class FusedSteps:
    """k steps of gains, 1x1 convolution and affine coupling; z and ladj equal those of the layers up to rounding."""

    def __init__(self):
        self.gains: list[list[Gain]] = []
        self.convolutions: list[InvertibleConv1x1] = []
        self.couplings: list[AffineCoupling] = []

    def add(self, gains: list[Gain], convolution: InvertibleConv1x1, coupling: AffineCoupling) -> None:
        """Add one step after the others, in the density direction.

        Arguments:
            gains: the gains before the convolution; may be empty.
            convolution: over C channels.
            coupling: over the same C channels, without normalisation.
        """
        self.gains.append(gains)
        self.convolutions.append(convolution)
        self.couplings.append(coupling)

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        log_gain = self._log_gain()
        permutation, lower, upper = factors(self.convolutions)
        weights = [torch.exp(-log_gain)[:, None, None] * (permutation @ lower @ upper), *self._conditioners()]
        z, ladj = forward_on_gpu(x, weights) if x.is_cuda else forward_on_cpu(x, weights, self.margin)
        log_s = torch.stack([c.log_s for c in self.convolutions])
        return z, ladj + (log_s - log_gain[:, None]).sum() * (x.shape[2] * x.shape[3])

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        permutation, lower, upper = factors(self.convolutions)
        half = torch.linalg.solve_triangular(lower, permutation.mT, upper=False, unitriangular=True)
        inverses = torch.linalg.solve_triangular(upper, half, upper=True)
        weights = [torch.exp(self._log_gain())[:, None, None] * inverses, *self._conditioners()]
        return inverse_on_gpu(z, weights) if z.is_cuda else inverse_on_cpu(z, weights, self.margin)

    @property
    def margin(self) -> int:
        """Largest distance in pixels between an output pixel and the input pixels that it depends on."""
        return sum(coupling.margin for coupling in self.couplings)

    def _log_gain(self) -> Tensor:
        zero = torch.zeros_like(self.convolutions[0].log_s[0])
        return torch.stack([sum((gain.log_gain for gain in gains), zero) for gains in self.gains])

    def _conditioners(self) -> list[Tensor]:
        """The couplings' parameters, stacked over the steps; conv3 includes the output factor exp(3 logs)."""
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
