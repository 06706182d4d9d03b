"""The paper's tables with our values in the same rows, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from n2nf_core.study.tables.columns import markdown_row
from n2nf_core.study.tables.paper_tables import TABLES
from n2nf_core.study.tables.readings import Tables

HEADS = {"nll_nats_per_dim": ("NLL", 3), "kl_nats": ("KL", 4), "psnr_db": ("PSNR", 2), "ssim": ("SSIM", 3)}
PAPER = "paper"
NOISE_ROWS = {
    "AWGN": "awgn",
    "Camera NLF": "camera_nlf",
    "Calibrated P-G": "calibrated_pg",
    "N2N+NF": "n2n_nf",
    "Noise Flow": "supervised",
    "Noise2NoiseFlow": "noise2noiseflow",
}
DENOISER_ROWS = {
    "Noise2Noise+DnCNN": "d_noise2noise",
    "DnCNN-supervised": "d_supervised",
    "DnCNN - NF synthesized": "d_synthesized",
    "Noise2NoiseFlow": "d_noise2noiseflow",
}
ABLATION_ROWS = {
    "DnCNN + Noise Flow": "dncnn_noise_flow",
    "U-Net + Noise Flow": "unet_noise_flow",
    "DnCNN + NLF": "dncnn_nlf_flow",
    "U-Net + NLF": "unet_nlf_flow",
}
R2R_ROWS = {"Noise Flow": "supervised", "Noise2NoiseFlow": "noise2noise_flow", "R2RFlow": "r2r"}
SENSORS = {"phones": {"physical": False}, "dark sensors": {"physical": True}}
ROWS = {
    "Table 1": ("40", NOISE_ROWS, SENSORS),
    "Table 3": ("41", DENOISER_ROWS, SENSORS),
    "Table 4": ("61", ABLATION_ROWS, {"here": {}}),
    "Table 5": ("62", R2R_ROWS, {"here": {}}),
}
"""Table of the paper -> our notebook, row of the paper -> our model, column of ours -> parameters of its points."""


def number(value: float | None, digits: int) -> str:
    """A value with a true minus sign; "-" where there is none.

    >>> number(-3.5, 2), number(None, 2)
    ('−3.50', '-')
    """
    missing = value is None or pd.isna(value)
    return "-" if missing else f"{value:.{digits}f}".replace("-", "−")


def rows_beside(table: str, ours: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A table of the paper with columns of ours before the paper's, score by score, as Markdown.

    Arguments:
        table: a key of :data:`~n2nf_core.study.tables.paper_tables.TABLES`.
        ours: title of a column -> row of the paper -> score -> value.
    """
    rows = TABLES[table]
    scores = [score for score in HEADS if any(score in row for row in rows.values())]
    head = [f"{HEADS[score][0]}, {title}" for score in scores for title in (*ours, PAPER)]
    lines = [markdown_row(["model", *head]), "|---" * (1 + len(head)) + "|"]
    for name, row in rows.items():
        cells = []
        for score in scores:
            values = [column.get(name, {}).get(score) for column in ours.values()]
            cells += [number(value, HEADS[score][1]) for value in (*values, row.get(score))]
        lines.append(markdown_row([name, *cells]))
    return "\n".join(lines)


def beside(tables: Tables, table: str) -> str:
    """Table 1, 3, 4 or 5 of the paper beside the means over seeds of our tables."""
    notebook, names, columns = ROWS[table]
    ours = {}
    for title, where in columns.items():
        frame = tables.frame(notebook, **where)
        ours[title] = {
            row: {s: frame[c].mean() for s in HEADS for c in _columns(name, s) if c in frame}
            for row, name in names.items()
        }
    return rows_beside(table, ours)


def _columns(name: str, score: str) -> tuple[str, str]:
    return f"noise_models.{name}.{score}", f"denoisers.{name}.{score}"


def cameras_beside(tables: Tables, cameras: tuple[str, ...] = ("IP", "S6", "GP")) -> str:
    """Table 2 of the paper, KL per camera, beside the means over settings and seeds of our simulated phones."""
    frame = tables.frame("40", physical=False)
    head = [f"{camera}, {who}" for camera in cameras for who in ("here", PAPER)]
    lines = [markdown_row(["model", *head]), "|---" * (1 + len(head)) + "|"]
    for row, published in TABLES["Table 2"].items():
        cells = []
        for camera in cameras:
            start, end = f"noise_models_by_setting.{camera} ", f".{NOISE_ROWS[row]}.kl_nats"
            found = frame[[c for c in frame if c.startswith(start) and c.endswith(end)]].stack()
            cells += [number(found.mean() if len(found) else None, 4), number(published.get(f"kl_nats_{camera}"), 4)]
        lines.append(markdown_row([row, *cells]))
    return "\n".join(lines)
