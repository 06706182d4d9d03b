"""Every figure of the notebooks as a function of plain results. Colours are seaborn's colour-blind palette."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

COLOURS = sns.color_palette("colorblind")
MARKERS = "osD^vPX*"
LABELS = {
    "awgn": "AWGN",
    "camera_nlf": "camera NLF",
    "calibrated_pg": "calibrated P-G",
    "photon_transfer": "photon transfer",
    "nlf_flow": "NLF flow",
    "noise_flow": "Noise Flow",
    "nlf_flow_paper": "NLF flow, paper's loss",
    "noise_flow_paper": "Noise Flow, paper's loss",
    "noisy": "noisy",
    "linear": "linear",
    "joint": "joint",
    "joint_paper": "joint, paper's loss",
    "noise2noise": "Noise2Noise",
    "wavelet": "wavelet",
    "nl_means": "non-local means",
    "pretrained": "before joint training",
    "cross_sample": "cross-sample",
    "self_sample": "self-sample",
}


def style() -> None:
    """Sizes and fonts of all figures; call once in a notebook."""
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "svg.hashsalt": "n2nf",  # the same figure gives the same file
        }
    )


def label(name: str) -> str:
    """A model's name as a reader sees it."""
    return LABELS.get(name, name)


def _show(axis, image, title: str, low: float, high: float, cmap: str = "gray"):
    axis.set_title(title, fontsize=11)
    axis.set_xticks([])
    axis.set_yticks([])
    sns.despine(ax=axis, left=True, bottom=True)
    return axis.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


def panels(
    images: Mapping[str, np.ndarray], *, unit: str, signed: bool = False, limit: float | None = None, columns: int = 4
) -> Figure:
    """Images (h, w) side by side on one scale, with a bar that carries the unit.

    signed: a diverging scale about 0, for noise. limit: end of the scale; by default the 99.5th percentile.
    """
    arrays = [np.asarray(image) for image in images.values()]
    high = limit or float(np.percentile(np.abs(np.stack([a.ravel() for a in arrays])), 99.5))
    low, cmap = (-high, "RdBu_r") if signed else (min(0.0, float(np.percentile(arrays[0], 0.5))), "gray")
    columns = min(columns, len(arrays))
    rows = -(-len(arrays) // columns)
    aspect = arrays[0].shape[0] / arrays[0].shape[1]
    figure, axes = plt.subplots(
        rows, columns, figsize=(2.7 * columns + 0.7, (2.7 * aspect + 0.3) * rows), squeeze=False
    )
    for axis in axes.flat[len(arrays) :]:
        axis.axis("off")
    for axis, title, array in zip(axes.flat, images, arrays, strict=False):
        drawn = _show(axis, array, label(title), low, high, cmap)
    figure.colorbar(drawn, ax=axes, label=unit, shrink=0.85, pad=0.02)
    return figure


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    *,
    mark: float | None = None,
    yscale: str = "linear",
) -> Figure:
    """Curves name -> (x, y) with markers where there are few points; ``mark``: a level to compare with."""
    figure, axis = plt.subplots(figsize=(6.5, 3.4))
    for k, (name, (x, y)) in enumerate(series.items()):
        marker = MARKERS[k % 8] if len(x) <= 30 else None
        axis.plot(x, y, marker=marker, ms=4, color=COLOURS[k % 10], lw=1.4, label=label(name))
    if mark is not None:
        axis.axhline(mark, color="0.6", ls=":", lw=1.2, zorder=0)
    axis.set(xlabel=xlabel, ylabel=ylabel, yscale=yscale)
    if len(series) > 1:
        axis.legend(fontsize=9, bbox_to_anchor=(1, 1), loc="upper left")
    return figure


def photon_transfer(fits: Mapping[str, tuple], truth: Mapping[str, tuple[float, float]] | None = None) -> Figure:
    """Variance against signal, blocks as points (binned along the signal), the fitted line, the true one dashed.

    fits: name -> PhotonTransfer. truth: name -> (shot, read) where known.
    """
    figure, axis = plt.subplots(figsize=(6, 4))
    for k, (name, fit) in enumerate(fits.items()):
        colour, signal, variance = COLOURS[k % 10], np.asarray(fit.signal), np.asarray(fit.variance)
        keep = signal > 0
        signal, variance = signal[keep], variance[keep]
        order = np.argsort(signal)
        for part in np.array_split(order, min(20, len(order))):
            axis.plot(signal[part].mean(), variance[part].mean(), MARKERS[k % 8], color=colour, ms=4, alpha=0.8)
        line = np.geomspace(np.quantile(signal, 0.01), signal.max(), 100)
        axis.plot(line, fit.shot * line + fit.read, color=colour, label=name)
        if truth and name in truth:
            shot, read = truth[name]
            axis.plot(line, shot * line + read, color="black", ls=(0, (2, 3)), lw=1.2)
    axis.set(xscale="log", yscale="log", xlabel="signal ([0, 1] units)", ylabel="noise variance ([0, 1] units squared)")
    axis.legend(fontsize=9)
    return figure


def scores(rows: Mapping[str, Mapping], key: str, unit: str, mark: float | None = None, better: str = "") -> Figure:
    """One score per model as a point with its 95 % interval, models from top to bottom."""
    figure, axis = plt.subplots(figsize=(6.5, 0.42 * len(rows) + 1.0))
    for position, row in enumerate(rows.values()):
        low, high = row[f"{key}_interval"]
        axis.plot([low, high], [position, position], color=COLOURS[0], lw=2)
        axis.plot(row[key], position, "o", color=COLOURS[0])
    if mark is not None:
        axis.axvline(mark, color="0.6", ls=":", lw=1)
    axis.set_yticks(range(len(rows)), [label(name) for name in rows])
    axis.invert_yaxis()
    axis.set_xlabel(f"{unit}{f'  ({better} is better)' if better else ''}")
    return figure


