"""The paper's tables agree with one another where they state the same, in columns named as ours are."""

import math

import pytest

from n2nf_core.study.tables.paper_tables import TABLES


@pytest.mark.parametrize("table", TABLES)
def test_columns_carry_their_units_and_values_are_numbers(table):
    for row in TABLES[table].values():
        assert all(name == "ssim" or name.startswith(("nll_nats_per_dim", "kl_nats", "psnr_db")) for name in row)
        assert all(math.isfinite(value) for value in row.values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Table 1", "Noise2NoiseFlow"), ("Table 5", "Noise2NoiseFlow")),
        (("Table 1", "Noise Flow"), ("Table 5", "Noise Flow")),
        (("Table 4", "DnCNN + Noise Flow"), ("Table 5", "Noise2NoiseFlow")),
        (("Table 3", "Noise2NoiseFlow"), ("Table 5", "Noise2NoiseFlow")),
    ],
)
def test_one_model_has_one_value_in_all_tables(one, other):
    first, second = (TABLES[table][row] for table, row in (one, other))
    shared = first.keys() & second.keys()
    assert shared and all(first[name] == second[name] for name in shared)
