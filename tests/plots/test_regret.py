"""Regret per camera and along what might shorten it."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from n2nf_core.plots import regret
from n2nf_core.plots.theme import COLOURS, label


def row(value):
    return {"regret_nats_per_dim": value, "regret_nats_per_dim_interval": (0.5 * value, 2 * value)}


def marks(axis, name):
    return [xy for line in axis.lines if line.get_label() == label(name) for xy in line.get_xydata().tolist()]


def test_a_mark_for_every_point_and_what_is_below_zero_at_the_edge():
    points = [{"S6": {"noise_flow": row(0.1)}}, {"S6": {"noise_flow": row(-0.2)}, "IP": {"noise_flow": row(0.3)}}]
    (axis,) = regret.regret_by_camera(points).axes
    assert [tick.get_text() for tick in axis.get_xticklabels()] == ["S6", "IP"]
    assert marks(axis, "noise_flow") == [[0, 0.1], [0, regret.SMALLEST]], "the name stands at the first camera alone"
    assert axis.lines[-1].get_xydata().tolist() == [[1, 0.3]]
    assert len(axis.get_legend().texts) == 1 and axis.get_yscale() == "log"


def test_a_line_runs_through_the_means_and_a_model_has_one_colour_everywhere():
    (axis,) = regret.regret_curves({"nlf_flow": ([20, 10, 20], [0.2, 0.5, 0.4])}, "step").axes
    line, points = axis.lines
    assert line.get_xydata() == pytest.approx(np.array([[10, 0.5], [20, 0.3]]))
    assert sorted(points.get_xydata().tolist()) == [[10, 0.5], [20, 0.2], [20, 0.4]]
    assert to_rgb(line.get_color()) == to_rgb(points.get_color()) == COLOURS[regret.PLACES["nlf_flow"]]
    assert axis.get_xlabel() == "step"


def test_the_study_has_a_panel_for_every_curve_and_the_aim_in_each():
    curves = {name: {"noise_flow": [(1, 0.1)]} for name in ("step", "scenes")}
    figure = regret.regret_study([{"S6": {"noise_flow": row(0.1)}}], curves, aim=0.02)
    shown = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_xlabel() for axis in shown] == ["", "step", "scenes"] and len(figure.axes) == 3
    assert all([0.02, 0.02] in [list(line.get_ydata()) for line in axis.lines] for axis in shown)
