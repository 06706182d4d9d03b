"""The large figure of every page is drawn from its committed table, and its caption claims nothing."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from n2nf_core.study.tables import figures, page_figures

RESULTS = Path(__file__).parents[3] / "results"


@pytest.mark.parametrize("notebook", figures.FIGURES)
def test_every_page_has_its_figure_and_a_caption(notebook):
    function = figures.FIGURES[notebook]
    figure = function(pd.read_parquet(RESULTS / f"{notebook}.parquet"))
    assert any(axis.lines for axis in figure.axes) and len(function.__doc__) > 80
    plt.close(figure)


def frame(**columns):
    return pd.DataFrame({"point.parameters.physical": [False, False], "provenance.seed": [0, 1]} | columns)


def test_a_difference_of_the_study_is_first_minus_second():
    names = {name for pair in page_figures.NOISE_CLAIMS.values() for name in pair}
    columns = {f"noise_models.{name}.nll_nats_per_dim": [1.0, 2.0] for name in names}
    columns["noise_models.n2n_nf.nll_nats_per_dim"] = [1.5, 2.7]
    axis = page_figures.noise_models(frame(**columns)).axes[0]
    assert axis.get_title("left") == "simulated phones"
    assert list(axis.lines[1].get_xdata()) == pytest.approx([-0.5, -0.7])


def test_failures_show_what_chance_gives():
    columns = {"failures.awgn.excess_kl_nats": [0.2, 0.4], "failures.awgn.by_chance_nats": [0.01, 0.03]}
    ends, value, chance = page_figures.failures(frame(**columns)).axes[0].lines
    assert list(ends.get_xdata()) == [0.2, 0.4] and list(value.get_xdata()) == pytest.approx([0.3])
    assert list(chance.get_xdata()) == pytest.approx([0.02])


def test_real_cameras_stand_beside_simulated_ones_each_with_its_own_interval():
    data = ['[{"name": "burst"}]', '[{"name": "emva_bright_00"}, {"name": "emva_bright_01"}]']
    block = "gain_over_photon_transfer_nats_per_dim.noise_flow"
    columns = {f"{block}.mean": [-0.01, 0.02], f"{block}.interval": [[-0.02, -0.005], [-0.01, 0.05]]}
    runs = pd.DataFrame({"provenance.data": data, "provenance.seed": [1, 0]} | columns)
    axis = page_figures.own_cameras(runs).axes[0]
    assert [text.get_text() for text in axis.texts] == [
        "simulated sensor 2: better",
        "Basler CCD, flat fields: undecided",
    ]
    ends = [list(line.get_xdata()) for line in axis.lines if line.get_linewidth() == 2.4]
    assert ends == [[-0.02, -0.005], [-0.01, 0.05]]
