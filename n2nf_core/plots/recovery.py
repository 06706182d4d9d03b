"""Shot and read noise during the training of a noise model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from n2nf_core.plots.theme import COLOURS, WIDTH, caption, legend, log_ticks


def recovery(points: Sequence[Mapping]) -> Figure:
    """Shot and read noise divided by the truth, during training: two panels per camera, a line per point.

    A panel shows the range of the second half of its curves; what lies outside of it at first is cut off.

    Arguments:
        points: of every point the camera, photon_transfer {shot, read}, and curves name -> {step, shot, read}. All shot
            and read values are divided by the truth.
    """
    cameras = sorted({p["camera"] for p in points})
    figure, axes = plt.subplots(2 * len(cameras), 1, figsize=(WIDTH, 5 * len(cameras)))
    for row, camera in zip(axes.reshape(-1, 2), cameras, strict=True):
        for axis, what in zip(row, ("shot", "read"), strict=True):
            shown = [p for p in points if p["camera"] == camera]
            for number, point in enumerate(shown):
                _curves(axis, point, what, named=number == 0)
            axis.axhline(1, color="black", lw=1, ls=":", zorder=0)
            ends = [v for p in shown for c in p["curves"].values() for v in c[what][len(c[what]) // 2 :]]
            low, high = min(1.0, *ends), max(1.0, *ends)
            margin = 0.3 * (high - low) or 0.1
            axis.set(xlabel="step of joint training", ylabel=f"{what} / truth", ylim=(low - margin, high + margin))
            axis.set_title(f"{caption(camera)}, {what} noise", fontsize=12)
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=11, loc="outside upper center")
    return figure


def _curves(axis, point: Mapping, what: str, named: bool) -> None:
    level = point["photon_transfer"][what]
    axis.axhline(level, color="0.6", lw=1, zorder=0, label="photon transfer" if named else None)
    for k, (name, curve) in enumerate(point["curves"].items()):
        axis.plot(
            curve["step"], curve[what], color=COLOURS[k], lw=1.2, alpha=0.85, label=caption(name) if named else None
        )


def excess(rows: Sequence[Mapping[str, float]], models: Mapping[str, np.ndarray], truth: np.ndarray) -> Figure:
    """The error of D along the signal, and the excess variance of the models, as shares of the true variance.

    The error of D is shown as estimated from pairs, with bars of 2 standard errors, and as measured against clean
    images.

    Arguments:
        rows: rows of ``evaluation.nlf_recovery.error_by_signal``.
        models: name -> variances at the signals of the rows, (rows,), [0, 1] units squared.
        truth: the true variances at the signals of the rows, (rows,), [0, 1] units squared.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 3.6))
    signal = np.array([max(row["signal"], 1e-5) for row in rows])
    estimated, error, known = (
        np.array([row[key] for row in rows]) / truth
        for key in ("estimated_from_pairs", "estimated_error", "against_clean")
    )
    axis.errorbar(signal, 100 * estimated, 200 * error, fmt="o", color="black", ms=5, label="D's error, from pairs")
    axis.plot(signal, 100 * known, "x", color="0.5", ms=9, label="D's error, against clean")
    for k, (name, variance) in enumerate(models.items()):
        axis.plot(signal, 100 * (variance / truth - 1), color=COLOURS[k], lw=1.5, label=f"excess, {caption(name)}")
    axis.axhline(0, color="0.85", lw=1, zorder=0)
    axis.set(xscale="log", xlabel="signal ([0, 1] units)", ylabel="share of the true variance (%)")
    log_ticks(axis.xaxis)
    legend(axis)
    return figure
