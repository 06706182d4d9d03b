"""Invertible 1x1 convolution: the planes of every pixel are mixed by one learned matrix."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from n2nf_core.flow.bijections import Bijection
from n2nf_core.types import Context


class InvertibleConv1x1(Bijection):
    """z = W x at every pixel, W = P L (U + diag(s)), ladj = H W sum log |s|  (Glow, Kingma & Dhariwal, 2018).

    P is a fixed permutation. L is lower triangular with ones on its diagonal, and U is strictly upper triangular; both
    are learned. log |s| is learned and the sign of s is fixed, so W cannot become singular. The inverse solves two
    triangular systems of C rows. W starts as a random orthogonal matrix.

    channels: number of planes C.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.lower = nn.Parameter(torch.empty(channels, channels))
        self.upper = nn.Parameter(torch.empty(channels, channels))
        self.log_s = nn.Parameter(torch.empty(channels))
        self.register_buffer("permutation", torch.empty(channels, channels))
        self.register_buffer("sign_s", torch.empty(channels))
        self.set_weight(nn.init.orthogonal_(torch.empty(channels, channels)))

    @torch.no_grad()
    def set_weight(self, weight: Tensor) -> None:
        """Set W to an invertible (C, C) matrix. ValueError where the matrix is singular."""
        permutation, lower, upper = torch.linalg.lu(weight.double())
        diagonal = upper.diagonal()
        if not bool((diagonal != 0).all()):
            raise ValueError("the weight of a 1x1 convolution must not be singular: give a matrix with an inverse")
        self.permutation.copy_(permutation)
        self.lower.copy_(lower.tril(-1))
        self.upper.copy_(upper.triu(1))
        self.sign_s.copy_(diagonal.sign())
        self.log_s.copy_(diagonal.abs().log())

    def _factors(self) -> tuple[Tensor, Tensor]:
        lower = self.lower.tril(-1) + torch.eye(len(self.log_s), dtype=self.lower.dtype, device=self.lower.device)
        return lower, self.upper.triu(1) + torch.diag(self.sign_s * self.log_s.exp())

    def weight(self) -> Tensor:
        """W, (C, C)."""
        lower, upper = self._factors()
        return self.permutation @ lower @ upper

    def inverse_weight(self) -> Tensor:
        """W^-1, (C, C)."""
        lower, upper = self._factors()
        half = torch.linalg.solve_triangular(lower, self.permutation.T, upper=False, unitriangular=True)
        return torch.linalg.solve_triangular(upper, half, upper=True)

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        ladj = self.log_s.sum() * (x.shape[2] * x.shape[3])
        return F.conv2d(x, self.weight()[:, :, None, None]), ladj.expand(len(x))

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        return F.conv2d(z, self.inverse_weight()[:, :, None, None])


def factors(layers: Sequence[InvertibleConv1x1]) -> tuple[Tensor, Tensor, Tensor]:
    """P, L and U + diag(s) of k layers, (k, C, C) each; the number of operations does not grow with k."""
    permutation, lower, upper, log_s, sign_s = (
        torch.stack([getattr(layer, name) for layer in layers])
        for name in ("permutation", "lower", "upper", "log_s", "sign_s")
    )
    one = torch.eye(lower.shape[-1], dtype=lower.dtype, device=lower.device)
    return permutation, lower.tril(-1) + one, upper.triu(1) + torch.diag_embed(sign_s * log_s.exp())
