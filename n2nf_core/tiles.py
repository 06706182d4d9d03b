"""Whole frames in overlapping tiles: the untiled result, in memory that does not grow with the frame."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

TILE = 512
"""Side of what a tile writes, in pixels of a plane; it reads the margin more on every side."""


def windows(length: int, tile: int, margin: int, multiple: int = 1) -> list[tuple[slice, slice, slice]]:
    """Along one axis: (what to read, what of the result to keep, where it goes), in order.

    Tiles of ``tile`` pixels, rounded down to ``multiple``, each read with ``margin`` more on either side, as far as
    the frame goes. Every window starts at a multiple of ``multiple``, and ends at one or at the end of the frame.

    >>> windows(10, tile=4, margin=1)[1]
    (slice(3, 9, None), slice(1, 5, None), slice(4, 8, None))
    """
    step, reach = max(tile // multiple, 1) * multiple, -(-margin // multiple) * multiple
    found = []
    for start in range(0, length, step):
        stop = min(start + step, length)
        low, high = max(start - reach, 0), min(stop + reach, length)
        found.append((slice(low, high), slice(start - low, stop - low), slice(start, stop)))
    return found


@torch.no_grad()
def tiled(
    function: Callable[..., Tensor], *frames: Tensor, margin: int, multiple: int = 1, tile: int = TILE
) -> Tensor:
    """function(*frames) for a function whose pixel depends on pixels at most ``margin`` away.

    frames: (B, C, H, W) each, cut alike; the result has B, H and W of the first. margin, multiple: see
    :func:`windows`; ``multiple`` for a network that halves its input. Beyond the result the memory is that of one
    tile of tile + 2 margin pixels a side. A frame of at most one tile is not cut. No gradient.

    >>> blur = torch.nn.AvgPool2d(3, stride=1, padding=1)
    >>> frame = torch.rand(1, 4, 50, 70)
    >>> bool(torch.allclose(tiled(blur, frame, margin=1, tile=16), blur(frame)))
    True
    """
    height, width = frames[0].shape[2:]
    if max(height, width) <= tile:
        return function(*frames)
    result = None
    for rows, kept_rows, to_rows in windows(height, tile, margin, multiple):
        for columns, kept_columns, to_columns in windows(width, tile, margin, multiple):
            part = function(*(frame[:, :, rows, columns] for frame in frames))[:, :, kept_rows, kept_columns]
            if result is None:
                result = part.new_empty((len(part), part.shape[1], height, width))
            result[:, :, to_rows, to_columns] = part
    return result


def denoise(denoiser: torch.nn.Module, noisy: Tensor, tile: int = TILE) -> Tensor:
    """D(y) for frames of any size, in tiles where ``denoiser`` states its ``margin`` and ``multiple``, else at once.

    noisy: (B, C, H, W), [0, 1] units. Returns the same shape, equal to denoiser(noisy) up to rounding.
    ValueError in training mode, where batch statistics would differ from tile to tile.

    >>> from n2nf_core.denoisers import DnCNN
    >>> denoise(DnCNN(layers=3, features=8).eval(), torch.rand(1, 4, 40, 50), tile=16).shape
    torch.Size([1, 4, 40, 50])
    """
    if not hasattr(denoiser, "margin"):
        with torch.no_grad():
            return denoiser(noisy)
    if denoiser.training:
        raise ValueError("the denoiser is in training mode, where tiles change its statistics: call .eval() first")

    def run(part: Tensor) -> Tensor:
        return denoiser(part.contiguous(memory_format=torch.channels_last))  # convolutions are faster so

    return tiled(run, noisy, margin=denoiser.margin, multiple=denoiser.multiple, tile=tile)
