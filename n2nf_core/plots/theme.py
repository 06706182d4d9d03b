"""Colours, markers, sizes and names of all figures; the colours are seaborn's colour-blind palette."""

from __future__ import annotations

import matplotlib.pyplot as plt
import seaborn as sns

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
    "noise_flow_oracle": "Noise Flow, clean image known",
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
