"""The sweep over lambda: means over seeds, collapsed points as crosses, and a place for lambda = 0."""

import pytest

from n2nf_core.plots import weight_sweep
from n2nf_core.plots.theme import label


def point(weight, excess, gain, step=None):
    row = {"nll_excess": excess, "psnr_gain": gain, "collapse_step": None}
    return {"mse_weight": weight, "cross_sample": row, "self_sample": row | {"collapse_step": step}}


def test_points_stand_at_the_logarithm_of_lambda_and_lines_run_through_means():
    figure = weight_sweep([point(0, 0.2, -1.0, step=7), point(16, 0.1, 1.0), point(16, 0.3, 2.0)], critical=8)
    left, right = figure.axes
    for axis, means in ((left, [0.2, 0.2]), (right, [-1.0, 1.5])):
        lines = [line for line in axis.lines if line.get_label() == label("self_sample")]
        assert list(lines[0].get_xdata()) == [-2, 4] and list(lines[0].get_ydata()) == pytest.approx(means)
        assert [3, 3] in [list(line.get_xdata()) for line in axis.lines], "the critical lambda, 2^3"
        crosses = [line for line in axis.lines if line.get_marker() == "X"]
        assert [list(line.get_xdata()) for line in crosses] == [[-2]], "one loss collapsed at one point"
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["$\\lambda$ = 0", "4"]
