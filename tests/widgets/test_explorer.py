"""The lambda explorer's Python side: what it takes from results, from a table, and what it refuses."""

import json

import pytest

from n2nf_core.study.tables.collect import table
from n2nf_core.widgets.explorer import LambdaExplorer, point_of


def result(weight: float, seed: int = 0, pictures: bool = True, collapse: int | None = None) -> dict:
    """A result as 60_ablate_lambda writes it, as far as it is read here."""
    losses = ("cross_sample", "self_sample")
    curve = {"step": [10, 20], "nll_nats_per_dim": [-2.123456789, -2.5], "leak": [0.1, 0.2], "mse": [1.0, 1.0]}
    content = {
        "point": {"notebook": "60_ablate_lambda", "parameters": {"seed": seed, "mse_weight": weight}},
        "mse_weight": weight,
        "noise_models": {n: {"nll_nats_per_dim": -2.5} for n in ("photon_transfer", *losses)},
        "denoisers": {n: {"psnr_db": 40.0} for n in ("noisy", "pretrained", *losses)},
        "collapse": {n: {"collapse_step": collapse if n == "self_sample" else None, "leak": 0.2} for n in losses},
        "history": {n: curve for n in losses},
        "entropy_floor_nats_per_dim": -2.4,
        "noise_variance": 2.0**-10,
        "critical_mse_weight": 2.0**11,
        "provenance": {"profile": "cpu", "seed": seed, "steps": {"joint": 20}, "data": []},
    }
    if pictures:
        names = ("noisy", "pretrained", *losses, "reference")
        content["pictures"] = {n: f"{n} of seed {seed}" + (f" at {weight}" if "sample" in n else "") for n in names}
    return content


def test_a_table_and_its_results_are_explored_alike(tmp_path):
    results = [result(w, seed, collapse=7 if w == 0 else None) for w in (0.0, 4096.0) for seed in (0, 1)]
    table(results).to_parquet(tmp_path / "sweep.parquet")
    direct, read = LambdaExplorer(results), LambdaExplorer.from_parquet(tmp_path / "sweep.parquet")
    assert json.loads(json.dumps(read.points)) == direct.points and read.pictures == direct.pictures
    assert direct.points[0]["losses"]["self_sample"]["collapse"] == 7
    assert direct.points[2]["losses"]["self_sample"]["collapse"] is None
    assert direct.points[0]["losses"]["cross_sample"]["curve"] == {
        "step": [10, 20],
        "nll": [-2.1235, -2.5],
        "leak": [0.1, 0.2],
    }


def test_a_picture_that_points_share_travels_once():
    explorer = LambdaExplorer([result(w, seed) for w in (0.0, 64.0, 4096.0) for seed in (0, 1)])
    assert len(explorer.pictures) == 2 * 3 + 2 * 6
    first, second = (p["pictures"] for p in explorer.points[:3:2])
    assert first["noisy"] == second["noisy"] and first["self_sample"] != second["self_sample"]


def test_points_without_pictures_are_told_apart():
    explorer = LambdaExplorer([result(0.0, pictures=False), result(64.0)])
    assert explorer.points[0]["pictures"] == {} and set(explorer.points[1]["pictures"]) > {"noisy", "reference"}


def test_it_begins_below_the_critical_weight_or_where_it_is_told():
    results = [result(w, seed) for w in (0.0, 1024.0, 4096.0) for seed in (2, 1)]
    assert LambdaExplorer(results).settings == {"weight": 1024.0, "loss": "self_sample", "seed": 1, "view": "picture"}
    assert LambdaExplorer(results, weight=0.0, loss="cross_sample").settings["weight"] == 0.0


def test_what_cannot_be_explored_is_refused():
    with pytest.raises(ValueError, match="no results"):
        LambdaExplorer([])
    with pytest.raises(ValueError, match="no setting lambda: choose from weight, loss"):
        LambdaExplorer([result(0.0)], **{"lambda": 3})
    other = result(0.0)
    del other["critical_mse_weight"]
    with pytest.raises(ValueError, match="'critical_mse_weight'.*60_ablate_lambda"):
        point_of(other)
