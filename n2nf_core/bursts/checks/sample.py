"""A sample of every frame of a burst, in square tiles at the same places, on which its statistics are computed.

A burst of 45-megapixel frames has too many values to compare all frames with one another. The sample has at most
:data:`VALUES` values, so that the time and the memory of the comparison do not grow with the burst.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from n2nf_core.bursts.burst import Burst

SIDE = 32
"""Least side of a tile, in pixels of a plane, where planes are as large; sides are below twice that."""

VALUES = 1 << 24
"""Largest number of values in a sample."""


class Sample:
    """Tiles of all frames of a burst. Frames may be added in any order and from several threads.

    Arguments:
        burst: the burst whose frames :meth:`see` is given.
    """

    def __init__(self, burst: Burst):
        count, _, height, width = burst.shape
        self.burst = burst
        places = [max(1, n // SIDE) for n in (height, width)]
        self.tile = tuple(n // number // 2 * 2 or n for n, number in zip((height, width), places, strict=True))
        most = max(1, VALUES // (4 * count * self.tile[0] * self.tile[1]))
        down = max(1, min(places[0], most, round((most * places[0] / places[1]) ** 0.5)))
        self.grid = down, min(places[1], most // down)
        sizes = zip((height, width), self.tile, self.grid, strict=True)
        self.lines = [_lines(*size) for size in sizes]
        self.values = np.zeros((count, 4, *(len(lines) for lines in self.lines)), burst.frames.dtype)

    def see(self, t: int, frame: np.ndarray) -> None:
        """Keep the tiles of frame number ``t``, of shape (4, h, w)."""
        rows, columns = self.lines
        self.values[t] = frame[:, rows][:, :, columns]

    def strips(self) -> Iterator[np.ndarray]:
        """The tiles row by row, above the black level in DN: (tiles, T, 4, rows, columns) float32 for each row."""
        (height, width), black = self.tile, np.asarray(self.burst.black, np.float32)[:, None, None, None]
        for row in range(self.grid[0]):
            part = self.values[:, :, row * height : (row + 1) * height]
            part = part.reshape(*part.shape[:3], self.grid[1], width) - black
            yield np.ascontiguousarray(part.transpose(3, 0, 1, 2, 4), np.float32)

    def counts(self, plane: int, most: int = 1 << 21) -> tuple[np.ndarray, np.ndarray]:
        """The values of one plane over all frames, ascending and each once, and how often each was found.

        Arguments:
            plane: its number, 0 to 3.
            most: about how many values are looked at, where there are more.
        """
        values = self.values[:, plane].ravel()
        values = values[:: max(1, round(values.size / most))]
        if values.dtype != np.uint16:
            return np.unique(values, return_counts=True)
        counts = np.bincount(values)
        found = np.flatnonzero(counts)
        return found, counts[found]

    def step(self) -> float:
        """The least difference of two values of a plane, in DN; infinite where every plane has one value."""
        values = [self.counts(plane)[0] for plane in range(4)]
        return min(float(np.diff(each).min()) if len(each) > 1 else np.inf for each in values)


def _lines(size: int, side: int, number: int) -> np.ndarray:
    """Rows or columns of ``number`` tiles that are spread over ``size``. Each starts at an even place."""
    starts = np.linspace(0, size - side, number).astype(int) // 2 * 2
    return (starts[:, None] + np.arange(side)).ravel()
