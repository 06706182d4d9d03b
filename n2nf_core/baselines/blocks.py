"""Means over the halves of blocks of pixels, and lines through them that errors in the signal do not bend.

A measured signal has an error, and a least-squares line through points with errors in their signal is too flat, and too
high in the dark. Therefore every block is cut like a chessboard into two halves, whose errors are independent. The
measured signal z of one half tells which signal xh = E[x | z] to expect of the other half, and xh decides how the
measured signal x and the value y of that other half are weighted:

    sum w(xh) (xh, 1)^T (y - slope x - offset) = 0

Its expectation is 0 at the true slope and offset, whatever the errors and the weights w are. This is the method of
instrumental variables (Wald 1940; Fuller, Measurement Error Models, 1987, section 1.4).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

GROUPS = 64  # of half-blocks of similar signal


def blocked(image: Tensor, block: int) -> Tensor:
    """(C, H, W) -> (C, rows of blocks, block, columns of blocks, block), padded with zeros."""
    channels, height, width = image.shape
    image = pad(image, (0, -width % block, 0, -height % block))
    return image.view(channels, -(-height // block), block, -(-width // block), block)


def half_means(keep: Tensor, images: Sequence[Tensor], block: int) -> list[Tensor]:
    """Number of kept pixels, and the mean of each image over them: (C, blocks, 2) each, float64.

    The last axis is the half of the block: the black and the white squares of a chessboard of pixels.

    Arguments:
        keep: (C, H, W), whether a pixel is kept.
        images: (C, H, W) each.
        block: side of a block in pixels.
    """
    corner = torch.arange(block)
    black = ((corner[:, None] + corner) % 2).to(images[0].dtype)

    def sums(image: Tensor) -> Tensor:
        cut = blocked(image, block)
        first = torch.einsum("crikj,ij->crk", cut, black)
        return torch.stack((first, cut.sum((2, 4)) - first), -1).flatten(1, 2).double()

    number = sums(keep.to(images[0].dtype))
    return [number, *(sums(torch.where(keep, image, 0)) / number.clamp(min=1) for image in images)]


def block_means(image: Tensor, block: int) -> Tensor:
    """The mean of the block that a pixel lies in, for every pixel: (C, H, W)."""
    means = blocked(image, block).sum((2, 4)) / blocked(torch.ones_like(image), block).sum((2, 4))
    wide = means.repeat_interleave(block, 1).repeat_interleave(block, 2)
    return wide[:, : image.shape[1], : image.shape[2]]


def expected(signal: Tensor) -> Tensor:
    """E[x | z]: the signal that a half of a block should have, given the measured signal z of its other half: (M, 2).

    It is the mean of x over halves of similar z without the half itself, so that it does not depend on that half's
    error, and hardly on that of z. signal: (M, 2), M >= 2.
    """
    count = len(signal)
    groups = min(max(count // 16, 1), GROUPS)
    rank = signal.flip(1).argsort(0).argsort(0)
    group = rank * groups // count
    sums = torch.zeros(groups, 2, dtype=signal.dtype).scatter_add_(0, group, signal)
    number = torch.zeros_like(sums).scatter_add_(0, group, torch.ones_like(signal))
    return (sums.gather(0, group) - signal) / (number.gather(0, group) - 1)


def solve(
    regressors: Sequence[Tensor], instruments: Sequence[Tensor], values: Tensor, weight: Tensor
) -> tuple[Tensor, Tensor]:
    """Coefficients (K,) of ``values`` on the K regressors, and their standard errors (K,).

    The standard errors are the sandwich estimate over blocks.

    Arguments:
        regressors: (M, 2) each, one row per block and one column per half.
        instruments: (M, 2) each, as many, which follow the regressors but not the errors of their own half.
        values: (M, 2).
        weight: (M, 2), which does not follow the errors of its own half either.
    """
    scale = torch.stack([column.abs().mean() for column in regressors]).clamp(min=1e-30)
    instruments = [column * weight / one for column, one in zip(instruments, scale, strict=True)]

    def products(columns: Sequence[Tensor]) -> Tensor:
        """(K, columns) sums over the halves, one column at a time: there may be millions of blocks."""
        return torch.stack([torch.stack([(own * column).sum() for column in columns]) for own in instruments])

    inverse = torch.linalg.pinv(products(regressors) / scale, rtol=1e-14)
    solution = inverse @ products([values])[:, 0] / scale
    rest = values - sum(factor * column for factor, column in zip(solution, regressors, strict=True))
    moments = torch.stack([(own * rest).sum(1) for own in instruments], 1)
    covariance = inverse @ (moments.T @ moments) @ inverse.T
    return solution, covariance.diagonal().sqrt() / scale
