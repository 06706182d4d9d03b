"""The figures of findings: differences with intervals, or scores with ranges, one line each under its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from n2nf_core.plots.theme import COLOURS, WIDTH, caption, wrapped

READINGS = {"better": COLOURS[2], "worse": COLOURS[3], "undecided": "0.45"}
"""Reading of a difference -> its colour."""


def _line(axis: Axes, place: float, ends: tuple[float, float], value: float, colour) -> None:
    axis.plot(ends, [place, place], color=colour, lw=2.4, solid_capstyle="butt")
    axis.plot(value, place, "o", color=colour, ms=7)


def _stacked(panels: Mapping[str, Mapping], unit: str, draw: Callable, mark: float | None) -> Figure:
    """A panel for each title; ``draw(axis, place, row)`` draws a row and returns what stands behind its name."""
    heights = [len(rows) + 0.7 for rows in panels.values()]
    size = (WIDTH, 0.62 * sum(heights) + 0.8)
    figure, axes = plt.subplots(len(panels), 1, figsize=size, sharex=True, squeeze=False, height_ratios=heights)
    for axis, (title, rows) in zip(axes[:, 0], panels.items(), strict=True):
        if mark is not None:
            axis.axvline(mark, color="0.6", ls=":", lw=1.2, zorder=0)
        for place, (name, row) in enumerate(rows.items()):
            text = caption(name) + draw(axis, place, row)
            axis.text(0.01, place - 0.3, text, transform=axis.get_yaxis_transform(), fontsize=11, va="bottom")
        axis.set_ylim(len(rows) - 0.5, -0.95)
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
        axis.set_title(caption(title), fontsize=12, loc="left", fontweight="bold")
        axis.tick_params(labelsize=11)
    axes[-1, 0].set_xlabel(wrapped(unit, 50), fontsize=11)
    return figure


def forest(panels: Mapping[str, Mapping[str, tuple]], unit: str, linear: float = 0.0) -> Figure:
    """Differences as points with 95 % intervals, a panel for each set of data.

    A difference has the colour and the word of its reading: better, worse, or undecided where its interval contains 0.
    Thin marks are the values of single seeds.

    Arguments:
        panels: title of a panel -> name of a difference -> (mean, low, high, values of the seeds, reading).
        unit: label of the axis.
        linear: the axis is logarithmic beyond plus and minus this value; 0 for a linear axis.
    """

    def draw(axis: Axes, place: int, row: tuple) -> str:
        mean, low, high, values, word = row
        axis.plot(values, [place] * len(values), "|", color=READINGS[word], ms=9, mew=1, alpha=0.6)
        _line(axis, place, (low, high), mean, READINGS[word])
        return f": {word}"

    figure = _stacked(panels, unit, draw, mark=0)
    if linear:
        figure.axes[0].set_xscale("symlog", linthresh=linear)
    else:
        figure.axes[0].locator_params(axis="x", nbins=5)
    return figure


def ranges(
    panels: Mapping[str, Mapping[str, tuple]], unit: str, mark: float | None = None, log: bool = False
) -> Figure:
    """Scores as points with an interval or a range, a panel for each set of data.

    Arguments:
        panels: title of a panel -> name -> (value, low, high, a value to compare with as a black bar, or None).
        unit: label of the axis.
        mark: a value drawn as a dotted line; None for no line.
        log: whether the axis is logarithmic.
    """

    def draw(axis: Axes, place: int, row: tuple) -> str:
        value, low, high, other = row
        _line(axis, place, (low, high), value, COLOURS[0])
        if other is not None:
            axis.plot(other, place, "|", color="black", ms=14, mew=2)
        return ""

    figure = _stacked(panels, unit, draw, mark)
    if log:
        figure.axes[0].set_xscale("log")
    else:
        figure.axes[0].locator_params(axis="x", nbins=5)
    return figure
