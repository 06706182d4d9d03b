"""What noise models found: photon transfer, scores per setting, recovered parameters."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from n2nf_core.plots.theme import COLOURS, MARKERS, WIDTH, caption, legend, log_ticks


def photon_transfer(
    fits: Mapping[str, tuple], truth: Mapping[str, tuple[float, float]] | None = None, *, unit: str = "[0, 1] units"
) -> Figure:
    """Variance against signal: blocks as points, the fitted line, and the true line dashed where it is known.

    Blocks are averaged over groups of similar signal.

    Arguments:
        fits: name -> PhotonTransfer.
        truth: name -> (shot, read), variances in the unit squared; None if the truth is not known.
        unit: of the signal.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 4))
    for k, (name, fit) in enumerate(fits.items()):
        colour, signal, variance = COLOURS[k % 10], np.asarray(fit.signal), np.asarray(fit.variance)
        keep = signal > 0
        signal, variance = signal[keep], variance[keep]
        order = np.argsort(signal)
        for part in np.array_split(order, min(20, len(order))):
            axis.plot(signal[part].mean(), variance[part].mean(), MARKERS[k % 8], color=colour, ms=4, alpha=0.8)
        line = np.geomspace(np.quantile(signal, 0.01), signal.max(), 100)
        axis.plot(line, fit.shot * line + fit.read, color=colour, label=caption(name))
        if truth and name in truth:
            shot, read = truth[name]
            axis.plot(line, shot * line + read, color="black", ls=(0, (2, 3)), lw=1.2)
    axis.set(xscale="log", yscale="log", xlabel=f"signal ({unit})", ylabel=f"noise variance ({unit} squared)")
    log_ticks(axis.xaxis)
    log_ticks(axis.yaxis)
    legend(axis)
    return figure


def skewness(found: Mapping[str, tuple], *, unit: str = "[0, 1] units") -> Figure:
    """Skewness of the noise against signal: groups of blocks with their standard errors, and the fitted line's curve.

    found: name -> ThirdCumulant. unit: of the signal.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 4))
    for k, (name, one) in enumerate(found.items()):
        signal, variance = np.asarray(one.signal), one.variance_line
        bars = {"fmt": MARKERS[k % 8], "color": COLOURS[k % 10], "ms": 4, "lw": 1}
        axis.errorbar(signal, np.asarray(one.skewness), np.asarray(one.error), **bars)
        line = np.linspace(signal.min(), signal.max(), 200)
        scale = np.maximum(variance.shot * np.maximum(line, variance.darkest) + variance.read, 1e-30) ** 1.5
        axis.plot(line, (one.slope * line + one.offset) / scale, color=COLOURS[k % 10], label=caption(name))
    axis.axhline(0, color="0.6", lw=1, zorder=0)
    axis.set(xlabel=f"signal ({unit})", ylabel="skewness of the noise")
    legend(axis)
    return figure


def by_setting(
    rows: Mapping[str, Mapping[str, Mapping]], key: str, unit: str, floors: Mapping[str, float] | None = None
) -> Figure:
    """A score of every model in every setting, with 95 % intervals, on a log axis that begins at 1e-6.

    Arguments:
        rows: setting -> model -> row with the score ``key`` and its interval. A setting may lack a model.
        key: name of the score in a row.
        unit: label of the axis of the score.
        floors: setting -> the least value that can be distinguished from 0, drawn as a grey bar; None for no bars.
    """
    names = list(dict.fromkeys(name for models in rows.values() for name in models))
    figure, axis = plt.subplots(figsize=(WIDTH, max(2.4, 0.13 * (len(names) + 1) * len(rows) + 0.8)))
    for k, name in enumerate(names):
        drawn = [(place, models[name]) for place, models in enumerate(rows.values()) if name in models]
        places = [place + (k - (len(names) - 1) / 2) * 0.8 / len(names) for place, _ in drawn]
        ends = np.array([row[f"{key}_interval"] for _, row in drawn]).clip(min=1e-6).T
        values = [max(row[key], 1e-6) for _, row in drawn]
        axis.hlines(places, *ends, color=COLOURS[k % 10], lw=1.5)
        axis.plot(values, places, MARKERS[k % 8], color=COLOURS[k % 10], ms=5, label=caption(name))
    if floors:
        axis.vlines(
            list(floors.values()), np.arange(len(rows)) - 0.45, np.arange(len(rows)) + 0.45, "0.7", lw=4, zorder=0
        )
    axis.set_yticks(range(len(rows)), list(map(caption, rows)))
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel=unit)
    log_ticks(axis.xaxis)
    legend(axis)
    return figure


def recovered(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """Recovered over true shot noise (above) and read noise (below), for every setting and model. The truth is 1.

    Arguments:
        rows: setting -> model -> {shot_ratio, read_ratio, and shot_ratio_error, read_ratio_error where known}.
    """
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, 6), sharex=True)
    names = list(next(iter(rows.values())))
    for axis, what in zip(axes, ("shot", "read"), strict=True):
        for k, name in enumerate(names):
            entries = [models[name] for models in rows.values()]
            axis.errorbar(
                np.arange(len(rows)) + (k - (len(names) - 1) / 2) * 0.13,
                [entry[f"{what}_ratio"] for entry in entries],
                [entry.get(f"{what}_ratio_error", 0.0) for entry in entries],
                fmt=MARKERS[k % 8],
                color=COLOURS[k % 10],
                ms=5,
                label=caption(name),
            )
        axis.axhline(1, color="0.6", lw=1, zorder=0)
        axis.set_ylabel(f"{what} noise,\nestimate / truth")
    axes[1].set_xticks(range(len(rows)), list(map(caption, rows)), rotation=30, ha="right")
    axes[1].set_yscale("log")
    log_ticks(axes[1].yaxis)
    legend(axes[0])
    return figure
