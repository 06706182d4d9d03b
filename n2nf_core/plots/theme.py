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
    "n2n_nf": "N2N+NF",
    "supervised": "supervised",
    "noise2noiseflow": "Noise2NoiseFlow",
    "pair_difference": "pair difference",
    "d_noise2noise": "Noise2Noise",
    "d_noise2noiseflow": "Noise2NoiseFlow",
    "d_pair_difference": "pair difference",
    "d_supervised": "supervised",
    "d_synthesized": "on drawn noise",
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
    "likelihood_at_clean": "likelihood at the true signal",
    "likelihood_at_denoised": "likelihood at D's signal",
    "noise2noise_flow": "Noise2NoiseFlow",
    "r2r": "R2RFlow, level 1",
    "r2r_half": "R2RFlow, level 1/2",
    "r2r_double": "R2RFlow, level 2",
    "r2r_alpha_one": "R2RFlow, level 1, alpha 1",
    "dncnn": "DnCNN",
    "unet": "U-Net",
    "dncnn_noise_flow": "DnCNN + Noise Flow",
    "unet_noise_flow": "U-Net + Noise Flow",
    "dncnn_nlf_flow": "DnCNN + NLF",
    "unet_nlf_flow": "U-Net + NLF",
    "from_scratch": "without pre-training",
    "default_start": "without photon-transfer start",
    "batch_statistics": "batch statistics in the flow",
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
