"""Regret, the distance of a model to a known density: per camera, and against what may reduce it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from n2nf_core.plots.theme import COLOURS, MARKERS, WIDTH, caption, legend, log_ticks

PLACES = {
    "photon_transfer": 0, "nlf_flow_paper": 1, "nlf_flow": 2, "noise_flow_paper": 3, "noise_flow": 4,
    "noise_flow_oracle": 7,
}  # fmt: skip
"""Model -> its number among colours and markers, the same in all figures of this module."""

UNIT = "regret (nats per dimension)"
SMALLEST = 1e-5  # regrets below this value, and negative ones, are drawn at this value


def _values(points: Sequence[float]) -> np.ndarray:
    return np.asarray(points, float).clip(min=SMALLEST)


def _style(name: str) -> dict:
    return {"color": COLOURS[PLACES[name]], "marker": MARKERS[PLACES[name]]}


def _by_camera(axis: Axes, points: Sequence[Mapping[str, Mapping[str, Mapping]]]) -> None:
    cameras = list(dict.fromkeys(camera for point in points for camera in point))
    names = list(dict.fromkeys(name for point in points for models in point.values() for name in models))
    for k, name in enumerate(names):
        shift = (k - (len(names) - 1) / 2) * 0.75 / len(names)
        for place, camera in enumerate(cameras):
            rows = [point[camera][name] for point in points if camera in point]
            for row in rows:
                axis.vlines(place + shift, *_values(row["regret_nats_per_dim_interval"]), _style(name)["color"], lw=1.2)
            values = _values([row["regret_nats_per_dim"] for row in rows])
            places = np.full(len(values), place + shift)
            axis.plot(places, values, ls="", ms=5, label=None if place else caption(name), **_style(name))
    axis.set_xticks(range(len(cameras)), [caption(camera) for camera in cameras])
    axis.set(yscale="log", ylabel=UNIT)
    log_ticks(axis.yaxis)


def regret_by_camera(points: Sequence[Mapping[str, Mapping[str, Mapping]]]) -> Figure:
    """Regret of every model for every camera, with 95 % intervals and a mark per point, on a log axis.

    Arguments:
        points: for every point, camera -> model -> row with regret_nats_per_dim and its interval.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    _by_camera(axis, points)
    legend(axis)
    return figure


def _curves(axis: Axes, curves: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    """Curves name -> (x, regret), with a mark for every value and a line through the means."""
    for name, found in curves.items():
        places = sorted({x for x, _ in found})
        means = [np.mean([value for x, value in found if x == place]) for place in places]
        axis.plot(places, _values(means), color=_style(name)["color"], lw=1.4)
        x, values = np.transpose(found)
        axis.plot(x, _values(values), ls="", ms=4, label=caption(name), **_style(name))
    axis.set(yscale="log", ylabel=UNIT)
    log_ticks(axis.yaxis)


def regret_curves(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], xlabel: str) -> Figure:
    """Regret of every model as a curve, on a log axis.

    Arguments:
        curves: name of the model -> (x, regret in nats per dimension).
        xlabel: label of the x axis.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    _curves(axis, {name: list(zip(*curve, strict=True)) for name, curve in curves.items()})
    axis.set_xlabel(xlabel)
    legend(axis)
    return figure


def regret_study(
    cameras: Sequence[Mapping[str, Mapping[str, Mapping]]],
    curves: Mapping[str, Mapping[str, Sequence[tuple[float, float]]]],
    aim: float = 0.01,
) -> Figure:
    """All points of the study: one panel with the regret per camera, and one panel for each item of ``curves``.

    All panels share the names and colours of the models.

    Arguments:
        cameras: for every point, camera -> model -> row with regret_nats_per_dim and its interval.
        curves: label of the x axis -> name of the model -> pairs (x, regret in nats per dimension).
        aim: a regret to compare with, nats per dimension, drawn as a dotted line.
    """
    figure, axes = plt.subplots(1 + len(curves), 1, figsize=(WIDTH, 3.2 * (1 + len(curves)) + 1), squeeze=False)
    panels = iter(axes.flat)
    first = next(panels)
    _by_camera(first, cameras)
    for axis, (name, found) in zip(panels, curves.items(), strict=False):
        _curves(axis, found)
        axis.set_xlabel(name)
    for axis in axes.flat:
        axis.axhline(aim, color="0.6", ls=":", lw=1.2, zorder=0)
    figure.legend(*first.get_legend_handles_labels(), fontsize=11, loc="outside upper center")
    return figure
