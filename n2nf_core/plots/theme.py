"""Colours, markers, sizes and labels of all figures. The colours are seaborn's palette for colour-blind readers.

Figures are as wide as :data:`WIDTH` and have no text below 11 points. So their text has 10 pixels where a phone of 375
pixels shows them over its full width.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter

COLOURS = sns.color_palette("colorblind")
MARKERS = "osD^vPX*"
WIDTH = 5.0  # inches
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


def wrapped(text: str, most: int) -> str:
    """A text in lines of at most so many letters, where it can be broken between words.

    >>> wrapped("Noise Flow, paper's loss", 14)
    "Noise Flow,\\npaper's loss"
    """
    return textwrap.fill(text, most, break_long_words=False, break_on_hyphens=False)


def log_ticks(axis: Axis) -> None:
    """Labels of a logarithmic axis that holds its values already: 1, 2 and 5 where it is short, else powers of ten."""
    low, high = axis.get_view_interval()
    if high < 100 * low:  # here there are few powers of ten, and labels of all minor ticks overlap
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def legend(axis: Axes, **more) -> None:
    """The names of what is drawn, above the axes, where they take no width; the figure grows by their height."""
    names = axis.get_legend_handles_labels()[1]
    columns = 2 if max(map(len, names), default=0) <= 20 else 1
    figure = axis.figure
    figure.set_figheight(figure.get_figheight() + 0.26 * -(-len(names) // columns))
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, fontsize=11, borderaxespad=0.2, **more)
