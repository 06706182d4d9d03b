"""Images side by side, and images as text that fits into a result."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from n2nf_core.plots.theme import caption


def _show(axis, image, title: str, low: float, high: float, cmap: str = "gray"):
    axis.set_title(title, fontsize=11)
    axis.set_xticks([])
    axis.set_yticks([])
    sns.despine(ax=axis, left=True, bottom=True)
    return axis.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest")


def panels(
    images: Mapping[str, np.ndarray], *, unit: str, signed: bool = False, limit: float | None = None, columns: int = 4
) -> Figure:
    """Images side by side on one scale, with a colour bar.

    Arguments:
        images: title -> image (h, w).
        unit: label of the colour bar.
        signed: use a diverging scale about 0, for noise.
        limit: upper end of the scale; None: the 99.5th percentile of the absolute values.
        columns: largest number of images in a row.
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
        drawn = _show(axis, array, caption(title), low, high, cmap)
    figure.colorbar(drawn, ax=axes, label=unit, shrink=0.85, pad=0.02)
    return figure


def worst_patches(rows: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray, float]]]) -> Figure:
    """One row per model of pairs (real noise, sample), with the KL of each pair above it.

    Arguments:
        rows: name of the model -> triples (real noise (h, w), sample (h, w), KL in nats). The scale of a pair is
            symmetric about 0 and ends at 3 standard deviations of the real noise.
    """
    columns = max(map(len, rows.values()))
    figure, axes = plt.subplots(
        len(rows), 2 * columns, figsize=(1.25 * 2 * columns + 1.2, 1.5 * len(rows)), squeeze=False
    )
    for line, (name, couples) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.axis("off")
        for k, (real, sample, kl) in enumerate(couples):
            limit = 3 * float(np.asarray(real).std())
            for axis, image in zip(line[2 * k :], (real, sample), strict=False):
                axis.imshow(image, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
            line[2 * k].set_title(f"KL {kl:.3f}", fontsize=9, loc="left")
        line[0].text(-0.1, 0.5, caption(name), transform=line[0].transAxes, ha="right", va="center", fontsize=10)
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
