"""The rules that judge a burst: each compares a statistic with a limit.

A limit is an effect that spoils a noise model, such as a share of the variance of the noise. Where a statistic has an
error by chance, it must also exceed a number of standard errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts.burst import Burst
from n2nf_core.bursts.checks.defects import find_defects, judge_defects
from n2nf_core.bursts.checks.findings import OK, Finding, judged
from n2nf_core.bursts.checks.sample import Sample
from n2nf_core.bursts.checks.statistics import CERTAIN, Statistics, measure
from n2nf_core.bursts.checks.steadiness import frames_alike, light, stillness

FEW_VALUES = 6  # a histogram of fewer different values shows no shape
LEAST_COUNT = 30  # of equal values, so that their number says something


class FrameFacts(NamedTuple):
    """What is counted in every value of one frame.

    Arguments:
        saturated: share of the values at or above the white level.
        below: for each plane, the share of its values below the black level.
        constant: number of parts of a row that have one value.
        parts: number of parts of rows; every row of a plane has the same number.
    """

    saturated: float
    below: Sequence[float]
    constant: int
    parts: int


def judge(burst: Burst, facts: Sequence[FrameFacts], sample: Sample) -> list[Finding]:
    """All checks of a burst, from what was counted in its frames and from a sample of them; causes before effects.

    Arguments:
        burst: whose levels, filter and reference are checked.
        facts: one per frame.
        sample: has seen all frames.
    """
    found = [_constant_parts(facts), _saturated(burst, facts), *_ends(burst, sample)]
    if (measured := measure(sample)) is not None:
        cut = {f.name for f in found if f.verdict != OK}
        step = sample.step()
        found += [*_levels(burst, facts, sample, measured, cut), *_steps(sample, measured, step)]
        found += [*_content(burst, measured), *light(measured), *stillness(measured), *frames_alike(measured)]
        found += judge_defects(find_defects(sample, measured.gains, step))
    return found


def _constant_parts(facts: Sequence[FrameFacts]) -> Finding:
    """Rows, or parts of them, that have one value in one frame and not in the others."""
    counts = [each.constant for each in facts]
    worst, least = int(np.argmax(counts)), min(counts)
    share = counts[worst] / facts[worst].parts
    return judged(
        "constant parts",
        share,
        f"{share:.1%} of frame {worst} is constant, and {least / facts[worst].parts:.1%} of another one",
        "the frame is incomplete or damaged; remove it, or convert it again",
        refuse=counts[worst] > 10 * least + 4,
    )


def _saturated(burst: Burst, facts: Sequence[FrameFacts]) -> Finding:
    share = float(np.mean([each.saturated for each in facts]))
    return judged(
        "saturated",
        share,
        f"{share:.1%} of the values are saturated (white level {burst.white:g})",
        "use a shorter exposure, or give the right white level",
        refuse=share > 0.5,
        wary=share > 0.01,
    )


def _ends(burst: Burst, sample: Sample) -> Iterator[Finding]:
    """Values that pile up at the largest number below the white level, and at the smallest number."""
    planes = [sample.counts(k) for k in range(4)]
    tops = [0.0 if values[-1] >= burst.white else _piled(counts[::-1]) for values, counts in planes]
    top, largest = float(np.mean(tops)), float(planes[int(np.argmax(tops))][0][-1])
    yield judged(
        "cut off above",
        top,
        f"{top:.1%} of the values are cut off at {largest:g}, below the white level {burst.white:g}",
        f"they are saturated, so give white {largest:g} or less, and use a shorter exposure",
        refuse=top > 0.5,
        wary=top > 0.001,
    )
    bottoms = [_piled(counts) for _, counts in planes]
    low, smallest = float(np.mean(bottoms)), float(planes[int(np.argmax(bottoms))][0][0])
    yield judged(
        "cut off below",
        low,
        f"{low:.1%} of the values are cut off at {smallest:g} (black level {min(burst.black):g})",
        "the read noise cannot be measured; use files whose black level was not subtracted",
        wary=low > 0.001,
    )


def _piled(counts: np.ndarray) -> float:
    """Share of the first of the values, if there are more of it than a tail of noise has at its end, else 0.

    counts: how often each value was found, from the end of the histogram.
    """
    if len(counts) < FEW_VALUES or counts[0] < LEAST_COUNT:
        return 0.0
    return float(counts[0] / counts.sum()) if counts[0] > 0.5 * counts[1] + CERTAIN * counts[1] ** 0.5 else 0.0


def _levels(
    burst: Burst, facts: Sequence[FrameFacts], sample: Sample, measured: Statistics, found: set[str]
) -> Iterator[Finding]:
    """Whether the black level is too high, from signals below it, or too low, from where the noise falls to 0.

    Then, whether the noise falls as the signal grows. found: names of the earlier checks that found something.
    """
    below = np.mean([each.below for each in facts], axis=0)
    worst, black = int(below.argmax()), burst.black[int(below.argmax())]
    mean = float(sample.values[:, worst].mean(dtype=np.float64)) - black
    real = mean < -max(0.25 * measured.noise, 0.5 if sample.values.dtype.kind == "u" else 0.0)
    yield judged(
        "black level too high",
        measured.below,
        f"{below[worst]:.0%} of a plane lies below the black level {black:g}; in the mean of the frames, "
        f"{measured.below:.0%} of the image does",
        "give the right black level",
        refuse=bool(below[worst] > 0.9 and real),
        wary=measured.below > 0.1,
    )
    zero = 0.0 if "cut off below" in found or np.isnan(measured.zero) else measured.zero
    yield judged(
        "black level too low",
        zero,
        f"the variance of the noise falls to 0 at {zero:.4g} above the black level {max(burst.black):g}"
        if zero
        else f"the variance of the noise does not fall to 0 above the black level {max(burst.black):g}",
        "the black level is too low by about that or more; give the right one",
        wary=zero > 0,
    )
    loss = 0.0 if "cut off above" in found else measured.loss
    yield judged(
        "noise along the signal",
        loss,
        f"the variance of the noise falls by {loss:.0%} from the dark to the bright"
        if loss
        else "the noise does not fall as the signal grows",
        "the numbers are not proportional to light, as in pictures with a tone curve (gamma); use RAW or linear frames",
        wary=loss > 0.25,
    )


def _steps(sample: Sample, measured: Statistics, step: float) -> Iterator[Finding]:
    """Noise that is lost between the steps of the numbers, and numbers that never occur."""
    yield judged(
        "noise in steps",
        measured.typical / step,
        f"the noise of {measured.typical:.2g} is {measured.typical / step:.2g} of a step of the numbers",
        "rounding hides it; use files with more bits, or a higher ISO",
        wary=measured.typical < 0.3 * step,
    )
    missing = min(_missing(*sample.counts(k)) for k in range(4)) if sample.values.dtype.kind == "u" else 0.0
    yield judged(
        "missing numbers",
        missing,
        f"{missing:.0%} of the numbers never occur between others that do",
        "the camera multiplied its numbers, as at a digital ISO; use an ISO below that",
        wary=missing > 0.1,
    )


def _missing(values: np.ndarray, counts: np.ndarray) -> float:
    """Share of integers that are missing between values that are frequent."""
    frequent = values[counts >= LEAST_COUNT].astype(np.int64)
    if len(frequent) < 2 * FEW_VALUES:
        return 0.0
    gaps, found = np.diff(frequent), np.isin(frequent[:-1] + 1, values)
    close = gaps <= 2 * np.quantile(gaps, 0.75)  # wider ones are empty stretches of the scene
    return float(np.where(found, 0, gaps - 1)[close].sum() / gaps[close].sum())


def _content(burst: Burst, measured: Statistics) -> Iterator[Finding]:
    """The colour filter and the reference."""
    colour = burst.cfa != raw.MONO
    yield judged(
        "colour filter",
        measured.pattern if colour else measured.colours,
        f"pixels of one colour alternate by {measured.pattern:.0%} of the signal"
        if colour
        else f"the four pixels of a 2x2 cell differ by {measured.colours:.0%} of the signal",
        "the filter repeats every 4x4 pixels (quad Bayer); bin or remosaic the frames"
        if colour
        else "if the sensor has a colour filter, give cfa",
        refuse=colour and measured.pattern > 0.1,
        wary=not colour and measured.colours > 0.1,
    )
    apart, in_noise = measured.reference
    if burst.clean is not None:
        yield judged(
            "reference",
            apart,
            f"clean differs from the mean of the frames by {apart:.0%} of the signal",
            "give the clean image of this scene, in DN with its black level, like the frames",
            refuse=apart > 0.5 and in_noise > 1,
            wary=apart > 0.15 and in_noise > 0.5,
        )
