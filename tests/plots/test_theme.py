"""Names for readers, and figures that are the same file twice."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest

from n2nf_core.plots import by_setting, heading, histograms, label, lines, panels, scores, style, theme


def test_what_has_no_name_of_its_own_keeps_the_one_of_the_code():
    assert label("noise_flow") == theme.LABELS["noise_flow"] != "noise_flow"
    assert label("my own model") == "my own model"


@pytest.mark.parametrize(("name", "shown"), [("", ""), ("iPhone", "IPhone"), ("nl_means", "Non-local means")])
def test_a_heading_begins_with_a_capital(name, shown):
    assert heading(name) == shown


def test_a_camera_is_named_in_figures_as_it_is():
    name, row = "A$^$|<b>", {"kl": 1.0, "kl_interval": (0.5, 2.0)}
    shown = [
        lines({name: ([1, 2], [1, 2]), "other": ([1, 2], [2, 1])}, "x", "y"),
        scores({name: row}, "kl", "KL", better="less"),
        histograms({name: np.ones(9), "other": np.ones(9)}, limit=2.0),
        panels({name: np.ones((4, 4))}, unit="DN"),
        by_setting({name: {"awgn": row}}, "kl", "KL"),
    ]
    for figure in shown:
        figure.canvas.draw()  # where mathematics is set, or fails
        texts = [text.get_text() for text in figure.findobj(plt.Text)]
        assert any(text.replace(r"\$", "$") == name and r"\$" in text for text in texts)
        plt.close(figure)


def test_in_the_project_s_style_the_same_figure_is_the_same_file():
    def drawn():
        file = io.BytesIO()
        lines({"a": ([1, 2], [1, 2]), "b": ([1, 2], [2, 1])}, "x", "y").savefig(file, format="svg")
        return [line for line in file.getvalue().splitlines() if b"<dc:date>" not in line]

    with plt.rc_context():
        style()
        assert drawn() == drawn()
        assert plt.rcParams["figure.constrained_layout.use"] and not plt.rcParams["axes.spines.top"]


@pytest.mark.parametrize(("low", "shown"), [(0.3, "0.5 1 2 5"), (1e-4, "")])
def test_a_short_logarithmic_axis_has_plain_numbers(low, shown):
    figure, axis = plt.subplots()
    axis.set(xscale="log", xlim=(low, 6))
    theme.log_ticks(axis.xaxis)
    figure.canvas.draw()
    labels = [tick.get_text() for tick in axis.get_xticklabels() if low < tick.get_position()[0] < 6]
    assert [text for text in labels if "$" not in text] == shown.split() and labels
    assert not any(tick.label1.get_text() for tick in axis.xaxis.get_minor_ticks())


def test_models_that_stand_together_have_colours_and_markers_enough():
    assert len(set(theme.COLOURS)) == 10 and len(set(theme.MARKERS)) == 8
