"""The page of claims is made from the tables: other numbers give other verdicts."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from n2nf_core.study.tables import paper_claims
from n2nf_core.study.tables.readings import Tables

RESULTS = Path(__file__).parents[3] / "results"


@pytest.fixture
def folder(tmp_path):
    for path in RESULTS.glob("*.parquet"):
        shutil.copy(path, tmp_path)
    return tmp_path


def verdict(folder, name):
    return next(claim.verdict for claim in paper_claims.claims(Tables(folder)) if claim.name == name)


def test_the_committed_page_is_read_not_retyped():
    assert (RESULTS / "claims.md").read_text() == paper_claims.page(RESULTS)


def test_other_results_change_the_verdict(folder):
    path = folder / "41_evaluate_denoiser.parquet"
    frame = pd.read_parquet(path)
    for change, said in ((+2.0, "holds"), (-2.0, "does not hold")):
        frame["denoisers.d_noise2noiseflow.psnr_db"] = frame["denoisers.d_noise2noise.psnr_db"] + change
        frame.to_parquet(path)
        assert verdict(folder, "denoiser") == said


def test_a_collapse_above_the_critical_weight_breaks_the_claim(folder):
    path = folder / "60_ablate_lambda.parquet"
    frame = pd.read_parquet(path)
    frame.loc[frame["mse_weight"].idxmax(), "collapse.cross_sample.collapse_step"] = 5.0
    frame.to_parquet(path)
    assert verdict(folder, "lambda") == "in part"
    text = paper_claims.page(folder)
    assert "cross-sample collapsed in 1 of" in text


def test_a_parameter_at_its_truth_is_no_bias(folder):
    path = folder / "50_recover_nlf_parameters.parquet"
    frame = pd.read_parquet(path)
    for what in ("shot", "read"):
        values = 1 + 0.01 * (frame["provenance.seed"] - frame["provenance.seed"].mean())
        frame[f"recovery.cross_sample.{what}_ratio"] = values
    frame.to_parquet(path)
    assert verdict(folder, "recovery") == "undecided"


def test_without_tables_the_page_says_so(tmp_path):
    assert "no table of notebook 40" in paper_claims.page(tmp_path)


def test_every_claim_leads_to_a_notebook_and_states_limits():
    for claim in paper_claims.claims(Tables(RESULTS)):
        assert (RESULTS.parent / f"notebooks/{claim.notebook}.md").exists() and claim.limits and claim.tests
