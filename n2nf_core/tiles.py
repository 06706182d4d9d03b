"""Functions of whole frames computed in overlapping tiles, which needs less memory and gives the same result.

A tile is read with a margin on every side, and only its inner part is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from n2nf_core.types import Denoiser, Tileable

TILE = 512
"""Side in plane pixels of the part of a tile that is kept; the margin around it is read as well."""


def windows(length: int, tile: int, margin: int, multiple: int = 1) -> list[tuple[slice, slice, slice]]:
    """(pixels to read, pixels of the result to keep, where these belong in the frame) of all tiles along one axis.

    Every tile starts at a multiple of ``multiple``, and it ends at a multiple or at the end of the frame.

    Arguments:
        length: size of the frame along this axis, in pixels.
        tile: pixels that a tile keeps, rounded down to a multiple of ``multiple``.
        margin: pixels that are read in addition on each side, where the frame has them.
        multiple: the function's pooling cell in pixels.

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
    function: Callable[..., Tensor], *frames: Tensor, margin: float, multiple: int = 1, tile: int = TILE
) -> Tensor:
    """function(*frames), computed tile by tile and without a gradient.

    Apart from the result, only one tile of tile + 2 margin pixels a side is in memory. A frame that fits into one tile
    is not cut, nor is any frame where the margin is infinite.

    Arguments:
        function: (B, C, h, w) tiles of all frames -> (B, C', h, w).
        frames: (B, C, H, W) each, all cut at the same places.
        margin: largest distance in pixels between an output pixel and the input pixels that it depends on; math.inf for
            a function of whole frames.
        multiple: pooling cell in pixels of a network that reduces the resolution, otherwise 1.
        tile: side in pixels of the part of a tile that is kept.

    >>> blur = torch.nn.AvgPool2d(3, stride=1, padding=1)
    >>> frame = torch.rand(1, 4, 50, 70)
    >>> bool(torch.allclose(tiled(blur, frame, margin=1, tile=16), blur(frame)))
    True
    """
    height, width = frames[0].shape[2:]
    if max(height, width) <= tile or math.isinf(margin):
        return function(*frames)
    result = None
    for rows, kept_rows, to_rows in windows(height, tile, margin, multiple):
        for columns, kept_columns, to_columns in windows(width, tile, margin, multiple):
            part = function(*(frame[:, :, rows, columns] for frame in frames))[:, :, kept_rows, kept_columns]
            if result is None:
                result = part.new_empty((len(part), part.shape[1], height, width))
            result[:, :, to_rows, to_columns] = part
    return result


def denoise(denoiser: Denoiser, noisy: Tensor, tile: int = TILE) -> Tensor:
    """D(y) for frames of any size, tile by tile, without a gradient.

    The result is (B, C, H, W) and equals denoiser(noisy) up to rounding. ValueError where the denoiser has a margin and
    is in training mode, because its batch statistics would differ between tiles.

    Arguments:
        denoiser: D. One that is not :class:`~n2nf_core.types.Tileable` is called once for the whole frame.
        noisy: y, (B, C, H, W) in [0, 1] units.
        tile: side in pixels of the part of a tile that is kept.

    >>> from n2nf_core.denoisers import DnCNN
    >>> denoise(DnCNN(layers=3, features=8).eval(), torch.rand(1, 4, 40, 50), tile=16).shape
    torch.Size([1, 4, 40, 50])
    """
    if not isinstance(denoiser, Tileable):
        with torch.no_grad():
            return denoiser(noisy)
    if isinstance(denoiser, torch.nn.Module) and denoiser.training:
        raise ValueError("the denoiser is in training mode, where tiles change its statistics: call .eval() first")

    def run(part: Tensor) -> Tensor:
        return denoiser(part.contiguous(memory_format=torch.channels_last))  # the faster layout for convolutions

    return tiled(run, noisy, margin=denoiser.margin, multiple=denoiser.multiple, tile=tile)
