"""Tables of one run: headings with units, no names of columns, a dash where a score is missing."""

from n2nf_core.study.tables.score_tables import COLUMNS, kl_table, paper_table, score_table, table, value_table

ROWS = {
    "awgn": {"nll_nats_per_dim": -2.5, "nll_nats_per_dim_interval": [-3, -2], "kl_nats": 0.2, "pooled_kl_nats": 1.0},
    "nl_means": {"kl_nats": 0.125},
}


def test_names_and_headings_are_for_readers():
    lines = table(ROWS).splitlines()
    assert lines[0] == "| model | NLL (nats/dim) | KL (nats) |"
    assert lines[2] == "| AWGN | −2.5000 | 0.2000 |" and lines[3] == "| Non-local means | - | 0.1250 |"
    assert not any(name in score_table(ROWS).data for name in COLUMNS)


def test_kl_by_setting_has_the_floor_below_it():
    row = {"kl_nats": 0.5, "kl_floor_nats": 0.25}
    text = kl_table({"S6 800": {"awgn": row, "photon_transfer": row}, "GP 100": {"photon_transfer": row}}).data
    assert text.splitlines() == [
        "| model | S6 800 | GP 100 |",
        "|---|---|---|",
        "| AWGN | 0.5000 | - |",
        "| Photon transfer | 0.5000 | 0.5000 |",
        "| Floor | 0.2500 | 0.2500 |",
    ]


def test_a_run_stands_beside_the_paper():
    text = paper_table("Table 4", {"unet_nlf_flow": {"kl_nats": 0.5}}, {"unet_nlf_flow": {"psnr_db": 41.0}}).data
    assert "| U-Net + NLF | - | −3.463 | 0.5000 | 0.0332 | 41.00 | 52.13 |" in text


def test_values_have_their_errors_beside_them_and_a_dash_where_something_is_missing():
    values = {"gain": (0.40137, 0.00162), "row noise": (None, None), "black": [64.0, 64.0], "noise model": "noise_flow"}
    lines = value_table(values | {"white": 4095, "offsets": [1, 2.5]}, first="burst").data.splitlines()
    assert lines[0] == "| burst | value | standard error |"
    assert lines[2:] == [
        "| Gain | 0.4014 | 0.0016 |",
        "| Row noise | - | - |",
        "| Black level (DN) | 64 | - |",
        "| Noise model | Noise Flow | - |",
        "| White level (DN) | 4095 | - |",
        "| Offsets | 1, 2.5 | - |",
    ]
    assert "error" not in value_table({"camera": "cam"}, first="file").data


def test_the_numbers_of_a_camera_have_their_units():
    row = {"gain_dn_per_electron": 0.4, "gain_error": 0.001, "read_electrons": 10.44, "excluded_share": 0.02}
    lines = score_table({"all planes": row}, first="planes").data.splitlines()
    assert lines[0] == "| planes | gain (DN per electron) | read noise (electrons) | share left out |"
    assert lines[2] == "| All planes | 0.4000 | 10.44 | 0.0200 |"
