"""Findings become an error or warnings, one line each."""

import pytest

from n2nf_core.bursts import BurstError, BurstWarning, Finding
from n2nf_core.bursts.findings import report, warn

GOOD = Finding("a", "ok", 0.0, "all is well")
FAIR = Finding("b", "warn", 0.1, "some of it: take less")
BAD = Finding("c", "refuse", 0.9, "too much: take none")


def test_what_is_refused_is_an_error_and_nothing_is_warned_of(recwarn):
    with pytest.raises(BurstError, match="^desk: too much: take none$"):
        report("desk", [GOOD, FAIR, BAD])
    assert not recwarn.list and report("desk", [GOOD]) == []


def test_warnings_are_said_and_returned():
    with pytest.warns(BurstWarning, match="^desk: some of it: take less$") as heard:
        assert report("desk", [FAIR, GOOD, FAIR]) == [FAIR.text, FAIR.text]
    assert len(heard) == 2
    with pytest.warns(BurstWarning, match="^lamp: again$"):
        warn("lamp", ["again"])
