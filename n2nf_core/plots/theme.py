"""Colours, markers, sizes and labels of all figures. The colours are seaborn's palette for colour-blind readers."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns

COLOURS = sns.color_palette("colorblind")
MARKERS = "osD^vPX*"
LABELS = json.loads((Path(__file__).parent / "labels.json").read_text())
"""Name in the code -> name that readers see, in these figures and in the widgets."""


def style() -> None:
    """Set the sizes and fonts of all figures, and let tables show names as they are. Call it once in a notebook."""
    pd.set_option("display.html.use_mathjax", False)  # a page would read a name with dollar signs as a formula
    sns.set_theme(context="notebook", style="ticks", palette="colorblind")
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.bbox": "tight",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "legend.frameon": False,
            "svg.hashsalt": "n2nf",  # so that the same figure gives the same file
        }
    )


def label(name: str) -> str:
    """The name of a model that readers see."""
    return LABELS.get(name, name)


def caption(name: str) -> str:
    """:func:`label` as text of a figure. Matplotlib would read what stands between two dollar signs as a formula.

    >>> caption("A$^$")
    'A\\\\$^\\\\$'
    """
    return label(name).replace("$", r"\$")


def heading(name: str) -> str:
    """The name of a model with a capital letter, for titles and the start of a table's row.

    >>> heading("nl_means")
    'Non-local means'
    """
    text = label(name)
    return text[:1].upper() + text[1:]
