"""Shot and read noise along training: a row for each camera, and shares of the truth."""

import numpy as np
import pytest

from n2nf_core.plots import excess, recovery
from n2nf_core.plots.theme import label


def point(camera, factor):
    curve = {"step": [10, 20], "shot": [factor, 1.0], "read": [2 * factor, 1.0]}
    return {"camera": camera, "photon_transfer": {"shot": 1.5, "read": 0.5}, "curves": {"pair_difference": curve}}


def test_every_camera_has_a_row_and_a_name_comes_once():
    points = [point("S6", 3.0), point("S6", 4.0), point("IP", 5.0)]
    figure = recovery(points)
    axes = figure.axes
    assert [axis.get_title() for axis in axes] == [
        f"{camera}, {what} noise" for camera in ("IP", "S6") for what in ("shot", "read")
    ]
    drawn = [[line.get_ydata()[0] for line in axis.lines if len(line.get_xdata()) == 2] for axis in axes]
    assert drawn[0] == [1.5, 5.0, 1] and drawn[1] == [0.5, 10.0, 1]
    assert drawn[2] == [1.5, 3.0, 1.5, 4.0, 1] and drawn[3] == [0.5, 6.0, 0.5, 8.0, 1]
    assert [text.get_text() for text in figure.legends[0].texts] == ["photon transfer", label("pair_difference")]


def test_a_panel_shows_where_its_curves_end():
    start, end = [9.0, 5.0], [0.9, 1.1]
    curve = {"step": [1, 2, 3, 4], "shot": start + end, "read": start + [1.0, 1.0]}
    shot, read = recovery([point("S6", 1.0) | {"curves": {"pair_difference": curve}}]).axes
    assert shot.get_ylim() == pytest.approx((0.84, 1.16)) and read.get_ylim() == pytest.approx((0.9, 1.1))


def test_excess_is_in_percent_of_the_true_variance():
    rows = [
        {"signal": 0.0, "estimated_from_pairs": 0.02, "estimated_error": 0.005, "against_clean": 0.01},
        {"signal": 0.5, "estimated_from_pairs": 0.04, "estimated_error": 0.01, "against_clean": 0.06},
    ]
    truth = np.array([0.1, 0.2])
    (axis,) = excess(rows, {"noise_flow": np.array([0.11, 0.3])}, truth).axes
    found = {line.get_label(): line.get_xydata() for line in axis.lines}
    assert found["D's error, against clean"] == pytest.approx(np.array([[1e-5, 10], [0.5, 30]]))
    assert found[f"excess, {label('noise_flow')}"] == pytest.approx(np.array([[1e-5, 10], [0.5, 50]]))
    bars = [segment[:, 1].tolist() for segment in axis.collections[0].get_segments()]
    assert bars[0] == pytest.approx([10, 30]) and bars[1] == pytest.approx([10, 30]), "two standard errors"