def regret_by_setting(rows: Mapping[str, Mapping[str, Mapping]]) -> Figure:
    """Regret per model (colour and marker) and setting (x), with 95 % intervals; log scale.

    rows: setting -> model -> row with regret_nats_per_dim and its interval.
    """
    figure, axis = plt.subplots(figsize=(8, 3.8))
    names = list(next(iter(rows.values())))
    for k, name in enumerate(names):
        for position, models in enumerate(rows.values()):
            row = models[name]
            low, high = (max(v, 1e-6) for v in row["regret_nats_per_dim_interval"])
            place = position + (k - (len(names) - 1) / 2) * 0.11
            axis.plot([place, place], [low, high], color=COLOURS[k % 10], lw=1.5)
            axis.plot(
                place, max(row["regret_nats_per_dim"], 1e-6), MARKERS[k % 8], color=COLOURS[k % 10], ms=5,
                label=label(name) if position == 0 else None,
            )  # fmt: skip
    axis.set_xticks(range(len(rows)), list(rows))
    axis.set(yscale="log", ylabel="regret (nats per dimension)")
    axis.legend(fontsize=9, bbox_to_anchor=(1, 1), loc="upper left")
    return figure


def histograms(samples: Mapping[str, np.ndarray], limit: float) -> Figure:
    """Densities of noise on a log axis; the first is the real one, drawn as an area."""
    figure, axis = plt.subplots(figsize=(6, 3.6))
    edges = np.linspace(-limit, limit, 65)
    centres = (edges[1:] + edges[:-1]) / 2
    for k, (name, values) in enumerate(samples.items()):
        density, _ = np.histogram(np.asarray(values).ravel(), edges)
        density = density / (np.asarray(values).size * (edges[1] - edges[0]))
        if k == 0:
            axis.fill_between(centres, density, step="mid", color="0.85", label=label(name))
        else:
            axis.plot(centres, np.where(density > 0, density, np.nan), color=COLOURS[(k - 1) % 10], label=label(name))
    axis.set(yscale="log", xlabel="noise ([0, 1] units)", ylabel="density (log scale)")
    axis.locator_params(axis="x", nbins=6)
    axis.legend(fontsize=9, bbox_to_anchor=(1, 1), loc="upper left")
    return figure


def recovered(rows: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """Recovered over true shot and read, per setting (x) and model (marker); 1 is the truth.

    rows: setting -> model -> {shot_ratio, read_ratio, and their errors where known}.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.6))
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
                label=label(name),
            )
        axis.axhline(1, color="0.6", lw=1, zorder=0)
        axis.set_xticks(range(len(rows)), list(rows), rotation=30, ha="right", fontsize=9)
        axis.set_ylabel(f"{what} noise, estimate / truth")
    axes[1].set_yscale("log")
    axes[1].legend(fontsize=9, bbox_to_anchor=(1, 1), loc="upper left")
    return figure


def weight_sweep(points: Sequence[Mapping], critical: float | None = None) -> Figure:
    """What lambda does to NLL (left) and PSNR (right), for both losses: one mark per point, a line through means.

    Both are paired, so that seeds with other scenes compare: NLL against photon transfer's, PSNR against the start's.
    points: each mse_weight, and per loss {nll_excess, psnr_gain, collapse_step (None where it held)}. Points that
    collapsed are crosses. critical: the lambda below which self-sample has no minimum.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6))
    weights = sorted({p["mse_weight"] for p in points})
    places = {w: float(np.log2(w)) if w else -2.0 for w in weights}  # lambda = 0 has a place of its own at the left
    scales = {"nll_excess": "NLL above photon transfer's (nats/dim)", "psnr_gain": "PSNR above the start's (dB)"}
    for axis, (key, unit) in zip(axes, scales.items(), strict=True):
        axis.axhline(0, color="0.85", lw=1, zorder=0)
        for k, name in enumerate(("cross_sample", "self_sample")):
            means = [np.mean([p[name][key] for p in points if p["mse_weight"] == w]) for w in weights]
            axis.plot([places[w] for w in weights], means, color=COLOURS[k], lw=1.4, label=label(name))
            for p in points:
                marker = "o" if p[name]["collapse_step"] is None else "X"
                axis.plot(places[p["mse_weight"]], p[name][key], marker, color=COLOURS[k], ms=6, mec="white", mew=0.6)
        if critical:
            axis.axvline(np.log2(critical), color="0.6", ls=":", lw=1.2, zorder=0)
        names = [f"{places[w]:.0f}" if w else "$\\lambda$ = 0" for w in weights]
        axis.set_xticks([places[w] for w in weights], names, fontsize=8, rotation=90)
        axis.set(xlabel="log2 of $\\lambda$, the weight of the Noise2Noise term", ylabel=unit)
    axes[0].set_yscale("symlog", linthresh=0.01)
    least = min(p[name]["nll_excess"] for p in points for name in ("cross_sample", "self_sample"))
    axes[0].set_ylim(bottom=min(-0.005, 1.5 * least))
    axes[1].legend(fontsize=9, bbox_to_anchor=(1, 1), loc="upper left")
    return figure
