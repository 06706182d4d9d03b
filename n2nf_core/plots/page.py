"""A measurement of cameras as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from n2nf_core.plots.noise import photon_transfer, skewness

STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "pre{min-width:72em;white-space:pre-wrap;font-size:13px}img{max-width:100%}"
)


def measurement_page(text: str, curves: Mapping[str, Mapping[str, tuple]]) -> str:
    """The HTML of a page with tables and, for each camera and ISO, photon transfer and skewness against signal.

    text: tables for reading. curves: title -> group of planes -> ThirdCumulant, in DN.
    """
    parts = [f"<h1>Camera noise</h1><pre>{html.escape(text)}</pre>"]
    for title, found in curves.items():
        lines = {name: curve.variance_line for name, curve in found.items()}
        figures = photon_transfer(lines, unit="DN"), skewness(found, unit="DN")
        captions = (
            "Variance over time against signal: groups of blocks, and the line whose slope is the gain.",
            "Skewness of the noise: groups of blocks with standard errors, and the line of the third cumulant.",
        )
        parts.append(f"<h2>{html.escape(title)}</h2>")
        parts += [_image(figure, caption) for figure, caption in zip(figures, captions, strict=True)]
    head = f'<meta charset="utf-8"><title>Camera noise</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _image(figure: Figure, caption: str) -> str:
    """A figure as PNG within the page; it is closed."""
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=110, bbox_inches="tight")
    plt.close(figure)
    data = base64.b64encode(held.getvalue()).decode()
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )
