"""What makes a burst one that can teach a noise model, seen frame by frame while it is read or written."""

from __future__ import annotations

import hashlib
import math
import warnings

import numpy as np

from n2nf_core.bursts.burst import Burst, BurstError, BurstWarning


class FrameDigests:
    """SHA-256 of every frame that is seen; in any order, from several threads."""

    def __init__(self):
        self.digests: dict[int, bytes] = {}

    def see(self, t: int, frame: np.ndarray) -> None:
        """Take frame number ``t`` (4, h, w) into account."""
        self.digests[t] = hashlib.sha256(np.ascontiguousarray(frame).data).digest()

    def result(self) -> dict:
        """``frames_sha256``: SHA-256 of the frames' SHA-256, in the order of the frames."""
        joined = b"".join(self.digests[t] for t in sorted(self.digests))
        return {"frames_sha256": hashlib.sha256(joined).hexdigest()}


class BurstCheck(FrameDigests):
    """:func:`check_burst`, fed frame by frame: ``see`` every frame, then ask for the ``result``."""

    def __init__(self, burst: Burst):
        super().__init__()
        self.burst, self.saturated, self.below = burst, {}, {}
        if len(burst) < 2:
            raise BurstError(
                f"{burst.scene}: {len(burst)} frame; a noisy pair needs at least two of the same scene"
            )

    def see(self, t: int, frame: np.ndarray) -> None:
        """BurstError for a frame with NaN or infinite values, and for a constant one."""
        name, planes = f"{self.burst.scene}: frame {t}", frame.reshape(4, -1)
        low, high = planes.min(1), planes.max(1)  # NaN and infinity show in them
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise BurstError(f"{name} has NaN or infinite values")
        if low.min() == high.max():
            raise BurstError(f"{name} is constant (all values {frame.flat[0]:g}): no noise to learn from")
        white = self.burst.white
        self.saturated[t] = np.count_nonzero(frame >= white) / frame.size if high.max() >= white else 0.0
        pairs = zip(planes, low, self.burst.black, strict=True)
        self.below[t] = [_share_below(plane, least, level) for plane, least, level in pairs]
        super().see(t, frame)

    def result(self) -> dict:
        """``frames_sha256`` and ``saturated_fraction``; BurstError and BurstWarning as in :func:`check_burst`."""
        name, black, white = self.burst.scene, self.burst.black, self.burst.white
        first: dict[bytes, int] = {}
        for t in sorted(self.digests):
            twin = first.setdefault(self.digests[t], t)
            if twin != t:
                raise BurstError(f"{name}: frames {twin} and {t} are identical, one is a copy: remove it")
        below = float(np.mean(list(self.below.values()), axis=0).max())
        if below > 0.9:
            raise BurstError(
                f"{name}: {below:.0%} of a plane lies below the black level {max(black):g}, "
                "almost all values would be negative: give the right black level"
            )
        saturated = float(np.mean(list(self.saturated.values())))
        if saturated > 0.5:
            raise BurstError(f"{name}: {saturated:.0%} of the values are saturated (white level {white:g})")
        warn_of_saturation(name, saturated)
        return {**super().result(), "saturated_fraction": saturated}


def _share_below(plane: np.ndarray, least: float, level: float) -> float:
    if least >= level:
        return 0.0
    bound = math.ceil(level) if plane.dtype.kind == "u" else level  # integers compare at their own width
    return np.count_nonzero(plane < bound) / plane.size


def warn_of_saturation(name: str, saturated: float) -> None:
    """BurstWarning where more than 1 % of the values are saturated."""
    if saturated > 0.01:
        warnings.warn(f"{name}: {saturated:.1%} of the values are saturated", BurstWarning, stacklevel=3)


def check_burst(burst: Burst) -> None:
    """Raise BurstError unless the frames can teach a noise model; reads every frame once.

    Errors: fewer than two frames, NaN or infinite values, a constant frame, two identical frames, more than
    half of the values at or above white, more than 90 % of a plane below black. BurstWarning: more than 1 %
    saturated.
    """
    check = BurstCheck(burst)
    for t in range(len(burst)):
        check.see(t, burst.frames[t])
    check.result()
