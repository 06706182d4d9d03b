"""Tables of one run: headings with units, no names of columns, a dash where a score is missing."""

from n2nf_core.study.tables.score_tables import COLUMNS, kl_table, paper_table, score_table, table

ROWS = {
    "awgn": {"nll_nats_per_dim": -2.5, "nll_nats_per_dim_interval": [-3, -2], "kl_nats": 0.2, "pooled_kl_nats": 1.0},
    "nl_means": {"kl_nats": 0.125},
}


def test_names_and_headings_are_for_readers():
    lines = table(ROWS).splitlines()
    assert lines[0] == "| model | NLL (nats/dim) | KL (nats) |"
    assert lines[2] == "| AWGN | −2.5000 | 0.2000 |" and lines[3] == "| Non-local means | - | 0.1250 |"
    assert not any(name in score_table(ROWS).data for name in COLUMNS)


def test_kl_by_setting_has_the_floor_beside_it():
    row = {"kl_nats": 0.5, "kl_floor_nats": 0.25}
    text = kl_table({"S6 800": {"awgn": row, "photon_transfer": row}, "GP 100": {"photon_transfer": row}}).data
    assert "| S6 800 | 0.5000 | 0.5000 | 0.2500 |" in text and "| GP 100 | - | 0.5000 | 0.2500 |" in text


def test_a_run_stands_beside_the_paper():
    text = paper_table("Table 4", {"unet_nlf_flow": {"kl_nats": 0.5}}, {"unet_nlf_flow": {"psnr_db": 41.0}}).data
    assert "| U-Net + NLF | - | −3.463 | 0.5000 | 0.0332 | 41.00 | 52.13 |" in text
