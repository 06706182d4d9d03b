"""What the checks of a burst find: a name, a verdict, a number, and a sentence that says what to do."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import NamedTuple

from n2nf_core.bursts.burst import BurstError, BurstWarning

OK, WARN, REFUSE = "ok", "warn", "refuse"


class Finding(NamedTuple):
    """One check of a burst.

    Arguments:
        name: of the check.
        verdict: "ok"; "warn", if the burst can be used with care; "refuse", if no noise model can be learned from it.
        value: what was measured.
        text: what it means, in one sentence, and what to do unless the verdict is "ok".
    """

    name: str
    verdict: str
    value: float
    text: str


def judged(name: str, value: float, text: str, advice: str, *, refuse: bool = False, wary: bool = False) -> Finding:
    """The finding of a rule; its text has the advice unless the verdict is "ok".

    Arguments:
        name: of the check.
        value: what was measured.
        text: what it means.
        advice: what to do about it.
        refuse, wary: whether the verdict is "refuse", or else "warn".
    """
    verdict = REFUSE if refuse else WARN if wary else OK
    return Finding(name, verdict, float(value), text if verdict == OK else f"{text}: {advice}")


def report(scene: str, found: Sequence[Finding]) -> list[str]:
    """Warn of what was found with the verdict "warn", and return these sentences.

    Errors: BurstError for the first finding with the verdict "refuse".
    """
    for finding in found:
        if finding.verdict == REFUSE:
            raise BurstError(f"{scene}: {finding.text}")
    said = [finding.text for finding in found if finding.verdict == WARN]
    warn(scene, said)
    return said


def warn(scene: str, said: Sequence[str]) -> None:
    """One BurstWarning per sentence."""
    for text in said:
        warnings.warn(f"{scene}: {text}", BurstWarning, stacklevel=2)
