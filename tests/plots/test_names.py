"""Names stand in every figure as they are, also where they look like a formula, and a phone shows them large enough."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from n2nf_core import plots
from n2nf_core.plots import style
from n2nf_core.plots.regret import PLACES

NAME = r"A$^$ \$\alpha$_{"
ROW = {"kl_nats": 0.5, "kl_nats_interval": (0.4, 0.6)}
REGRET = {"regret_nats_per_dim": 0.1, "regret_nats_per_dim_interval": (0.05, 0.2)}
CURVE = {"step": [10, 20], "shot": [1.5, 1.0], "read": [2.0, 1.0]}
POINT = {"camera": NAME, "photon_transfer": {"shot": 1.5, "read": 0.5}, "curves": {NAME: CURVE}}
SCORES = {"signal": 0.5, "estimated_from_pairs": 0.04, "estimated_error": 0.01, "against_clean": 0.06}
FIT = SimpleNamespace(signal=np.linspace(0.01, 1, 40), variance=np.linspace(0.01, 1, 40), shot=1.0, read=1e-3)
PATCH = np.random.default_rng(0).standard_normal((5, 5))

LONG = "Noise Flow, clean image known"
ALL = (NAME, LONG, "Noise2NoiseFlow", "photon_transfer", "nlf_flow", "noise_flow")
DIFFERENCE = (0.5, 0.2, 0.8, (0.4, 0.6), "better")
LAMBDA = {"nll_excess": 0.1, "psnr_gain": 1.0, "collapse_step": None}
SKEWED = {"signal": np.array([0.1, 0.4]), "skewness": np.ones(2), "error": np.ones(2), "slope": 1e-4, "offset": 1e-6}
THIRD = SimpleNamespace(**SKEWED, variance_line=SimpleNamespace(shot=0.01, read=1e-4, darkest=0.0))

FIGURES = {
    "by_setting": lambda: plots.by_setting({NAME: dict.fromkeys(ALL, ROW)}, "kl_nats", "KL (nats)", {NAME: 0.1}),
    "clouds": lambda: plots.clouds({NAME: ([1, 2], [1, 2]), LONG: ([1, 2], [1, 2])}, "x", "KL (nats), " + LONG),
    "excess": lambda: plots.excess([SCORES, SCORES], {NAME: np.array([0.1, 0.2])}, np.array([0.1, 0.2])),
    "forest": lambda: plots.forest({"phones": {NAME: DIFFERENCE, LONG: DIFFERENCE}}, "difference of NLL (nats/dim)"),
    "histograms": lambda: plots.histograms(dict.fromkeys(ALL, PATCH.ravel()), 1.0, "noise of " + LONG + " over it all"),
    "lines": lambda: plots.lines(dict.fromkeys(ALL, ([1, 2], [3, 4])), "x", "training NLL above that of " + LONG),
    "panels": lambda: plots.panels(dict.fromkeys(ALL, PATCH), unit="noise ([0, 1] units)"),
    "photon_transfer": lambda: plots.photon_transfer({NAME: FIT, LONG: FIT}),
    "ranges": lambda: plots.ranges({"phones": {NAME: (2.0, 1.0, 3.0, 1.5)}}, "nats"),
    "recovery": lambda: plots.recovery([POINT]),
    "recovered": lambda: plots.recovered({NAME: dict.fromkeys(ALL, {"shot_ratio": 1.1, "read_ratio": 0.9})}),
    "regret_by_camera": lambda: plots.regret_by_camera([{NAME: dict.fromkeys(PLACES, REGRET)}]),
    "regret_study": lambda: plots.regret_study(
        [{NAME: dict.fromkeys(PLACES, REGRET)}], {"x": {"nlf_flow": [(1, 0.1)]}}
    ),
    "scores": lambda: plots.scores(
        dict.fromkeys((*ALL, LONG + " after it"), ROW), "kl_nats", "KL (nats)", better="less"
    ),
    "skewness": lambda: plots.skewness({NAME: THIRD}),
    "worst_patches": lambda: plots.worst_patches({NAME: [(PATCH, PATCH, 0.1)] * 5, LONG: [(PATCH, PATCH, 0.1)] * 5}),
}
NAMELESS = {
    "regret_curves": lambda: plots.regret_curves(dict.fromkeys(PLACES, ([1, 2], [0.1, 0.2])), "training step"),
    "weight_sweep": lambda: plots.weight_sweep([{"mse_weight": 16, "cross_sample": LAMBDA, "self_sample": LAMBDA}]),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_name_that_looks_like_a_formula_is_printed_as_it_is(name):
    style()
    figure = FIGURES[name]()
    shown = [text for text in figure.findobj(Text) if "alpha" in text.get_text()]
    assert shown
    for text in shown:
        plain, is_math = text._preprocess_math(text.get_text().replace("\n", " "))
        assert NAME in plain and not is_math
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.parametrize("name", FIGURES | NAMELESS)
def test_a_figure_s_text_can_be_read_on_a_phone(name):
    style()
    figure = (FIGURES | NAMELESS)[name]()
    figure.canvas.draw()
    drawn = figure.get_tightbbox()
    width = drawn.padded(0.1).width * 72  # points; a file has this margin
    assert drawn.height <= figure.get_figheight(), "a label is longer than its axis"
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]
    assert min(sizes) * 343 / width >= 10, "343 px are left on a screen of 375"


def test_a_table_shows_names_as_they_are():
    style()
    page = pd.DataFrame({NAME: [1]})._repr_html_()
    assert "mathjax_ignore" in page or "tex2jax_ignore" in page
