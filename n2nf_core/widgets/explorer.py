"""The lambda explorer: the sweep of 60_ablate_lambda as linked plots, in a page or in JupyterLab."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import anywidget
import traitlets

from n2nf_core.evaluation.collapse import POINT_OF_NO_RETURN
from n2nf_core.study.tables.columns import unflatten
from n2nf_core.widgets import modules

LOSSES = ("cross_sample", "self_sample")
PICTURES = ("noisy", "pretrained", *LOSSES, "reference")
SETTINGS = ("weight", "loss", "seed", "view")


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _loss(result: Mapping, name: str) -> dict:
    """One loss of one point: scores on held-out frames, the collapse, and the curves of training."""
    history, fallen = result["history"][name], result["collapse"][name]
    curve = {"step": history["step"]}
    curve |= {key: [_short(v) for v in history[column]] for key, column in (("nll", "nll_nats_per_dim"), ("leak",) * 2)}
    step = fallen.get("collapse_step")
    return {
        "nll": result["noise_models"][name]["nll_nats_per_dim"],
        "psnr": result["denoisers"][name]["psnr_db"],
        "leak": fallen["leak"],
        "collapse": None if step is None else int(step),
        "curve": curve,
    }


def point_of(result: Mapping) -> dict:
    """What the page shows of a result of 60_ablate_lambda.

    Errors: ValueError, which names the block that the result lacks.
    """
    try:
        provenance = result["provenance"]
        return {
            "weight": float(result["mse_weight"]),
            "seed": int(provenance["seed"]),
            "profile": provenance["profile"],
            "steps": int(provenance["steps"]["joint"]),
            "floor": result["entropy_floor_nats_per_dim"],
            "variance": result["noise_variance"],
            "critical": result["critical_mse_weight"],
            "photon": result["noise_models"]["photon_transfer"]["nll_nats_per_dim"],
            "pretrained": result["denoisers"]["pretrained"]["psnr_db"],
            "noisy": result["denoisers"]["noisy"]["psnr_db"],
            "losses": {name: _loss(result, name) for name in LOSSES},
        }
    except KeyError as error:
        raise ValueError(f"the result lacks {error}: the explorer shows results of 60_ablate_lambda only") from None


class LambdaExplorer(anywidget.AnyWidget):
    """All points of a sweep over lambda, and one of them in detail: curves, scores, pictures, the collapse.

    It begins with the greatest lambda below the critical one. ``settings`` holds what the reader chose.

    Arguments:
        results: results of 60_ablate_lambda, one per lambda and seed. If a result has no ``pictures``, the page says
            so.
        settings: initial values of weight (lambda), loss, seed and view ("picture" or "removed").

    Errors: ValueError for no results, for results of another notebook, and for unknown settings.
    """

    _esm = modules.joined("explorer.js")
    _css = modules.style("explorer.css")
    points = traitlets.List().tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)
    point_of_no_return = traitlets.Float(POINT_OF_NO_RETURN).tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, results: Iterable[Mapping], **settings):
        unknown = sorted(set(settings) - set(SETTINGS))
        if unknown:
            raise ValueError(f"there is no setting {', '.join(unknown)}: choose from {', '.join(SETTINGS)}")
        points, pictures = [], {}
        for result in results:
            stored = {name: png for name, png in result.get("pictures", {}).items() if name in PICTURES}
            keys = {name: hashlib.sha256(png.encode()).hexdigest()[:12] for name, png in stored.items()}
            pictures |= {keys[name]: png for name, png in stored.items()}  # stored once for all seeds
            points.append(point_of(result) | {"pictures": keys})
        if not points:
            raise ValueError("there are no results to explore: give at least one result of 60_ablate_lambda")
        super().__init__(points=points, pictures=pictures, settings=_start(points) | settings)

    @classmethod
    def from_parquet(cls, path: str | Path, **settings) -> LambdaExplorer:
        """The explorer of a table that ``n2nf_core.study.tables.collect`` wrote, with one row per point."""
        import pandas as pd

        return cls([unflatten(row) for row in pd.read_parquet(path).to_dict("records")], **settings)


def _start(points: list[dict]) -> dict:
    below = [p["weight"] for p in points if p["weight"] < p["critical"]]
    weight = max(below, default=points[0]["weight"])
    seed = min(p["seed"] for p in points if p["weight"] == weight)
    return {"weight": weight, "loss": "self_sample", "seed": seed, "view": "picture"}
