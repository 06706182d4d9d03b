"""Figures of sweeps over a parameter of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from n2nf_core.plots.theme import COLOURS, WIDTH, caption


def weight_sweep(points: Sequence[Mapping], critical: float | None = None) -> Figure:
    """NLL (above) and PSNR (below) of both losses against lambda: one mark per point, and a line through the means.

    Points of different seeds have different scenes. To make them comparable, the NLL is shown minus that of photon
    transfer, and the PSNR minus that of the denoiser from which training started. Points that collapsed are marked with
    crosses.

    Arguments:
        points: for every point, mse_weight and per loss {nll_excess, psnr_gain, collapse_step}; collapse_step is None
            if training did not collapse.
        critical: the lambda below which the self-sample loss has no minimum; None for no line.
    """
    figure, axes = plt.subplots(2, 1, figsize=(WIDTH, 7.2))
    weights = sorted({p["mse_weight"] for p in points})
    places = {w: float(np.log2(w)) if w else -2.0 for w in weights}  # lambda = 0 is drawn at the left
    scales = {"nll_excess": "NLL above photon\ntransfer's (nats/dim)", "psnr_gain": "PSNR above\nthe start's (dB)"}
    for axis, (key, unit) in zip(axes, scales.items(), strict=True):
        axis.axhline(0, color="0.85", lw=1, zorder=0)
        for k, name in enumerate(("cross_sample", "self_sample")):
            means = [np.mean([p[name][key] for p in points if p["mse_weight"] == w]) for w in weights]
            axis.plot([places[w] for w in weights], means, color=COLOURS[k], lw=1.4, label=caption(name))
            for p in points:
                marker = "o" if p[name]["collapse_step"] is None else "X"
                axis.plot(places[p["mse_weight"]], p[name][key], marker, color=COLOURS[k], ms=6, mec="white", mew=0.6)
        if critical:
            axis.axvline(np.log2(critical), color="0.6", ls=":", lw=1.2, zorder=0)
        names = [f"{places[w]:.0f}" if w else "$\\lambda$ = 0" for w in weights]
        axis.set_xticks([places[w] for w in weights], names, fontsize=11, rotation=90)
        axis.set_xlabel("log2 of the weight $\\lambda$", labelpad=8)
        axis.set_ylabel(unit)
    axes[0].set_yscale("symlog", linthresh=0.01)
    least = min(p[name]["nll_excess"] for p in points for name in ("cross_sample", "self_sample"))
    axes[0].set_ylim(bottom=min(-0.005, 1.5 * least))
    axes[1].legend(fontsize=11)
    return figure
