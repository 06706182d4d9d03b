"""Columns of a table and nested results: both directions."""

import json

import pandas as pd
import pytest

from n2nf_core.study.columns import flatten, markdown_row, unflatten

NESTED = {
    "yes": True,
    "a": {"b": {"c": 1, "d": "text"}, "e": 2.5},
    "curve": [1.0, None, 3],
    "empty": [],
}
ROW = {"yes": True, "a.b.c": 1, "a.b.d": "text", "a.e": 2.5, "curve": [1.0, None, 3], "empty": []}


def test_blocks_become_columns_and_come_back():
    assert flatten(NESTED) == ROW
    assert unflatten(ROW) == NESTED


def test_columns_keep_their_order():
    assert list(flatten(NESTED)) == list(ROW)
    assert list(unflatten({"b.x": 1, "a.y": 2, "b.w": 3})["b"]) == ["x", "w"]


@pytest.mark.parametrize("values", [["x", "y"], [{"b": 1, "a": 2}], [[1, 2]], [1, "x"]])
def test_a_list_that_is_not_of_numbers_becomes_json_text(values):
    text = flatten({"list": values})["list"]
    assert isinstance(text, str) and json.loads(text) == values


def test_keys_inside_json_text_are_sorted():
    assert flatten({"list": [{"b": 1, "a": 2}]}) == {"list": '[{"a": 2, "b": 1}]'}


def test_what_other_rows_alone_have_is_left_out(tmp_path):
    frame = pd.DataFrame([flatten({"a": {"b": 1.5, "c": [1.0, 2.0]}}), flatten({"a": {"d": "x"}})])
    frame.to_parquet(tmp_path / "table.parquet")
    rows = pd.read_parquet(tmp_path / "table.parquet").to_dict("records")
    assert [unflatten(row) for row in rows] == [{"a": {"b": 1.5, "c": [1.0, 2.0]}}, {"a": {"d": "x"}}]


def test_arrays_come_back_as_lists_and_false_and_zero_stay():
    frame = pd.DataFrame([{"a.b.c": 1, "a.d": None, "e": pd.Series([1.0, 2.0]).to_numpy(), "f": 0, "g": False}])
    found = unflatten(frame.to_dict("records")[0])
    assert found == {"a": {"b": {"c": 1}}, "e": [1.0, 2.0], "f": 0, "g": False}
    assert type(found["e"]) is list


def test_a_row_shows_what_would_be_markup():
    assert markdown_row(["a|b", "A$^$", "plain"]) == r"| a\|b | A\$^\$ | plain |"
