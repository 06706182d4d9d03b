"""Charts of general use: curves, scores, histograms and scatter plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from n2nf_core.plots.forest import ranges
from n2nf_core.plots.theme import COLOURS, MARKERS, WIDTH, caption, legend, log_ticks, wrapped


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    *,
    mark: float | None = None,
    yscale: str = "linear",
) -> Figure:
    """Curves, with markers where a curve has at most 30 points.

    Arguments:
        series: name -> (x, y).
        xlabel: label of the x axis, with its unit.
        ylabel: label of the y axis, with its unit.
        mark: a value of y to compare with, drawn as a dotted line; None for no line.
        yscale: scale of the y axis, as matplotlib names it.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.4))
    for k, (name, (x, y)) in enumerate(series.items()):
        marker = MARKERS[k % 8] if len(x) <= 30 else None
        axis.plot(x, y, marker=marker, ms=4, color=COLOURS[k % 10], lw=1.4, label=caption(name))
    if mark is not None:
        axis.axhline(mark, color="0.6", ls=":", lw=1.2, zorder=0)
    axis.set(xlabel=xlabel, ylabel=wrapped(ylabel, 34), yscale=yscale)
    if yscale == "log":
        log_ticks(axis.yaxis)
    if len(series) > 1:
        legend(axis)
    return figure


def scores(rows: Mapping[str, Mapping], key: str, unit: str, mark: float | None = None, better: str = "") -> Figure:
    """One score per model as a point with its 95 % interval, with the models from top to bottom.

    Arguments:
        rows: name of the model -> row with the score ``key`` and its interval ``<key>_interval``.
        key: name of the score in a row.
        unit: label of the axis.
        mark: a value of the score to compare with, drawn as a dotted line; None for no line.
        better: which scores are better, "less" or "more", added to the label; "" for nothing.
    """
    drawn = {name: (row[key], *row[f"{key}_interval"], None) for name, row in rows.items()}
    which = f"  ({better}\N{NO-BREAK SPACE}is\N{NO-BREAK SPACE}better)" if better else ""
    return ranges({"": drawn}, unit + which, mark)


def histograms(samples: Mapping[str, np.ndarray], limit: float, unit: str = "noise ([0, 1] units)") -> Figure:
    """Histograms of noise as densities, on a log axis. The first is the real noise and is drawn as an area.

    Arguments:
        samples: name -> values of any shape.
        limit: the histograms cover the values from -limit to limit.
        unit: label of the axis of values.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    edges = np.linspace(-limit, limit, 65)
    centres = (edges[1:] + edges[:-1]) / 2
    for k, (name, values) in enumerate(samples.items()):
        density, _ = np.histogram(np.asarray(values).ravel(), edges)
        density = density / (np.asarray(values).size * (edges[1] - edges[0]))
        if k == 0:
            axis.fill_between(centres, density, step="mid", color="0.85", label=caption(name))
        else:
            axis.plot(centres, np.where(density > 0, density, np.nan), color=COLOURS[(k - 1) % 10], label=caption(name))
    axis.set(yscale="log", xlabel=wrapped(unit, 50), ylabel="density (log scale)")
    axis.locator_params(axis="x", nbins=6)
    legend(axis)
    return figure


def clouds(series: Mapping[str, tuple[Sequence[float], Sequence[float]]], xlabel: str, ylabel: str) -> Figure:
    """Scatter plots on two log axes. Values of y below 1e-5, and negative ones, are drawn at 1e-5.

    Arguments:
        series: name -> (x, y).
        xlabel: label of the x axis, with its unit.
        ylabel: label of the y axis, with its unit.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.8))
    for k, (name, (x, y)) in enumerate(series.items()):
        y = np.asarray(y).clip(min=1e-5)
        axis.plot(np.asarray(x), y, MARKERS[k % 8], ms=3, alpha=0.5, mew=0, color=COLOURS[k % 10], label=caption(name))
    axis.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=wrapped(ylabel, 34))
    log_ticks(axis.xaxis)
    log_ticks(axis.yaxis)
    legend(axis, markerscale=2)
    return figure
