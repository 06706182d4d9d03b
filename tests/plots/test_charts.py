"""Curves, scores and histograms show the numbers that they are given."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from n2nf_core.plots import charts
from n2nf_core.plots.theme import COLOURS, label


def test_curves_carry_their_labels_and_marks_where_there_are_few_points():
    long = np.arange(40.0)
    figure = charts.lines({"noise_flow": ([1, 2], [3, 4]), "long": (long, long**2)}, "step", "nats", mark=2.5)
    (axis,) = figure.axes
    few, many, level = axis.lines
    assert few.get_xydata().tolist() == [[1, 3], [2, 4]] and np.array_equal(many.get_ydata(), long**2)
    assert few.get_marker() not in (None, "None") and many.get_marker() == "None"
    assert list(level.get_ydata()) == [2.5, 2.5]
    assert [text.get_text() for text in axis.get_legend().texts] == [label("noise_flow"), "long"]
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("step", "nats")
    (axis,) = charts.lines({"one": ([1, 2], [0.003, 0.009])}, "", "", yscale="log").axes
    assert axis.get_legend() is None
    axis.figure.canvas.draw()
    assert "0.005" in [tick.get_text() for tick in axis.get_yticklabels()], "a plain number, and no power of ten"


def test_scores_stand_from_top_to_bottom_with_their_intervals():
    rows = {"noisy": {"psnr_db": 30.0, "psnr_db_interval": (29.0, 31.5)}}
    rows |= {"noise2noise": {"psnr_db": 38.0, "psnr_db_interval": (37.0, 38.5)}}
    (axis,) = charts.scores(rows, "psnr_db", "PSNR (dB)", mark=33.0, better="higher").axes
    level, *found = [line.get_xydata().tolist() for line in axis.lines]
    assert found == [[[29, 0], [31.5, 0]], [[30, 0]], [[37, 1], [38.5, 1]], [[38, 1]]] and level[0][0] == 33
    assert axis.yaxis_inverted() and axis.get_xlabel() == "PSNR (dB)  (higher\xa0is\xa0better)"
    assert [text.get_text() for text in axis.texts] == [label("noisy"), label("noise2noise")]


def test_a_histogram_is_a_density_of_all_values_and_the_first_is_an_area():
    values = np.random.default_rng(0).uniform(-1, 1, 100_000)
    (axis,) = charts.histograms({"real": values, "model": values, "half": values / 2}, 0.5).axes
    assert len(axis.collections) == 1 and len(axis.lines) == 2
    uniform, narrow = (line.get_ydata() for line in axis.lines)
    errors = 5 / np.sqrt(100_000 / 128)  # standard errors of a bin of a 128th of the values
    assert uniform == pytest.approx(np.full(64, 0.5), rel=errors)
    assert narrow == pytest.approx(np.full(64, 1.0), rel=errors)
    assert to_rgb(axis.lines[0].get_color()) == COLOURS[0] and axis.get_yscale() == "log"


def test_clouds_keep_values_of_zero_at_the_lower_edge():
    (axis,) = charts.clouds({"a": ([1, 2, 3], [0.5, 0.0, -1.0])}, "x", "y").axes
    assert axis.lines[0].get_ydata().tolist() == [0.5, 1e-5, 1e-5]
    assert (axis.get_xscale(), axis.get_yscale()) == ("log", "log")
