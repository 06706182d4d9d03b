"""Collect the results of a study's points into tables: Parquet files with one row per point, and Markdown to read.

If runs have the same notebook and parameters, because the code has changed between them, the newest is used. The folder
of tables receives <notebook>.parquet for every notebook. The page tables.md and the figures of sweeps are made from the
Parquet files alone. The file SHA256SUMS lists all of them (:mod:`n2nf_core.study.tables.file_set`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from n2nf_core import plots
from n2nf_core.files import durable_replace, lock_of, locked
from n2nf_core.plots import label
from n2nf_core.study.points import read_result
from n2nf_core.study.tables import paper_claims
from n2nf_core.study.tables.columns import flatten, markdown_row, parameter_name, parameter_text
from n2nf_core.study.tables.figures import FIGURES
from n2nf_core.study.tables.file_set import SUMS, replace_together
from n2nf_core.study.tables.readings import over_seeds, rows

GROUPS = {
    "noise_models": "noise model",
    "denoisers": "denoiser",
    "collapse": "loss",
    "failures": "noise model",
    "recovery": "estimate",
}  # blocks of a result: name -> scores
SCORES = {  # what the readable tables show: column, heading, digits
    "nll_nats_per_dim": ("NLL (nats/dim)", 3),
    "kl_nats": ("KL (nats)", 4),
    "regret_nats_per_dim": ("regret (nats/dim)", 5),
    "psnr_db": ("PSNR (dB)", 2),
    "ssim": ("SSIM", 3),
    "collapse_step": ("collapsed at step", 0),
    "leak": ("own noise let through", 2),
    "excess_kl_nats": ("KL above floor, worst 5 % (nats)", 4),
    "by_chance_nats": ("the same by chance (nats)", 4),
    "width_nats": ("of it wrong width (nats)", 4),
    "shot_ratio": ("shot / truth", 4),
    "read_ratio": ("read / truth", 3),
}
REFERENCES = {
    "60_ablate_lambda": "cross_sample",
    "61_ablate_architecture": "dncnn_noise_flow",
    "62_train_from_single_images": "noise2noise_flow",
    "80_measure_regret": "noise_flow_oracle",
}  # for notebooks that write no differences: the model with which the other models of a point are compared
NOTE = (
    "Means over seeds. Brackets hold the least and the greatest value; for a single seed they hold the 95 % interval "
    "over the held-out data. Parentheses say how many points have the number, where not all of them do. Every number "
    "is read from the Parquet file named above its table. For every point, that file also states the command, commit, "
    "device, package versions and checksum of the data."
)


def read_runs(folders: Iterable[Path], profiles: Sequence[str]) -> dict[str, list[dict]]:
    """notebook -> results of the given profiles, the newest for each set of parameters, sorted by parameters.

    Arguments:
        folders: folders of runs, or of one run.
        profiles: names of profiles.

    Errors: ValueError, which names the file, for a damaged result.
    """
    paths = [path for folder in folders for path in (*folder.glob("result.json"), *folder.glob("*/result.json"))]
    newest: dict[str, dict] = {}
    for content in sorted(map(read_result, paths), key=lambda c: c["provenance"]["time"]):
        if content["provenance"]["profile"] in profiles:
            point = content["point"]
            newest[json.dumps([point["notebook"], point["parameters"]], sort_keys=True)] = content
    found: dict[str, list[dict]] = {}
    for content in newest.values():
        found.setdefault(content["point"]["notebook"], []).append(content)
    # All points of a notebook have the same parameters, of the same types, so their values can be sorted.
    return {name: sorted(rows, key=lambda c: list(c["point"]["parameters"].values())) for name, rows in found.items()}


def table(contents: Iterable[Mapping]) -> pd.DataFrame:
    """One row per point: its parameters, numbers and provenance, and one checksum over the provenance of its data."""
    rows = []
    for content in contents:
        data = json.dumps(content["provenance"]["data"], sort_keys=True)
        checksum = {"provenance.data_sha256": hashlib.sha256(data.encode()).hexdigest()}
        rows.append(flatten(content) | checksum)
    return pd.DataFrame(rows)


def varying(frame: pd.DataFrame) -> list[str]:
    """The columns of parameters that differ between points, except the seed."""
    names = [c for c in frame if c.startswith("point.parameters.") and c != "point.parameters.seed"]
    return [c for c in names if frame[c].nunique(dropna=False) > 1]


def _score(part: pd.DataFrame, column: str, digits: int) -> str:
    values = part[column]
    known = values.dropna().astype(float)
    if known.empty:
        return "-"
    interval = part.loc[known.index[0]].get(f"{column}_interval")
    ends = (known.min(), known.max()) if len(known) > 1 else interval
    spread = f" [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]" if ends is not None else ""
    missing = f" ({len(known)} of {len(values)})" if len(known) < len(values) else ""
    return f"{known.mean():.{digits}f}{spread}{missing}"


def readable(frame: pd.DataFrame, group: str) -> str:
    """The scores of all names in a group as a Markdown table, averaged over seeds; "" if there are none.

    Arguments:
        frame: one row per point, as :func:`table` makes it.
        group: a key of :data:`GROUPS`.
    """
    columns = [c for c in frame if c.startswith(f"{group}.")]
    names = list(dict.fromkeys(c.split(".")[1] for c in columns))
    scores = {k: v for k, v in SCORES.items() if any(f"{group}.{name}.{k}" in columns for name in names)}
    if not scores:
        return ""
    keys = varying(frame)
    head = [*map(parameter_name, keys), GROUPS[group], *(v[0] for v in scores.values())]
    lines = [markdown_row(head), "|" + "---|" * len(head)]
    for chosen, part in frame.groupby(keys, sort=False, dropna=False) if keys else [((), frame)]:
        for name in names:
            cells = [
                _score(part, f"{group}.{name}.{k}", digits) if f"{group}.{name}.{k}" in part else "-"
                for k, (_, digits) in scores.items()
            ]
            place = [*map(parameter_text, chosen)]
            lines.append(markdown_row([*place, label(name), *cells]))
    return "\n".join(lines)


def against(frame: pd.DataFrame, reference: str) -> pd.DataFrame:
    """``frame`` with the differences between the scores of all models and those of ``reference``, within each point.

    For noise models the score is the regret where it is known, else the NLL. The difference of the two is the same. For
    denoisers the score is the PSNR.

    Arguments:
        frame: one row per point, as :func:`table` makes it.
        reference: name of the model to compare with.
    """
    columns = {}
    for group, scores in (("noise_models", ("regret_nats_per_dim", "nll_nats_per_dim")), ("denoisers", ("psnr_db",))):
        score = next((score for score in scores if f"{group}.{reference}.{score}" in frame), None)
        for column in [c for c in frame if score and c.startswith(f"{group}.") and c.endswith(f".{score}")]:
            name = column.split(".")[1]
            if name not in (reference, "noisy"):
                text = f"{label(name)} against {label(reference)}"
                columns[f"differences.{text}.{score}"] = frame[column] - frame[f"{group}.{reference}.{score}"]
    return frame.assign(**columns)


def differences(frame: pd.DataFrame, notebook: str) -> str:
    """The paired differences of a notebook's points as Markdown, with Student's 95 % interval of the mean over seeds.

    They are the differences that the notebook wrote, or those from its model in :data:`REFERENCES`. An interval needs
    at least two seeds. The reading is "better" or "worse", or "undecided" where the interval contains 0.

    Arguments:
        frame: one row per point, as :func:`table` makes it.
        notebook: name of the notebook.

    Returns "" if there are no differences.
    """
    if notebook in REFERENCES:
        frame = against(frame, REFERENCES[notebook])
    names = [c for c in frame if c.startswith("differences.") and c.split(".")[2] in SCORES]
    if not names:
        return ""
    keys = varying(frame)
    head = [*map(parameter_name, keys), "difference", "of", "mean [95 % interval over seeds]", "reading"]
    lines = [markdown_row(head), "|" + "---|" * len(head)]
    for chosen, part in frame.groupby(keys, sort=False, dropna=False) if keys else [((), frame)]:
        for name in names:
            _, text, score = name.split(".")
            values = part[name].dropna().astype(float)
            if len(values):
                place = [*map(parameter_text, chosen)]
                unit, digits = SCORES[score]
                lines.append(markdown_row([*place, text, unit, *_over_seeds(values, score, digits + 1)]))
    return "\n".join(lines)


def _over_seeds(values: pd.Series, score: str, digits: int) -> tuple[str, str]:
    """The mean with its interval, and its reading."""
    gap = over_seeds(values, score)
    if gap.seeds < 2:
        return f"{gap.mean:+.{digits}f}", "one seed"
    return f"{gap.mean:+.{digits}f} [{gap.low:+.{digits}f}, {gap.high:+.{digits}f}]", gap.word


def page(folder: Path) -> str:
    """The Markdown page of a folder of Parquet files."""
    parts = ["# Tables of the study", NOTE]
    for path in sorted(folder.glob("*.parquet")):
        frame = pd.read_parquet(path)
        profiles = ", ".join(sorted(frame["provenance.profile"].unique()))
        seeds = frame["provenance.seed"].nunique()
        parts.append(f"## {path.stem}\n\n`{path.name}`: {len(frame)} points, profile {profiles}, seeds: {seeds}.")
        tables = *(readable(frame, group) for group in GROUPS), differences(frame, path.stem)
        parts += [text for text in tables if text]
    return "\n\n".join(parts) + "\n"


def plot_figures(folder: Path, runs: Path) -> list[Path]:
    """Plot the figures of a folder of Parquet files as <notebook>.svg; returns their paths.

    folder: holds <notebook>.parquet. runs: holds single runs, <notebook>-<name>.json, which a figure shows behind them.
    """
    plots.style()
    written = []
    for path in sorted(folder.glob("*.parquet")):
        if path.stem in FIGURES:
            written.append(path.with_suffix(".svg"))
            with durable_replace(written[-1]) as new:
                points = pd.concat([rows(path), *map(rows, sorted(runs.glob(f"{path.stem}-*.json")))])
                FIGURES[path.stem](points).savefig(new, format="svg", metadata={"Date": None})
    return written


def collect(folders: Sequence[Path], profiles: Sequence[str], out: Path) -> list[Path]:
    """Write <notebook>.parquet for every notebook, tables.md, claims.md, the figures, and SHA256SUMS.

    All of them are made before the first takes its place, so an error leaves the former ones. Tables of other notebooks
    that ``out`` holds stay. A second call with the same ``out`` waits for the first.

    Arguments:
        folders: folders of runs, or of one run.
        profiles: names of the profiles whose results are used.
        out: the folder to write to.

    Returns the paths written. Errors: ValueError for a damaged result, OSError where ``out`` cannot be written.
    """
    runs = read_runs(folders, profiles)
    with locked(lock_of(out), f"another process collects into {out}; waiting for it"):
        with replace_together(out, kept="*.parquet") as stage:
            for notebook, contents in runs.items():
                table(contents).to_parquet(stage / f"{notebook}.parquet", index=False)
            (stage / "tables.md").write_text(page(stage))
            (stage / "claims.md").write_text(paper_claims.page(stage))
            names = [*(f"{notebook}.parquet" for notebook in runs), "tables.md", "claims.md"]
            names += [path.name for path in plot_figures(stage, out)]
    return [out / name for name in (*names, SUMS)]
