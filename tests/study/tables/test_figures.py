"""Figures over runs put every point where it belongs."""

import pandas as pd

from n2nf_core import plots
from n2nf_core.study.tables import figures
from n2nf_core.study.tables.columns import flatten


def regret_point(seed=0, cameras=("S6",), scenes=0, sensor="", base=0.01):
    """A flat row of 80_measure_regret, two models, regrets that tell the point."""
    names = {"noise_flow_paper": base, "noise_flow": base / 10}
    rows = {n: {"regret_nats_per_dim": v, "regret_nats_per_dim_interval": [0.9 * v, 1.1 * v]} for n, v in names.items()}
    content = {
        "point": {"parameters": {"seed": seed, "cameras": " ".join(cameras), "scenes": scenes, "sensor": sensor}},
        "by_camera": dict.fromkeys((sensor,) if sensor else cameras, rows),
        "history": {n: {"step": [10, 20], "regret_nats_per_dim": [2 * v, v]} for n, v in names.items()},
        "cameras": 1 if sensor else len(cameras),
        "scenes": scenes or 12,
    }
    return flatten(content)


def drawn(axis, name: str) -> list[list[float]]:
    """The marks of a model, by x and then y."""
    return sorted(
        next(line for line in axis.lines if line.get_label() == plots.label(name)).get_xydata().round(9).tolist()
    )


def test_the_regret_figure_puts_every_point_where_it_belongs():
    points = [
        regret_point(seed=0, base=0.02),
        regret_point(seed=1, base=0.04),
        regret_point(cameras=("S6", "IP"), base=0.06),
        regret_point(scenes=36, base=0.01),
        regret_point(sensor="Canon 70D", base=0.5),
    ]
    camera, step, scenes, cameras, sensor = figures.regret_study(pd.DataFrame(points)).axes[:5]
    assert [tick.get_text() for tick in camera.get_xticklabels()] == ["S6", "IP"], "of the point with most cameras"
    marks = [drawn(axis, "noise_flow_paper") for axis in (camera, step, scenes, cameras, sensor)]
    assert [y for _, y in marks[0]] == [0.06]
    assert marks[1] == [[10, 0.04], [10, 0.08], [20, 0.02], [20, 0.04]], "one camera, the profile's scenes"
    assert marks[2] == [[12, 0.02], [12, 0.04], [36, 0.01]]
    assert marks[3] == [[1, 0.02], [1, 0.04], [2, 0.06]]
    assert marks[4] == [[10, 1.0], [20, 0.5]]
    means = [line for line in step.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
    assert [0.06, 0.03] in [line.get_ydata().round(9).tolist() for line in means], "the line runs through means"
    alone = figures.regret_study(pd.DataFrame([regret_point(sensor="Canon 70D")])).axes
    assert [tick.get_text() for tick in alone[0].get_xticklabels()] == ["Canon 70D"]
