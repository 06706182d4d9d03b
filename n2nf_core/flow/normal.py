"""The quantile of the standard normal distribution, from the logarithm of a probability and far into the tails."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def quantile(log_p: Tensor) -> Tensor:
    """z with log Phi(z) = log_p, of any shape; for every log_p < 0, however small p is, with its first derivative.

    >>> quantile(torch.special.log_ndtr(torch.tensor([-300.0, -8.0, 1.0])))
    tensor([-300.0000,   -8.0000,    1.0000])
    """
    return _Quantile.apply(log_p)


def _far(log_p: Tensor) -> Tensor:
    """Phi(z) = phi(z) / |z| (1 - 1/z^2 + 3/z^4 - 15/z^6 + ...), solved for z^2 by iteration; for log_p below -80."""
    rest = -2 * log_p - math.log(2 * math.pi)
    square = rest
    for _ in range(6):  # every step shrinks the error by a factor of z^2, which is at least 150
        r = 1 / square
        square = rest - square.log() + 2 * torch.log1p(r * (-1 + r * (3 - 15 * r)))
    return -square.sqrt()


class _Quantile(torch.autograd.Function):
    @staticmethod
    def forward(ctx, log_p: Tensor) -> Tensor:
        end = math.log(torch.finfo(log_p.dtype).tiny) + 1  # exp(log_p) has all its digits above
        near = torch.special.ndtri(log_p.clamp(min=end).exp())
        z = torch.where(log_p < end, _far(log_p.clamp(max=end)), near)
        ctx.save_for_backward(log_p, z)
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx, grad: Tensor) -> Tensor:
        log_p, z = ctx.saved_tensors
        return grad * torch.exp(log_p + 0.5 * (z.square() + math.log(2 * math.pi)))
