"""Figures of what noise models found hold the values of their rows."""

from types import SimpleNamespace

import numpy as np
import pytest

from n2nf_core.plots import noise
from n2nf_core.plots.theme import label


def test_photon_transfer_shows_blocks_the_fit_and_the_truth():
    signal = np.linspace(-0.01, 0.5, 52)  # the first two lie below zero, where a log axis has no place
    fit = SimpleNamespace(signal=signal, variance=0.01 * signal + 1e-4, shot=0.01, read=1e-4)
    (axis,) = noise.photon_transfer({"S6": fit}, {"S6": (0.02, 2e-4)}).axes
    points, (line, truth) = axis.lines[:-2], axis.lines[-2:]
    assert len(points) == 20 and all(point.get_xdata()[0] > 0 for point in points)
    assert all(point.get_ydata()[0] == pytest.approx(0.01 * point.get_xdata()[0] + 1e-4) for point in points)
    assert line.get_ydata() == pytest.approx(0.01 * line.get_xdata() + 1e-4)
    assert truth.get_ydata() == pytest.approx(0.02 * line.get_xdata() + 2e-4)


def test_skewness_is_shown_with_its_errors_and_its_line():
    line = SimpleNamespace(shot=0.01, read=1e-4, darkest=0.0)
    signal = np.array([0.1, 0.4])
    found = {"signal": signal, "skewness": np.array([0.3, 0.1]), "error": np.array([0.05, 0.02])}
    fit = SimpleNamespace(**found, slope=1e-4, offset=1e-6, variance_line=line)
    (axis,) = noise.skewness({"S6": fit}).axes
    points, curve = axis.lines[:2]
    assert points.get_xydata() == pytest.approx(np.array([[0.1, 0.3], [0.4, 0.1]]))
    spans = [segment[:, 1].tolist() for segment in axis.collections[0].get_segments()]
    assert spans[0] == pytest.approx([0.25, 0.35]) and spans[1] == pytest.approx([0.08, 0.12])
    x = curve.get_xdata()
    assert curve.get_ydata() == pytest.approx((1e-4 * x + 1e-6) / (0.01 * x + 1e-4) ** 1.5)


def test_models_stand_side_by_side_in_every_setting_that_they_have():
    def row(value):
        return {"kl_nats": value, "kl_nats_interval": (0.9 * value, 1.1 * value)}

    rows = {"S6 800": {"awgn": row(0.5), "noise_flow": row(0.02)}, "IP 100": {"noise_flow": row(0.0)}}
    (axis,) = noise.by_setting(rows, "kl_nats", "KL (nats)", {"S6 800": 0.001, "IP 100": 0.002}).axes
    awgn, flow = axis.lines
    assert awgn.get_xydata() == pytest.approx(np.array([[0.5, -0.2]]))
    assert flow.get_xydata() == pytest.approx(np.array([[0.02, 0.2], [1e-6, 1.2]])), "zero is drawn at a millionth"
    assert [line.get_label() for line in axis.lines] == [label("awgn"), label("noise_flow")]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == list(rows)
    spans = [segment[:, 0].tolist() for bars in axis.collections[:2] for segment in bars.get_segments()]
    assert spans[0] == pytest.approx([0.45, 0.55]) and spans[1] == pytest.approx([0.018, 0.022])
    floors = [segment[0, 0] for segment in axis.collections[2].get_segments()]
    assert floors == [0.001, 0.002]


def test_recovered_parameters_are_shown_over_their_truth():
    rows = {"S6 800": {"a": {"shot_ratio": 1.1, "shot_ratio_error": 0.2, "read_ratio": 0.5}}}
    shot, read = noise.recovered(rows).axes
    assert shot.lines[0].get_ydata().tolist() == [1.1] and read.lines[0].get_ydata().tolist() == [0.5]
    (bar,) = shot.collections[0].get_segments()
    assert bar[:, 1] == pytest.approx([0.9, 1.3])
    assert shot.get_ylabel().startswith("shot") and read.get_yscale() == "log"
