"""Colours, markers, sizes and names of all figures; the colours are seaborn's colour-blind palette."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import seaborn as sns

COLOURS = sns.color_palette("colorblind")
MARKERS = "osD^vPX*"
LABELS = json.loads((Path(__file__).parent / "labels.json").read_text())
"""Name in the code -> name as a reader sees it, here and in the pages' widgets."""


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


def heading(name: str) -> str:
    """A model's name as it stands in a title or at the start of a table's row.

    >>> heading("nl_means")
    'Non-local means'
    """
    text = label(name)
    return text[:1].upper() + text[1:]
