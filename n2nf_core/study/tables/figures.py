"""The figure of every sweep, made from its table with one row per point, as :mod:`.collect` writes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from n2nf_core import plots
from n2nf_core.study.tables import page_figures
from n2nf_core.study.tables.columns import unflatten

TEXTURED = "point.parameters.textured"
"""Column of the parameter that chooses scenes full of texture; points of older code lack it."""


def weight_sweep(frame: pd.DataFrame) -> plots.Figure:
    """NLL of real noise (above) and PSNR (below) of both losses against the weight lambda, on smooth scenes that were
    held out. A mark is one run, and a cross is one that collapsed; lines run through the means. The dotted line is the
    critical weight that pairs give before any training."""
    frame = frame[~frame.get(TEXTURED, pd.Series(False, frame.index)).eq(True)]
    nll, psnr = "noise_models.%s.nll_nats_per_dim", "denoisers.%s.psnr_db"

    def loss(row: Mapping, name: str) -> dict:
        step = row.get(f"collapse.{name}.collapse_step")
        return {
            "nll_excess": row[nll % name] - row[nll % "photon_transfer"],
            "psnr_gain": row[psnr % name] - row[psnr % "pretrained"],
            "collapse_step": None if step is None or pd.isna(step) else step,
        }

    names = ("cross_sample", "self_sample")
    points = [{"mse_weight": r["mse_weight"]} | {n: loss(r, n) for n in names} for r in frame.to_dict("records")]
    return plots.weight_sweep(points, float(frame["critical_mse_weight"].mean()))


def recovery(frame: pd.DataFrame) -> plots.Figure:
    """Shot and read noise divided by their true values while denoiser and noise model train together, one line per run.
    Dotted, at 1, is the truth; grey is photon transfer on the same pairs. The panels show the range in which the curves
    end; where they begin may lie outside of it."""
    names = list(dict.fromkeys(c.split(".")[1] for c in frame if c.startswith("history.")))
    points = [
        {
            "camera": row["point.parameters.camera"],
            "photon_transfer": {k: row[f"recovery.photon_transfer.{k}_ratio"] for k in ("shot", "read")},
            "curves": {n: {k: row[f"history.{n}.{k}"] for k in ("step", "shot", "read")} for n in names},
        }
        for row in frame.to_dict("records")
    ]
    return plots.recovery(points)


def regret_study(frame: pd.DataFrame) -> plots.Figure:
    """Regret on held-out patches, one mark per run: for every camera, with 95 % intervals, then against training steps,
    scenes and the number of cameras that share a model, on textured scenes, and on the density of a sensor. Dotted,
    0.01 nats per dimension.

    Regret per camera is taken from the points with most cameras. The curves against steps and scenes are taken from
    points with one camera. The curve against the number of cameras shows the regret on that camera. Physical sensors,
    whose noise is not Gaussian, have a panel of their own.
    """
    points = [row | {"blocks": unflatten(row)} for row in frame.to_dict("records")]
    sensors = [p for p in points if p["point.parameters.sensor"]]
    textured = [p for p in points if p.get(TEXTURED) is True]
    plain = [p for p in points if not (p["point.parameters.sensor"] or p.get(TEXTURED) is True)] or sensors
    usual = [p for p in plain if not int(p["point.parameters.scenes"])] or plain
    most, alone = max(p["cameras"] for p in usual), [p for p in plain if p["cameras"] == 1]
    only = next(iter((alone or plain)[0]["blocks"]["by_camera"]))

    def along(some: Sequence[Mapping], x: str) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for p in some:
            for name, row in p["blocks"]["by_camera"].get(only, {}).items():
                found.setdefault(name, []).append((p[x], row["regret_nats_per_dim"]))
        return found

    def history(some: Sequence[Mapping]) -> dict[str, list[tuple[float, float]]]:
        found: dict[str, list[tuple[float, float]]] = {}
        for p in some:
            for name, curve in p["blocks"]["history"].items():
                found.setdefault(name, []).extend(zip(curve["step"], curve["regret_nats_per_dim"], strict=True))
        return found

    curves = {
        f"step, {only}": history([p for p in usual if p["cameras"] == 1]),
        f"scenes of {only}": along(alone, "scenes"),
        f"cameras that share the model; regret on {only}": along(usual, "cameras"),
        f"step, textured scenes of {only}": history(textured),
        "step, density of a sensor": history(sensors),
    }
    cameras = [p["blocks"]["by_camera"] for p in usual if p["cameras"] == most]
    return plots.regret_study(cameras, {name: found for name, found in curves.items() if found})


FIGURES: dict[str, Callable[[pd.DataFrame], plots.Figure]] = {
    "00_start_here": page_figures.start,
    "10_pair_noisy_images": page_figures.pairs,
    "20_compare_noise_models": page_figures.comparison,
    "30_train_jointly": page_figures.noise_terms,
    "40_evaluate_noise_model": page_figures.noise_models,
    "41_evaluate_denoiser": page_figures.denoisers,
    "50_recover_nlf_parameters": recovery,
    "60_ablate_lambda": weight_sweep,
    "61_ablate_architecture": page_figures.architecture,
    "62_train_from_single_images": page_figures.single_images,
    "70_inspect_failures": page_figures.failures,
    "80_measure_regret": regret_study,
    "90_model_your_camera": page_figures.own_cameras,
}
"""Notebook -> the function that plots its figure."""
