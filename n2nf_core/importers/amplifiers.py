"""Signs that a sensor is read out through several amplifiers, each with a gain and a black level of its own."""

from __future__ import annotations

import numpy as np

_STEP = 8  # a seam differs more than this many times from the largest steps elsewhere


def amplifier_note(planes: np.ndarray) -> list[str]:
    """A sentence for the notes if the level jumps at the middle row or column, else nothing.

    The medians of rows (columns) are taken over each half of the columns (rows), because a median over both amplifiers
    would mix them. The step in the middle is compared with the steps between all other neighbours.

    Arguments:
        planes: one frame, (4, h, w) in DN.
    """
    seams = [name for name, axis in (("row", 1), ("column", 2)) if _jumps(np.moveaxis(planes, axis, 1))]
    if not seams:
        return []
    return [
        f"the level jumps at the middle {' and '.join(seams)}: the sensor seems to have several amplifiers, each with "
        "its own gain and black level, for which one model is an average: crop the burst to one of them (Burst.crop)"
    ]


def _jumps(planes: np.ndarray) -> bool:
    """Whether there is a step between the middle rows of planes (4, h, w)."""
    height, width = planes.shape[1:]
    if height < 16 or width < 16 or height % 2:
        return False
    for half in (planes[..., : width // 2], planes[..., width // 2 :]):
        steps = np.abs(np.diff(np.median(half, axis=2), axis=1))
        middle = steps[:, height // 2 - 1].copy()
        steps[:, height // 2 - 1] = 0
        if (middle > _STEP * np.maximum(np.quantile(steps, 0.99, axis=1), 0.5)).all():
            return True
    return False
