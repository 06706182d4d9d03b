"""Sums over the tiles of a sample of frames, from which the statistics of a burst are made."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BLOCK = 8
"""Side of the blocks over which means are taken, in pixels of a plane."""


class TileSums(NamedTuple):
    """Of tiles: variances and covariances of differences between frames, means over time, and their blocks.

    Arguments:
        last: (tiles, 5): half the mean square and the covariances of the last minus the first frame.
        steps: (tiles, T - 1, 5): of consecutive frames.
        means: (tiles, T, 4).
        blocks: (blocks, 4, 2): mean over time, and temporal variance.
        apart: (tiles, T): mean square of a frame minus the mean over time, without the tile's own mean.
        waves: (places, 3): alternation from pixel to pixel along x, along y, and along both.
        cells: (cells, 4): each plane minus the mean of all planes.
    """

    last: np.ndarray
    steps: np.ndarray
    means: np.ndarray
    blocks: np.ndarray
    apart: np.ndarray
    waves: np.ndarray
    cells: np.ndarray


def tile_sums(strip: np.ndarray) -> TileSums:
    """The sums of tiles (tiles, T, 4, h, w), above black in DN, with the gains of their frames matched."""
    mean, variance = strip.mean(1), strip.var(1, ddof=1)
    one = mean.mean(1, keepdims=True)
    return TileSums(
        last=_covariances(strip[:, -1:] - strip[:, :1])[:, 0],
        steps=_covariances(np.diff(strip, axis=1)),
        means=strip.mean((3, 4), dtype=np.float64),
        blocks=np.stack((blocks(mean), blocks(variance)), 2),
        apart=(strip - mean[:, None]).var((3, 4), dtype=np.float64).mean(2),
        waves=_waves(one[:, 0]),
        cells=(mean - one).transpose(0, 2, 3, 1).reshape(-1, 4),
    )


def _waves(images: np.ndarray) -> np.ndarray:
    """(places, 3): second differences over 4 with a sign that alternates, so that a slope of the scene cancels."""
    if min(images.shape[1:]) < 3:
        return np.zeros((0, 3), np.float32)
    signs = (1 - 2 * (np.arange(n - 2) % 2) for n in images.shape[1:])
    down, across = (sign.astype(np.float32) for sign in signs)

    def along(image: np.ndarray, sign: np.ndarray) -> np.ndarray:
        return (image[..., :-2] - 2 * image[..., 1:-1] + image[..., 2:]) / 4 * sign

    horizontal, vertical = along(images, across), along(images.swapaxes(1, 2), down).swapaxes(1, 2)
    both = along(horizontal.swapaxes(1, 2), down).swapaxes(1, 2)
    return np.stack((horizontal[:, 1:-1], vertical[:, :, 1:-1], both), -1).reshape(-1, 3)


def _covariances(difference: np.ndarray) -> np.ndarray:
    """(tiles, T, 5) of differences (tiles, T, 4, h, w): half the mean square, and half the covariances of neighbours.

    These are the horizontal and the vertical neighbours in a plane, and then in the mosaic.
    """
    d, pixels = difference - difference.mean((-2, -1), keepdims=True), np.prod(difference.shape[3:])

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.einsum("ntcij,ntcij->nt", a, b) / max(np.prod(a.shape[2:]), 1) * pixels / (pixels - 1)

    plane = product(d[..., 1:], d[..., :-1]), product(d[..., 1:, :], d[..., :-1, :])
    mosaic = product(d[:, :, ::2], d[:, :, 1::2]), product(d[:, :, :2], d[:, :, 2:])
    return np.stack((product(d, d), *plane, *mosaic), -1) / 2


def blocks(planes: np.ndarray) -> np.ndarray:
    """Means over blocks (tiles, 4, h, w) -> (blocks, 4); of whole tiles, where these are smaller than a block."""
    height, width = (min(BLOCK, n) for n in planes.shape[2:])
    rows, columns = planes.shape[2] // height, planes.shape[3] // width
    cut = planes[:, :, : rows * height, : columns * width].reshape(len(planes), 4, rows, height, columns, width)
    return cut.mean((3, 5)).transpose(0, 2, 3, 1).reshape(-1, 4)
