"""Tables are made from results alone: one row per point, the newest of each, and pages that follow the Parquet."""

import json
from pathlib import Path

import pandas as pd
import pytest

from n2nf_core.study.tables import collect, figures, file_set

ROOT = Path(__file__).parents[3]
COMMITTED = sorted((ROOT / "results").glob("*.parquet"))


def result(runs, name, *, weight=1.0, seed=0, nll=-2.5, time="2030-01-01", profile="cpu", step=None):
    """A run's folder as the runner leaves it."""
    scores = {"nll_nats_per_dim": nll, "nll_nats_per_dim_interval": [nll - 0.1, nll + 0.1]}
    losses = {name: {"collapse_step": step, "leak": 0.1} for name in ("cross_sample", "self_sample")}
    content = {
        "point": {"notebook": "60_ablate_lambda", "parameters": {"seed": seed, "mse_weight": weight}, "digest": name},
        "noise_models": dict.fromkeys(losses, scores) | {"photon_transfer": {"nll_nats_per_dim": -2.75}},
        "denoisers": {loss: {"psnr_db": 40.0 + seed} for loss in losses} | {"pretrained": {"psnr_db": 39.0}},
        "collapse": losses,
        "mse_weight": weight,
        "critical_mse_weight": 2000.0,
        "provenance": {"profile": profile, "seed": seed, "time": time, "commit": "c", "data": [{"sha256": "d"}]},
    }
    path = runs / f"2030-01-01-{name}" / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "runs"
    result(folder, "a", weight=16.0, seed=1, nll=-2.0, step=40, time="2028-01-01")
    result(folder, "b", weight=16.0, seed=0, nll=-3.0)
    result(folder, "c", weight=2.0)
    result(folder, "d", weight=2.0, nll=-9.0, time="2029-01-01")
    result(folder, "e", weight=4.0, profile="smoke")
    result(folder, "f", weight=1.0, nll=-9.0, time="2029-01-01")
    result(folder, "g", weight=1.0)
    return folder


