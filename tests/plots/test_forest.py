"""Rows of a finding's figure stand where their numbers say, and say their reading."""

import pytest

from n2nf_core import plots
from n2nf_core.plots.forest import READINGS

ROWS = {"a": (0.5, 0.2, 0.8, (0.4, 0.6), "better"), "b": (-0.1, -0.3, 0.1, (), "undecided")}


def test_a_difference_has_its_interval_its_seeds_and_its_word():
    figure = plots.forest({"phones": ROWS, "dark": ROWS}, "dB")
    assert [axis.get_title("left") for axis in figure.axes] == ["phones", "dark"]
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.texts] == ["a: better", "b: undecided"]
    _, seeds, ends, mean, *_ = axis.lines
    assert list(seeds.get_xdata()) == [0.4, 0.6] and list(ends.get_xdata()) == [0.2, 0.8]
    assert list(mean.get_xdata()) == [0.5] and mean.get_color() == READINGS["better"]
    assert axis.lines[-1].get_color() == READINGS["undecided"]
    assert figure.axes[-1].get_xlabel() == "dB"


@pytest.mark.parametrize("log", [False, True])
def test_a_range_has_the_value_to_compare_with(log):
    figure = plots.ranges({"phones": {"awgn": (2.0, 1.0, 3.0, 1.5)}}, "nats", mark=2.5, log=log)
    line, ends, value, other = figure.axes[0].lines
    assert [list(part.get_xdata())[0] for part in (line, value, other)] == [2.5, 2.0, 1.5]
    assert list(ends.get_xdata()) == [1.0, 3.0] and figure.axes[0].get_xscale() == ("log" if log else "linear")
