"""Checks whether a noise model can learn from a burst, frame by frame while the burst is read or written."""

from __future__ import annotations

import hashlib
import math
import warnings

import numpy as np

from n2nf_core.bursts.burst import Burst, BurstError, BurstWarning


class FrameDigests:
    """Collects the SHA-256 digest of every frame; frames may come in any order and from several threads."""

    def __init__(self):
        self.digests: dict[int, bytes] = {}

    def see(self, t: int, frame: np.ndarray) -> None:
        """Add frame number ``t``, of shape (4, h, w)."""
        self.digests[t] = hashlib.sha256(np.ascontiguousarray(frame).data).digest()

    def result(self) -> dict:
        """``frames_sha256``: the SHA-256 of the digests of all frames, in the order of the frames."""
        joined = b"".join(self.digests[t] for t in sorted(self.digests))
        return {"frames_sha256": hashlib.sha256(joined).hexdigest()}


class BurstCheck(FrameDigests):
    """The checks of :func:`check_burst`, frame by frame: call ``see`` for every frame, and then ``result``."""

    def __init__(self, burst: Burst):
        super().__init__()
        self.burst, self.saturated, self.below = burst, {}, {}
        if len(burst) < 2:
            raise BurstError(f"{burst.scene}: {len(burst)} frame; a noisy pair needs at least two of the same scene")

    def see(self, t: int, frame: np.ndarray) -> None:
        """Add a frame (4, h, w) in DN; BurstError where it has NaN or infinite values, or one value everywhere."""
        name, planes = f"{self.burst.scene}: frame {t}", frame.reshape(4, -1)
        low, high = planes.min(1), planes.max(1)  # NaN and infinite values show in the extremes
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            raise BurstError(f"{name} has NaN or infinite values: remove the frame or convert it again")
        if low.min() == high.max():
            raise BurstError(f"{name} is constant (all values {frame.flat[0]:g}), so it has no noise: remove it")
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
                raise BurstError(f"{name}: frames {twin} and {t} are identical, so one is a copy: remove it")
        below = float(np.mean(list(self.below.values()), axis=0).max())
        if below > 0.9:
            raise BurstError(
                f"{name}: {below:.0%} of a plane lies below the black level {max(black):g}, "
                "so almost all values would be negative: give the right black level"
            )
        saturated = float(np.mean(list(self.saturated.values())))
        if saturated > 0.5:
            raise BurstError(
                f"{name}: {saturated:.0%} of the values are saturated (white level {white:g}): "
                "use a shorter exposure, or give the right white level"
            )
        warn_of_saturation(name, saturated)
        return {**super().result(), "saturated_fraction": saturated}


def _share_below(plane: np.ndarray, least: float, level: float) -> float:
    if least >= level:
        return 0.0
    # integers are compared with an integer, which is faster than a comparison in floating point
    bound = math.ceil(level) if plane.dtype.kind == "u" else level
    return np.count_nonzero(plane < bound) / plane.size


def warn_of_saturation(name: str, saturated: float) -> None:
    """BurstWarning where the fraction ``saturated`` is more than 0.01; ``name`` is the scene."""
    if saturated > 0.01:
        warnings.warn(f"{name}: {saturated:.1%} of the values are saturated", BurstWarning, stacklevel=3)


def check_burst(burst: Burst) -> None:
    """Raise BurstError if a noise model cannot learn from the frames; reads every frame once.

    A burst is refused for fewer than two frames, NaN or infinite values, a constant frame, two identical frames, more
    than half of the values at or above the white level, and more than 90 % of a plane below the black level.
    BurstWarning where more than 1 % of the values are saturated.
    """
    check = BurstCheck(burst)
    for t in range(len(burst)):
        check.see(t, burst.frames[t])
    check.result()
