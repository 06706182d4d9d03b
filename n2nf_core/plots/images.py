"""Images side by side, and images as text that fits into a result."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from n2nf_core.plots.theme import WIDTH, caption, wrapped


def _show(axis, image, title: str, low: float, high: float, cmap: str = "gray"):
    axis.set_title(title, fontsize=11)
    axis.set_xticks([])
    axis.set_yticks([])
    sns.despine(ax=axis, left=True, bottom=True)
    return axis.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


MOST = 3  # images that a row has room for


def panels(
    images: Mapping[str, np.ndarray], *, unit: str, signed: bool = False, limit: float | None = None, columns: int = 3
) -> Figure:
    """Images side by side on one scale, with a colour bar.

    Arguments:
        images: title -> image (h, w).
        unit: label of the colour bar.
        signed: use a diverging scale about 0, for noise.
        limit: upper end of the scale; None: the 99.5th percentile of the absolute values.
        columns: largest number of images in a row. A row of more than :data:`MOST` is broken in its middle.
    """
    arrays = [np.asarray(image) for image in images.values()]
    high = limit or float(np.percentile(np.abs(np.stack([a.ravel() for a in arrays])), 99.5))
    low, cmap = (-high, "RdBu_r") if signed else (min(0.0, float(np.percentile(arrays[0], 0.5))), "gray")
    rows = -(-len(arrays) // (columns if columns <= MOST else -(-columns // 2)))
    columns = -(-len(arrays) // rows)
    side = min(WIDTH / columns, 3.2)
    titles = [wrapped(caption(title), int(side * 72 / 6.2)) for title in images]
    lines = 1 + max(title.count("\n") for title in titles)
    height = side * arrays[0].shape[0] / arrays[0].shape[1] + 0.22 * lines + 0.1
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, height * rows + 0.7), squeeze=False)
    for axis in axes.flat[len(arrays) :]:
        axis.axis("off")
    for axis, title, array in zip(axes.flat, titles, arrays, strict=False):
        drawn = _show(axis, array, title, low, high, cmap)
    bar = figure.colorbar(drawn, ax=axes, label=unit, location="bottom", shrink=0.7, aspect=30, pad=0.02)
    bar.ax.locator_params(nbins=5)
    return figure


def worst_patches(rows: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray, float]]]) -> Figure:
    """For each model a row of real noise with the KL above it, and a row of samples below.

    Arguments:
        rows: name of the model -> triples (real noise (h, w), sample (h, w), KL in nats). The scale of a pair is
            symmetric about 0 and ends at 3 standard deviations of the real noise.
    """
    columns = max(map(len, rows.values()))
    figure, axes = plt.subplots(2 * len(rows), columns, figsize=(WIDTH, 2.5 * len(rows)), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for real_row, sample_row, (name, triples) in zip(axes[::2], axes[1::2], rows.items(), strict=True):
        for above, below, (real, sample, kl) in zip(real_row, sample_row, triples, strict=False):
            limit = 3 * float(np.asarray(real).std())
            for axis, image in ((above, real), (below, sample)):
                axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            above.set_title(f"\nKL {kl:.3f}", fontsize=11, loc="left")  # the line above is for the name
        text = real_row[0].text(0, 1.34, caption(name), transform=real_row[0].transAxes, fontsize=11, weight="bold")
        text.set_in_layout(False)  # it runs over its neighbours' empty lines
    return figure


def thumbnail(image: np.ndarray, low: float, high: float) -> str:
    """An image as a grey PNG of 8 bits in base64, which is text and small enough for a result.

    Arguments:
        image: (h, w), any unit.
        low: value that is shown black.
        high: value that is shown white.

    >>> base64.b64decode(thumbnail(np.eye(3), 0, 1))[1:4]
    b'PNG'
    """
    from PIL import Image

    grey = np.clip((np.asarray(image, np.float64) - low) / (high - low), 0, 1)
    file = io.BytesIO()
    Image.fromarray((255 * grey).round().astype(np.uint8)).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
