"""The rules that judge what changes from frame to frame: the light, the scene, and the noise of single frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from n2nf_core.bursts.checks.findings import Finding, judged
from n2nf_core.bursts.checks.statistics import CERTAIN, Statistics


def light(measured: Statistics) -> Iterator[Finding]:
    """Light that changes between frames, and from place to place."""
    change = float(np.abs(measured.gains - 1).max())
    yield judged(
        "drift",
        change,
        f"the light changes by {change:.1%} between frames, which adds {measured.drift:.0%} to the noise's variance",
        "use steady light and one exposure",
        refuse=change > 0.25 and measured.drift > 1,
        wary=measured.drift > 0.05,
    )
    yield judged(
        "flicker",
        measured.flicker,
        f"the light changes from place to place, which adds {max(measured.flicker, 0):.0%} to the noise's variance",
        "use light that does not flicker, and a scene without moving shadows",
        wary=measured.flicker > 0.05,
    )


def stillness(measured: Statistics) -> Iterator[Finding]:
    """Motion and processing, which show in the differences of frames."""
    close, (growth, error) = measured.correlation, measured.growth
    yield judged(
        "correlation",
        close,
        f"in the difference of frames, neighbouring pixels correlate by {close:.2f}",
        "something moved, or the frames were denoised, demosaiced or compressed; use a tripod, a still scene and RAW",
        refuse=close > max(0.3, CERTAIN * measured.correlation_error),
        wary=close > max(0.05, CERTAIN * measured.correlation_error),
    )
    yield judged(
        "growth",
        growth,
        f"the frames drift apart: their variance grows by {max(growth, 0):.0%} over the burst",
        "something moved or changed; use a tripod and a still scene",
        refuse=growth > max(0.5, CERTAIN * error),
        wary=growth > max(0.1, CERTAIN * error),
    )
    yield judged(
        "motion",
        measured.moved,
        f"something moved in {measured.moved:.1%} of the image",
        "use a tripod and a still scene, or crop the frames",
        wary=measured.moved > 0.01,
    )


def frames_alike(measured: Statistics) -> Iterator[Finding]:
    """A frame with less noise than the others, such as their mean."""
    (frame, share), error = measured.quietest, measured.quietest_error
    certain = share < 1 - CERTAIN * error
    yield judged(
        "noise of single frames",
        share,
        f"the noise of frame {frame} has {max(share, 0):.0%} of the variance of the others'",
        "it is a mean of frames, or was denoised; remove it",
        refuse=certain and share < 0.5,
        wary=certain and share < 0.75,
    )
