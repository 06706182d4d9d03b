"""The paper's rows with ours beside them, and a dash where there is nothing."""

from pathlib import Path

import pandas as pd
import pytest

from n2nf_core.study.tables.beside_paper import ROWS, beside, cameras_beside, rows_beside
from n2nf_core.study.tables.paper_tables import TABLES
from n2nf_core.study.tables.readings import Tables

RESULTS = Path(__file__).parents[3] / "results"


def test_a_score_stands_beside_the_papers_and_a_dash_for_none():
    text = rows_beside("Table 5", {"here": {"R2RFlow": {"psnr_db": 40.0}}}).splitlines()
    assert text[0] == "| model | NLL, here | NLL, paper | KL, here | KL, paper | PSNR, here | PSNR, paper |"
    assert text[-1] == "| R2RFlow | - | −3.443 | - | 0.0983 | 40.00 | 50.08 |"
    assert text[2].endswith("| - | - |"), "Noise Flow has no denoiser"


@pytest.mark.parametrize("table", ROWS)
def test_every_row_of_a_table_has_our_value(table):
    lines = beside(Tables(RESULTS), table).splitlines()[2:]
    assert [line.split(" | ")[0][2:] for line in lines] == list(TABLES[table])
    notebook, names, columns = ROWS[table]
    assert all(row in names for row in TABLES[table])
    score, first = next(
        (s, c)
        for s in ("nll_nats_per_dim", "psnr_db")
        for c in [next(iter(columns))]
        if s in TABLES[table][list(TABLES[table])[-1]]
    )
    frame = Tables(RESULTS).frame(notebook, **columns[first])
    group = "noise_models" if score.startswith("nll") else "denoisers"
    value = frame[f"{group}.{list(names.values())[-1]}.{score}"].mean()
    assert f"| {value:.{3 if score.startswith('nll') else 2}f}".replace("-", "−") in lines[-1]


def test_kl_by_camera_is_the_mean_over_its_settings():
    frame = pd.read_parquet(RESULTS / "40_evaluate_noise_model.parquet")
    frame = frame[~frame["point.parameters.physical"].astype(bool)]
    columns = [c for c in frame if c.startswith("noise_models_by_setting.S6 ") and c.endswith(".awgn.kl_nats")]
    row = next(line for line in cameras_beside(Tables(RESULTS)).splitlines() if line.startswith("| AWGN"))
    assert columns and f"| {frame[columns].to_numpy().mean():.4f} | 0.4863 |" in row
