"""Collect the results of a study's points into tables: Parquet with one row per point, and Markdown to read.

    python -m n2nf_core.collect runs --profiles cpu gpu --out results
    python -m n2nf_core.collect runs/2026-01-31-30_train_jointly-0123456789 --out somewhere

A folder is a run, or holds runs. Of runs with the same notebook and parameters (of older and newer code) the newest
counts. OUT receives <notebook>.parquet for every notebook, and what is made from the Parquet files alone: tables.md and
the figures of sweeps.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from n2nf_core import plots
from n2nf_core.plots import label
from n2nf_core.profiles import PROFILES

GROUPS = {
    "noise_models": "noise model",
    "denoisers": "denoiser",
    "collapse": "loss",
}  # blocks of a result: name -> scores
SCORES = {  # what the readable tables show: column, heading, digits
    "nll_nats_per_dim": ("NLL (nats/dim)", 3),
    "kl_nats": ("KL (nats)", 4),
    "regret_nats_per_dim": ("regret (nats/dim)", 5),
    "psnr_db": ("PSNR (dB)", 2),
    "ssim": ("SSIM", 3),
    "collapse_step": ("collapsed at step", 0),
    "leak": ("own noise let through", 2),
}
NOTE = (
    "Means over seeds; in brackets least and greatest, where there are several; in parentheses how many have the "
    "number, where not all. Every number is read from the Parquet file named above its table, which also says, point "
    "by point, the command, commit, device, package versions and checksum of the data that it came from."
)


def flatten(content: Mapping, prefix: str = "") -> dict[str, object]:
    """Nested blocks as ``a.b.c`` columns; lists of numbers stay lists, any other list becomes JSON text."""
    row: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            row |= flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list) and not all(isinstance(v, (int, float, type(None))) for v in value):
            row[f"{prefix}{key}"] = json.dumps(value, sort_keys=True)
        else:
            row[f"{prefix}{key}"] = value
    return row


def read_runs(folders: Iterable[Path], profiles: Sequence[str]) -> dict[str, list[dict]]:
    """notebook -> results of these profiles, the newest for each set of parameters, in a fixed order."""
    paths = [path for folder in folders for path in (*folder.glob("result.json"), *folder.glob("*/result.json"))]
    newest: dict[str, dict] = {}
    for content in sorted((json.loads(p.read_text()) for p in paths), key=lambda c: c["provenance"]["time"]):
        if content["provenance"]["profile"] in profiles:
            point = content["point"]
            newest[json.dumps([point["notebook"], point["parameters"]], sort_keys=True)] = content
    found: dict[str, list[dict]] = {}
    for content in newest.values():
        found.setdefault(content["point"]["notebook"], []).append(content)
    # Numbers sort as numbers because every point of a notebook has the same parameters, of the same types.
    return {name: sorted(rows, key=lambda c: list(c["point"]["parameters"].values())) for name, rows in found.items()}


def table(contents: Iterable[Mapping]) -> pd.DataFrame:
    """One row per point: its parameters, its numbers, its provenance, and one checksum over what that says of data."""
    rows = []
    for content in contents:
        data = json.dumps(content["provenance"]["data"], sort_keys=True)
        checksum = {"provenance.data_sha256": hashlib.sha256(data.encode()).hexdigest()}
        rows.append(flatten(content) | checksum)
    return pd.DataFrame(rows)


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write beside its place, then rename."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    frame.to_parquet(partial, index=False)
    os.chmod(partial, 0o644)
    os.replace(partial, path)


def varying(frame: pd.DataFrame) -> list[str]:
    """The parameters, but for the seed, that differ between points."""
    names = [c for c in frame if c.startswith("point.parameters.") and c != "point.parameters.seed"]
    return [c for c in names if frame[c].nunique(dropna=False) > 1]


def _score(values: pd.Series, digits: int) -> str:
    known = values.dropna().astype(float)
    if known.empty:
        return "-"
    spread = f" [{known.min():.{digits}f}, {known.max():.{digits}f}]" if len(known) > 1 else ""
    missing = f" ({len(known)} of {len(values)})" if len(known) < len(values) else ""
    return f"{known.mean():.{digits}f}{spread}{missing}"


def readable(frame: pd.DataFrame, group: str) -> str:
    """The scores of every name in ``group`` (a key of GROUPS) as Markdown, seeds averaged; "" where there are none."""
    columns = [c for c in frame if c.startswith(f"{group}.")]
    names = list(dict.fromkeys(c.split(".")[1] for c in columns))
    scores = {k: v for k, v in SCORES.items() if any(f"{group}.{name}.{k}" in columns for name in names)}
    if not scores:
        return ""
    keys = varying(frame)
    head = [*(k.removeprefix("point.parameters.") for k in keys), GROUPS[group], *(v[0] for v in scores.values())]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for chosen, part in frame.groupby(keys, sort=False, dropna=False) if keys else [((), frame)]:
        for name in names:
            cells = [
                _score(part[f"{group}.{name}.{k}"], digits) if f"{group}.{name}.{k}" in part else ""
                for k, (_, digits) in scores.items()
            ]
            place = [f"{value:g}" if isinstance(value, float) else str(value) or "-" for value in chosen]
            lines.append(f"| {' | '.join([*place, label(name), *cells])} |")
    return "\n".join(lines)


def page(folder: Path) -> str:
    """The Markdown page of a folder of Parquet files."""
    parts = ["# Tables of the study", NOTE]
    for path in sorted(folder.glob("*.parquet")):
        frame = pd.read_parquet(path)
        profiles = ", ".join(sorted(frame["provenance.profile"].unique()))
        seeds = frame["provenance.seed"].nunique()
        parts.append(f"## {path.stem}\n\n`{path.name}`: {len(frame)} points, profile {profiles}, seeds: {seeds}.")
        parts += [text for text in (readable(frame, group) for group in GROUPS) if text]
    return "\n\n".join(parts) + "\n"


def weight_sweep(frame: pd.DataFrame) -> plots.Figure:
    """What lambda does to both losses, from the points of 60_ablate_lambda."""
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


def _block(row: Mapping, prefix: str) -> dict:
    """The columns of a point below ``prefix``, nested again; what other points alone have is left out."""
    block: dict = {}
    for column, value in row.items():
        missing = value is None or (isinstance(value, float) and pd.isna(value))
        if column.startswith(f"{prefix}.") and not missing:
            *path, last = column.removeprefix(f"{prefix}.").split(".")
            inner = block
            for name in path:
                inner = inner.setdefault(name, {})
            inner[last] = value
    return block


def regret_study(frame: pd.DataFrame) -> plots.Figure:
    """What brings a model closer to the truth, from the points of 80_measure_regret.

    Per camera from the points with most cameras; against steps and scenes from those of one camera; against cameras
    the regret on that one. Densities that are not Gaussian, those of a sensor, have a panel of their own.
    """
    points = [
        row | {"blocks": {k: _block(row, k) for k in ("by_camera", "history")}} for row in frame.to_dict("records")
    ]
    sensors = [p for p in points if p["point.parameters.sensor"]]
    plain = [p for p in points if not p["point.parameters.sensor"]] or sensors
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
        "step, density of a sensor": history(sensors),
    }
    cameras = [p["blocks"]["by_camera"] for p in usual if p["cameras"] == most]
    return plots.regret_study(cameras, {name: found for name, found in curves.items() if found})


FIGURES: dict[str, Callable[[pd.DataFrame], plots.Figure]] = {
    "60_ablate_lambda": weight_sweep,
    "80_measure_regret": regret_study,
}


def draw(folder: Path) -> list[Path]:
    """The figures of a folder of Parquet files, as <notebook>.svg; returns their paths."""
    plots.style()
    drawn = []
    for path in sorted(folder.glob("*.parquet")):
        if path.stem in FIGURES:
            drawn.append(path.with_suffix(".svg"))
            FIGURES[path.stem](pd.read_parquet(path)).savefig(drawn[-1], metadata={"Date": None})
    return drawn


def collect(folders: Sequence[Path], profiles: Sequence[str], out: Path) -> list[Path]:
    """Write ``out``/<notebook>.parquet, tables.md and the figures; returns their paths."""
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for notebook, contents in read_runs(folders, profiles).items():
        written.append(out / f"{notebook}.parquet")
        write_parquet(table(contents), written[-1])
    (out / "tables.md").write_text(page(out))
    return [*written, out / "tables.md", *draw(out)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="runs, or folders that hold runs")
    parser.add_argument("--profiles", nargs="+", default=list(PROFILES), choices=list(PROFILES))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for path in collect(options.folders, options.profiles, options.out):
        print(path)


if __name__ == "__main__":
    main()