def test_one_row_per_point_of_the_wanted_profiles_and_the_newest_counts(runs, tmp_path):
    collect.collect([runs], ["cpu", "gpu"], tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out/60_ablate_lambda.parquet")
    assert list(frame["point.digest"]) == ["g", "c", "b", "a"], "by seed, then lambda as a number"
    row = frame.iloc[3]
    assert row["point.parameters.mse_weight"] == 16.0 and row["provenance.commit"] == "c"
    assert list(row["noise_models.self_sample.nll_nats_per_dim_interval"]) == [-2.1, -1.9]
    assert json.loads(row["provenance.data"]) == [{"sha256": "d"}] and len(row["provenance.data_sha256"]) == 64


def test_a_run_can_be_named_itself(runs, tmp_path):
    collect.collect([runs / "2030-01-01-b"], ["cpu"], tmp_path / "out")
    assert list(pd.read_parquet(tmp_path / "out/60_ablate_lambda.parquet")["point.digest"]) == ["b"]


def test_the_page_averages_over_seeds_and_says_what_is_missing(runs, tmp_path):
    collect.collect([runs], ["cpu"], tmp_path / "out")
    page = (tmp_path / "out/tables.md").read_text()
    assert "| λ | noise model | NLL (nats/dim) |" in page
    assert "| 16 | self-sample | -2.500 [-3.000, -2.000] |" in page
    assert "| 2 | self-sample | -2.500 [-2.600, -2.400] |" in page, "of one seed, its own interval"
    assert "| 16 | cross-sample | 40.50 [40.00, 41.00] |" in page
    assert "| 16 | self-sample | 40 (1 of 2) | 0.10 [0.10, 0.10] |" in page and "| 2 | self-sample | - | 0.10 |" in page
    assert "4 points, profile cpu, seeds: 2." in page


def test_the_figure_follows_the_numbers(runs, tmp_path):
    collect.collect([runs], ["cpu"], tmp_path / "out")
    frame = pd.read_parquet(tmp_path / "out/60_ablate_lambda.parquet")
    left, right = figures.weight_sweep(frame).axes
    means = {line.get_label(): list(line.get_ydata()) for line in left.lines}
    assert means["cross-sample"] == pytest.approx([0.25] * 3), "above photon transfer"
    gains = {line.get_label(): list(line.get_ydata()) for line in right.lines}
    assert gains["self-sample"] == pytest.approx([1.0, 1.0, 1.5]), "above the start, seeds averaged"
    marks = [line.get_marker() for line in right.lines]
    assert marks.count("X") == 2, "the point that collapsed, once for each loss"
    first = (tmp_path / "out/60_ablate_lambda.svg").read_text()
    collect.plot_figures(tmp_path / "out", tmp_path / "out")
    assert (tmp_path / "out/60_ablate_lambda.svg").read_text() == first


@pytest.mark.skipif(not COMMITTED, reason="no sweep is committed yet")
def test_committed_tables_and_figures_are_read_not_retyped(tmp_path):
    assert (ROOT / "results/tables.md").read_text() == collect.page(ROOT / "results")


@pytest.mark.parametrize("path", COMMITTED, ids=lambda p: p.stem)
def test_committed_points_say_what_made_them(path):
    frame = pd.read_parquet(path)
    assert set(frame["provenance.profile"]) <= {"cpu", "gpu"}
    assert frame["provenance.command"].str.contains(f" notebooks/{path.stem}.md ").all()
    assert (frame["provenance.commit"].str.len() == 40).all(), "made from a working tree with changes"
    assert frame["provenance.data_sha256"].notna().all() and frame["provenance.packages.torch"].notna().all()
    assert path.stem not in collect.FIGURES or path.with_suffix(".svg").is_file()


def test_a_difference_has_an_interval_over_seeds_and_says_when_it_holds_nothing():
    frame = pd.DataFrame(
        {
            "point.parameters.seed": [0, 1, 2],
            "differences.a against b.psnr_db": [1.0, 1.1, 1.2],
            "differences.a against b.psnr_db_interval": [[0, 1]] * 3,
            "differences.c against d.psnr_db": [-1.0, 0.1, 1.2],
        }
    )
    rows = collect.differences(frame, "any").splitlines()
    # Student's t with two degrees of freedom is 4.303 at 97.5 %; the deviation is .1, so half the interval is .248
    assert rows[2] == "| a against b | PSNR (dB) | +1.100 [+0.852, +1.348] | better |"
    assert rows[3].endswith("| undecided |") and len(rows) == 4
    assert collect.differences(frame.drop(columns=[c for c in frame if "differences" in c]), "any") == ""
    assert "one seed" in collect.differences(frame.head(1), "any")


def test_models_of_a_point_are_compared_with_its_reference_by_regret_or_nll_and_psnr():
    frame = pd.DataFrame(
        {
            "noise_models.a.nll_nats_per_dim": [1.0, 2.0],
            "noise_models.b.nll_nats_per_dim": [1.5, 2.7],
            "noise_models.b.nll_nats_per_dim_interval": [[1, 2], [2, 3]],
            "denoisers.noisy.psnr_db": [20.0, 21.0],
            "denoisers.a.psnr_db": [30.0, 31.0],
            "denoisers.c.psnr_db": [29.0, 33.0],
        }
    )
    found = collect.against(frame, "a").filter(like="differences.").round(9)
    assert found.to_dict("list") == {
        "differences.b against a.nll_nats_per_dim": [0.5, 0.7],
        "differences.c against a.psnr_db": [-1.0, 2.0],
    }
    known = frame.assign(**{"noise_models.a.regret_nats_per_dim": 0.25, "noise_models.b.regret_nats_per_dim": [0.5, 1]})
    found = collect.against(known, "a").filter(like="differences.b")
    assert found.to_dict("list") == {"differences.b against a.regret_nats_per_dim": [0.25, 0.75]}


def test_a_figure_shows_the_single_runs_beside_the_table(runs, tmp_path, monkeypatch):
    shown = []
    draw = collect.FIGURES["60_ablate_lambda"]
    monkeypatch.setitem(collect.FIGURES, "60_ablate_lambda", lambda frame: shown.append(len(frame)) or draw(frame))
    collect.collect([runs], ["cpu"], tmp_path / "out")
    (tmp_path / "out/60_ablate_lambda-mine.json").write_text((runs / "2030-01-01-c/result.json").read_text())
    (tmp_path / "out/80_measure_regret-mine.json").write_text("{}")
    collect.collect([runs], ["cpu"], tmp_path / "out")
    assert shown[1] == shown[0] + 1


def test_a_damaged_result_is_named(runs, tmp_path):
    (runs / "2030-01-01-b/result.json").write_text("")
    with pytest.raises(ValueError, match=r"2030-01-01-b/result.json is damaged \(.*\): run its point again"):
        collect.collect([runs], ["cpu"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_names_stand_in_the_tables_as_they_are(runs, tmp_path):
    text = (runs / "2030-01-01-c/result.json").read_text()
    (runs / "2030-01-01-c/result.json").write_text(text.replace('"cross_sample"', '"a|b $x$"'))
    collect.collect([runs], ["cpu"], tmp_path / "out")
    assert r"| a\|b \$x\$ | " in (tmp_path / "out/tables.md").read_text()


def test_all_that_is_written_is_listed_and_committed_tables_are_complete(runs, tmp_path):
    written = collect.collect([runs], ["cpu"], tmp_path / "out")
    names = ["60_ablate_lambda.parquet", "tables.md", "claims.md", "60_ablate_lambda.svg", "SHA256SUMS"]
    assert written == [tmp_path / "out" / name for name in names]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(names)
    assert file_set.complete(tmp_path / "out") and file_set.complete(ROOT / "results")
