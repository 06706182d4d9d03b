"""Frames (T, H, W) that stay in their files until they are used.

Importers give frames as numpy arrays or as objects of this form: ``shape`` (T, H, W), ``dtype``, ``len()``, and an
index t that gives frame t, (H, W) in DN. Worker processes can use them if they can be pickled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from n2nf_core.bursts import BurstError

_EXPANSION = 1032  # deflate makes its input at most this many times smaller, and noise hardly smaller at all


class Frames(Protocol):
    """T frames of one size, as numbers in DN: a numpy array (T, H, W), or an object that reads them when indexed."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __len__(self) -> int:
        """T."""

    def __getitem__(self, t: int) -> np.ndarray:
        """Frame t, (H, W)."""


@dataclass(frozen=True)
class PlacedFrames:
    """Frames of one size, each at a place in a file; a class of this kind says how a frame is read from its place.

    Arguments:
        places: for every frame, its file and a number that says where in the file it is.
        dtype: type of the numbers.
        size: (H, W).
    """

    places: Sequence[tuple[Path, int]]
    dtype: np.dtype
    size: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, H, W)."""
        return len(self.places), *self.size

    def __len__(self) -> int:
        return len(self.places)


class PlainFrames(PlacedFrames):
    """Frames that lie in files as plain numbers, row by row: a place is the byte at which a frame begins."""

    def __getitem__(self, t: int) -> np.ndarray:
        path, start = self.places[t]
        values = np.fromfile(path, self.dtype, self.size[0] * self.size[1], offset=start)
        if values.size != self.size[0] * self.size[1]:
            raise BurstError(f"{path}: frame {t} ends before its last pixel, so the file is truncated: copy it again")
        return values.reshape(self.size)


@dataclass(frozen=True)
class JoinedFrames:
    """Frames of several sources, one after the other. All have one size and one type.

    Arguments:
        parts: the sources.
    """

    parts: Sequence[Frames]

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W)."""
        return len(self), *self.parts[0].shape[1:]

    @property
    def dtype(self) -> np.dtype:
        """That of all parts."""
        return self.parts[0].dtype

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def __getitem__(self, t: int) -> np.ndarray:
        for part in self.parts:
            if t < len(part):
                return part[t]
            t -= len(part)
        raise IndexError(t)


@dataclass(frozen=True)
class ChosenFrames:
    """Some frames of a source.

    Arguments:
        source: the source.
        numbers: the numbers of the frames in it.
    """

    source: Frames
    numbers: Sequence[int]

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W)."""
        return len(self.numbers), *self.source.shape[1:]

    @property
    def dtype(self) -> np.dtype:
        """That of the source."""
        return self.source.dtype

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, t: int) -> np.ndarray:
        return self.source[self.numbers[t]]


def check_declared(path: Path, nbytes: int, *, packed: int | None = None) -> None:
    """BurstError if a header declares more bytes than its file can hold, before memory is taken for them.

    Arguments:
        path: the file.
        nbytes: what the header declares, in bytes.
        packed: for compressed data, the bytes that hold it; None for plain data, which the whole file may hold.
    """
    most = path.stat().st_size if packed is None else _EXPANSION * min(packed, path.stat().st_size) + 4096
    if nbytes > most:
        raise BurstError(
            f"{path}: its header declares {nbytes:.3g} bytes of pixels, but the file can hold at most {most:.3g}: it "
            "is truncated or damaged, copy it again"
        )
