"""Names of cameras, models and settings stand in every figure as they are, also where they look like a formula."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from n2nf_core import plots
from n2nf_core.plots import style

NAME = r"A$^$ \$\alpha$_{"
ROW = {"kl_nats": 0.5, "kl_nats_interval": (0.4, 0.6)}
REGRET = {"regret_nats_per_dim": 0.1, "regret_nats_per_dim_interval": (0.05, 0.2)}
CURVE = {"step": [10, 20], "shot": [1.5, 1.0], "read": [2.0, 1.0]}
POINT = {"camera": NAME, "photon_transfer": {"shot": 1.5, "read": 0.5}, "curves": {NAME: CURVE}}
SCORES = {"signal": 0.5, "estimated_from_pairs": 0.04, "estimated_error": 0.01, "against_clean": 0.06}
FIT = SimpleNamespace(signal=np.linspace(0.01, 1, 40), variance=np.linspace(0.01, 1, 40), shot=1.0, read=1e-3)
PATCH = np.random.default_rng(0).standard_normal((5, 5))

FIGURES = {
    "by_setting": lambda: plots.by_setting({NAME: {NAME: ROW}}, "kl_nats", "KL (nats)", {NAME: 0.1}),
    "clouds": lambda: plots.clouds({NAME: ([1, 2], [1, 2])}, "x", "y"),
    "excess": lambda: plots.excess([SCORES, SCORES], {NAME: np.array([0.1, 0.2])}, np.array([0.1, 0.2])),
    "histograms": lambda: plots.histograms({NAME: PATCH.ravel(), "b": PATCH.ravel()}, 1.0),
    "lines": lambda: plots.lines({NAME: ([1, 2], [3, 4]), "b": ([1, 2], [3, 4])}, "x", "y"),
    "panels": lambda: plots.panels({NAME: PATCH}, unit="x"),
    "photon_transfer": lambda: plots.photon_transfer({NAME: FIT}),
    "recovery": lambda: plots.recovery([POINT]),
    "recovered": lambda: plots.recovered({NAME: {NAME: {"shot_ratio": 1.1, "read_ratio": 0.9}}}),
    "regret_by_camera": lambda: plots.regret_by_camera([{NAME: {"noise_flow": REGRET}}]),
    "scores": lambda: plots.scores({NAME: ROW}, "kl_nats", "KL (nats)"),
    "worst_patches": lambda: plots.worst_patches({NAME: [(PATCH, PATCH, 0.1)]}),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_name_that_looks_like_a_formula_is_printed_as_it_is(name):
    style()
    figure = FIGURES[name]()
    shown = [text for text in figure.findobj(Text) if "alpha" in text.get_text()]
    assert shown
    for text in shown:
        plain, is_math = text._preprocess_math(text.get_text())
        assert NAME in plain and not is_math
    figure.canvas.draw()
    plt.close(figure)


def test_a_table_shows_names_as_they_are():
    style()
    page = pd.DataFrame({NAME: [1]})._repr_html_()
    assert "mathjax_ignore" in page or "tex2jax_ignore" in page
