"""Row and column noise: a number that all pixels of a mosaic row, or of a mosaic column, share in a frame."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from n2nf_core.flow.bijections import Bijection, SignalDependentScale
from n2nf_core.types import Context

START = 1e-3
"""Standard deviation of row and column noise at the start, in [0, 1] units."""

ROWS, COLUMNS = (2, 4), (1, 3)
"""The axes of (B, i, j, h, w) along which a mosaic row 2 r + i or column 2 c + j runs; plane 2 i + j."""


class LineNoise(Bijection):
    """z = (I + a^2 v v^T)^(-1/2) u in every mosaic row, u = x / sigma, v = 1 / sigma; then the same in every column.

    If x = sigma e + a r, with e standard normal for every pixel and r for every mosaic row, then its covariance in a
    row is diag(sigma^2) + a^2 1 1^T, and z is standard normal. Beside I, the matrix has rank one, so that its square
    root and its determinant need one sum along the row:

        z = u + (1 / sqrt(1 + a^2 |v|^2) - 1) v (v^T u) / |v|^2,    ladj = -1/2 log(1 + a^2 |v|^2) for each row.

    Planes are R Gr Gb B: R and Gr share the mosaic rows 0, 2, ..., and Gb and B the others; R and Gb share columns. The
    planes of a monochrome sensor are the same four positions. A crop of a frame has the density of a shorter row. Where
    there are rows and columns at once, the layer is exact up to the term a^2 b^2 of the frame's mean, for one sigma.

    Arguments:
        scale: sigma(x, camera, ISO); the layer holds it, and divides by it.
        columns: whether there is column noise, too.

    ValueError for another number of planes than four.
    """

    margin = math.inf

    def __init__(self, scale: SignalDependentScale, columns: bool = False):
        super().__init__()
        self.scale = scale
        self.log_row = nn.Parameter(torch.full(scale.knots.shape, START).log())
        self.log_column = nn.Parameter(torch.full(scale.knots.shape, START).log()) if columns else None

    def tables(self) -> list[Tensor]:
        """log a of the rows and, where it is modelled, log b of the columns: (cameras, ISO knots) each."""
        return [self.log_row] if self.log_column is None else [self.log_row, self.log_column]

    def _lines(self) -> list[tuple[Tensor, tuple[int, int]]]:
        return list(zip(self.tables(), (ROWS, COLUMNS), strict=False))

    def _shared(self, log_line: Tensor, axes: tuple[int, int], v: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """v / |v|^2 and a^2 |v|^2 of every line, from v (B, 2, 2, h, w)."""
        norm = v.square().sum(axes, keepdim=True)
        variance = torch.exp(2 * self.scale.knots(log_line, context.camera, context.iso))
        return v / norm, variance[:, None, None, None, None] * norm

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        log_sigma = _mosaic(self.scale.log_scale(context))
        v = torch.exp(-log_sigma)
        z, ladj = _mosaic(x) * v, -log_sigma.flatten(1).sum(1)
        for log_line, axes in self._lines():
            share, ratio = self._shared(log_line, axes, v, context)
            z = z + ((1 + ratio).rsqrt() - 1) * share * (v * z).sum(axes, keepdim=True)
            ladj = ladj - 0.5 * ratio.log1p().flatten(1).sum(1)
        return z.flatten(1, 2), ladj

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        v, x = torch.exp(-_mosaic(self.scale.log_scale(context))), _mosaic(z)
        for log_line, axes in reversed(self._lines()):
            share, ratio = self._shared(log_line, axes, v, context)
            x = x + ((1 + ratio).sqrt() - 1) * share * (v * x).sum(axes, keepdim=True)
        return (x / v).flatten(1, 2)


def _mosaic(planes: Tensor) -> Tensor:
    """(B, 4, h, w) -> (B, i, j, h, w), with plane 2 i + j."""
    if planes.shape[1] != 4:
        raise ValueError(f"row noise needs the four planes of a mosaic, (B, 4, H, W), got {tuple(planes.shape)}")
    return planes.unflatten(1, (2, 2))
