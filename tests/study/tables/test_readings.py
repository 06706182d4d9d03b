"""Differences are paired within a point, have Student's interval over seeds, and one of three readings."""

import json

import pandas as pd
import pytest

from n2nf_core.study.tables.readings import Gap, Tables, decimals, over_seeds, reading, student_interval


def gap(low, high, score="psnr_db"):
    return Gap((low + high) / 2, low, high, score)


@pytest.fixture
def tables(tmp_path):
    frame = pd.DataFrame(
        {
            "point.parameters.physical": [False, False, True],
            "provenance.seed": [0, 1, 0],
            "noise_models.a.nll_nats_per_dim": [1.0, 2.0, 7.0],
            "noise_models.b.nll_nats_per_dim": [1.5, 2.7, 6.0],
            "gain.mean": [0.5, 0.5, 0.5],
            "gain.interval": [[0.4, 0.6]] * 3,
            "kept": [1.0, None, 3.0],
        }
    )
    frame.to_parquet(tmp_path / "40_any.parquet")
    return Tables(tmp_path)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (gap(1, 2), "better"),
        (gap(-2, -1), "worse"),
        (gap(-1, 2), "undecided"),
        (gap(0, 2), "undecided"),
        (gap(1, 2, "kl_nats"), "worse"),
        (gap(-2, -1, "regret_nats_per_dim"), "better"),
        (gap(1, 2, "ssim"), "better"),
    ],
)
def test_the_reading_follows_from_the_interval_and_from_what_is_better(given, word):
    assert given.word == word and given.says("better", "worse", "undecided") == word


def test_readings_are_undecided_where_the_interval_contains_zero():
    assert [reading(*ends) for ends in ((-2, -1), (-2, 1), (-2, 0), (0, 2), (1, 2))] == [
        "better", "undecided", "undecided", "undecided", "worse",
    ]  # fmt: skip
    assert reading(1, 2, more_is_better=True) == "better" and reading(-2, -1, more_is_better=True) == "worse"


def test_an_undecided_difference_is_bounded_by_its_interval():
    assert gap(-0.3, 0.1).bound == "0.30 dB" and gap(-0.1, 0.3).bound == "0.30 dB"
    assert str(gap(-0.3, 0.1)) == "−0.10 [−0.30, +0.10] dB" and gap(-0.3, -0.1).size == "0.20 dB"


def test_student_interval_by_hand():
    mean, low, high = student_interval([1.0, 1.1, 1.2])
    # t with two degrees of freedom is 4.303 at 97.5 %, the deviation .1
    assert (mean, low, high) == pytest.approx((1.1, 1.1 - 0.24842, 1.1 + 0.24842), abs=1e-4)
    assert student_interval([2.0]) == (2.0, 2.0, 2.0)
    assert [decimals(half) for half in (0.5, 0.05, 30.0, 1e-9)] == [2, 3, 0, 6]


def test_differences_are_paired_within_a_point(tables):
    found = tables.gap("40", "a", "b", "nll_nats_per_dim", physical=False)
    assert found.values == pytest.approx((-0.5, -0.7)) and found.mean == pytest.approx(-0.6) and found.seeds == 2
    assert tables.gap("40", "a", "b", "nll_nats_per_dim", physical=True).mean == pytest.approx(1.0)


def test_a_change_is_paired_by_seed(tables):
    column = "noise_models.a.nll_nats_per_dim"
    assert tables.change("40", column, "physical", (False, True)).values == pytest.approx((6.0,)), (
        "seed 0 alone has both"
    )


def test_numbers_leave_out_what_is_missing_and_a_stored_difference_has_its_own_interval(tables):
    assert tables.numbers("40", "kept") == [1.0, 3.0] and tables.mean("40", "kept") == 2.0
    assert tables.stored("40", "gain", "psnr_db") == Gap(0.5, 0.4, 0.6, "psnr_db")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda t: t.frame("99"), "no table of notebook 99"),
        (lambda t: t.frame("40", physical=3), "no point with"),
        (lambda t: t.frame("40", colour=3), "no column colour"),
        (lambda t: t.mean("40", "nothing"), "no column nothing"),
        (lambda t: t.gap("40", "a", "c", "kl_nats"), "no column noise_models.a.kl_nats"),
    ],
)
def test_a_question_without_an_answer_says_which(tables, ask, said):
    with pytest.raises(ValueError, match=said):
        ask(tables)


def test_a_single_run_is_asked_for_by_its_name_and_a_table_comes_before_it(tables):
    run = {"noise_models": {"a": {"nll_nats_per_dim": 9.0}}, "gain": {"mean": -2.0, "interval": [-3.0, -1.0]}}
    (tables.folder / "40_any-mine.json").write_text(json.dumps(run))
    assert tables.stored("40_any-mine", "gain", "kl_nats") == Gap(-2.0, -3.0, -1.0, "kl_nats")
    assert tables.mean("40_any-mine", "noise_models.a.nll_nats_per_dim") == 9.0
    assert tables.mean("40", "gain.mean") == 0.5


def test_missing_seeds_are_left_out():
    assert over_seeds(pd.Series([1.0, None, 3.0]), "psnr_db").seeds == 2
