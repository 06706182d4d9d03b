"""The white level of frames whose file does not state it: from values that pile up at the maximum, or the container."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2nf_core.bursts import BurstError
from n2nf_core.importers.frames import Frames

_FEWEST, _RATIO, _BELOW = 10, 4, 8
"""Clipping is seen if at least this many pixels of a frame have the largest value, and this many times more than any of
the next values below it; of those, this many are counted."""


class Extent(NamedTuple):
    """The range of some frames, and how their largest value is populated.

    Arguments:
        low, high: smallest and largest value, DN. NaN is left out.
        count: pixels with the value ``high``, in the frame that has most of them.
        below: the largest count among the next values below, in that frame.
        dtype: type of the frames.
    """

    low: float
    high: float
    count: int
    below: int
    dtype: np.dtype

    @property
    def clipped(self) -> bool:
        """Whether the largest value is one at which values pile up."""
        return self.low < self.high and self.count >= _FEWEST and self.count > _RATIO * self.below


def extent_of(frames: Frames) -> Extent:
    """The extent of all frames; they are read once, one at a time."""
    return join(_one(frames[t]) for t in range(len(frames)))


def join(extents: Iterable[Extent]) -> Extent:
    """The extent of the frames of several extents together."""
    extents = list(extents)
    highest = max(extents, key=lambda one: (one.high, one.count))
    return highest._replace(low=min(one.low for one in extents))


def _one(frame: np.ndarray) -> Extent:
    low, high = np.fmin.reduce(frame, axis=None), np.fmax.reduce(frame, axis=None)
    if not np.isfinite(high):
        return Extent(float(low), float(high), 0, 0, frame.dtype)
    near = frame[frame >= float(high) - max((float(high) - float(low)) / 50, _BELOW)]
    counts = np.unique(near, return_counts=True)[1][::-1]
    return Extent(low.item(), high.item(), int(counts[0]), int(max(counts[1 : 1 + _BELOW], default=0)), frame.dtype)


def white_of(extent: Extent, where: str | Path) -> tuple[float, str]:
    """The white level of frames that do not state it, and a note that says where it comes from.

    Values that pile up at the maximum are clipped there, so the maximum is the white level. Otherwise it is the largest
    number that the type can hold, if that is certain: for 8 bits, and for 16 bits if a frame uses the highest bit.

    Arguments:
        extent: that of all frames of the source, so that its bursts get one white level.
        where: the source, for messages.

    Errors: BurstError, which asks for the white level, in all other cases.
    """
    if extent.clipped:
        return float(extent.high), f"white level {extent.high:g} not stated: values pile up there, so they are clipped"
    if extent.dtype.kind == "f":
        raise BurstError(
            f"{where}: frames of {extent.dtype} without a white level: give white, and black if it is not 0; "
            f"the largest value is {extent.high:g}"
        )
    limit = np.iinfo(extent.dtype).max
    if extent.dtype == np.uint8 or (limit <= 65535 and extent.high > limit // 2):
        return float(limit), f"white level not stated: {limit}, the largest number of {extent.dtype}, assumed"
    bits = next(n for n in (*range(8, 17, 2), 64) if extent.high < 2**n)
    example = f", for example --white 4095 (make demo: WHITE=4095) for a camera of {max(bits, 12)} bits"
    if bits > 12:
        example = example.replace("4095", str(2**bits - 1)) if bits <= 16 else ""
    raise BurstError(
        f"{where}: the white level is not stated, and the largest value, {extent.high:g}, does not tell it: "
        f"give white in DN{example}"
    )
