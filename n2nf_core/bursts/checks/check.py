"""Checks whether a noise model can learn from a burst, frame by frame while the burst is read or written."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np

from n2nf_core.bursts.burst import Burst, BurstError
from n2nf_core.bursts.checks.findings import OK, REFUSE, Finding, report
from n2nf_core.bursts.checks.rules import FrameFacts, judge
from n2nf_core.bursts.checks.sample import Sample

PART = 32
"""Least length of the parts of a row that are searched for constant values, in pixels of a plane."""


SHORT = 16
"""Rows, and frames, with fewer values can be constant, or equal to others, by chance."""


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
    """All checks of a burst in one pass: call ``see`` for every frame, and then ``result`` or ``findings``.

    Every value of a frame is looked at once. Frames are compared with one another on a sample of at most
    ``sample.VALUES`` values, so memory does not grow with the burst.

    Errors: BurstError for a burst of one frame, and for a reference with NaN or infinite values.
    """

    def __init__(self, burst: Burst):
        super().__init__()
        if len(burst) < 2:
            raise BurstError(f"{burst.scene}: {len(burst)} frame; a noisy pair needs at least two of the same scene")
        if burst.clean is not None and not np.isfinite(burst.clean).all():
            raise BurstError(f"{burst.scene}: clean has NaN or infinite values: correct it, or leave it out")
        self.burst, self.facts, self.sample = burst, {}, Sample(burst)
        count = max(1, burst.shape[3] // PART)
        self.starts = np.arange(count) * burst.shape[3] // count

    def see(self, t: int, frame: np.ndarray) -> None:
        """Add a frame (4, h, w) in DN; BurstError where it has NaN or infinite values, or one value everywhere."""
        name = f"{self.burst.scene}: frame {t}"
        low, high = (extreme.reduceat(frame, self.starts, axis=2) for extreme in (np.minimum, np.maximum))
        least, most = low.min((1, 2)), high.max((1, 2))  # NaN and infinite values show in the extremes
        if not (np.isfinite(least).all() and np.isfinite(most).all()):
            raise BurstError(f"{name} has NaN or infinite values: remove the frame or convert it again")
        if least.min() == most.max():
            raise BurstError(f"{name} is constant (all values {frame.flat[0]:g}), so it has no noise: remove it")
        white = self.burst.white
        saturated = np.count_nonzero(frame >= white) / frame.size if most.max() >= white else 0.0
        below = [_share_below(*each) for each in zip(frame, least, self.burst.black, strict=True)]
        constant = int(np.count_nonzero((low == high) & (high < white))) if frame.shape[2] >= SHORT else 0
        self.facts[t] = FrameFacts(saturated, below, constant, low.size)
        self.sample.see(t, frame)
        super().see(t, frame)

    def findings(self) -> list[Finding]:
        """The verdict of every check, after all frames were seen."""
        return [self._copies(), *judge(self.burst, [self.facts[t] for t in sorted(self.facts)], self.sample)]

    def result(self) -> dict:
        """What is stored with the burst, after BurstError and BurstWarning as in :func:`check_burst`.

        ``frames_sha256`` and ``checked_sha256``, which differ once the frames are no longer those that were checked;
        ``checks``, name -> value; and ``findings``, the sentences of the warnings.
        """
        found, digest = self.findings(), super().result()
        said = report(self.burst.scene, found)
        values = {each.name: each.value for each in found}
        return {**digest, "checked_sha256": digest["frames_sha256"], "checks": values, "findings": said}

    def _copies(self) -> Finding:
        first: dict[bytes, int] = {}
        for t in sorted(self.digests):
            if (twin := first.setdefault(self.digests[t], t)) != t and np.prod(self.burst.shape[1:]) > 4 * SHORT:
                text = f"frames {twin} and {t} are identical, so one is a copy: remove it"
                return Finding("copies", REFUSE, 1.0, text)
        return Finding("copies", OK, 0.0, "no two frames are identical")


def _share_below(plane: np.ndarray, least: float, level: float) -> float:
    if least >= level:
        return 0.0
    # integers are compared with an integer, which is faster than a comparison in floating point
    bound = math.ceil(level) if plane.dtype.kind == "u" else level
    return np.count_nonzero(plane < bound) / plane.size


def check_burst(burst: Burst) -> Burst:
    """``burst`` with what its checks measured and found in the provenance; reads every frame once.

    A burst is refused for fewer than two frames, for frames with NaN or infinite values, constant or incomplete frames,
    and identical frames; if more than half of the values are saturated or cut off; for a black level above almost all
    values; for a quad-Bayer filter; for a reference of something else; and if the light, the scene or a processing of
    the files changes the difference of two frames by more than half of the noise. Smaller effects give a BurstWarning.

    Errors: BurstError, one line that says what was found and what to do.
    """
    check = _seen(burst)
    return replace(burst, provenance={**burst.provenance, **check.result()})


def find(burst: Burst) -> list[Finding]:
    """The verdict of every check of a burst, from one pass over its frames; nothing is raised or warned of.

    A burst whose frames cannot be compared at all has one finding, with the verdict "refuse".
    """
    try:
        return _seen(burst).findings()
    except BurstError as error:
        return [Finding("frames", REFUSE, 0.0, str(error).removeprefix(f"{burst.scene}: "))]


def _seen(burst: Burst) -> BurstCheck:
    check = BurstCheck(burst)
    for t in range(len(burst)):
        check.see(t, burst.frames[t])
    return check
