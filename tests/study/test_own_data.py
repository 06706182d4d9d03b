"""Data of the reader's own are read with their checks, and a claim that fails on them is a sentence, not an error."""

import json

import numpy as np
import pytest
from cases.poisson_bursts import WHITE, exposed, ramp

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.study.own_data import assert_claims, read_data
from n2nf_core.study.results import write_json


def stack(folder, frames, name="mine", **stated):
    known = {"black": 64, "white": WHITE, "cfa": "RGGB", "camera": "cam", "iso": 100}
    np.savez(folder / f"{name}.npz", frames=raw.unpack(frames), **(known | stated))
    return folder / f"{name}.npz"


def test_what_is_found_is_printed_in_readable_lines(tmp_path, capsys, recwarn):
    path = stack(tmp_path, exposed(ramp()).clip(max=900))
    (burst,) = read_data(path, black="", white="", cfa="")
    assert not recwarn.list  # a warning would come with a path and a line of code
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("note: mine: ") and "cut off at 900" in line
    assert burst.provenance["findings"] == [line.removeprefix("note: mine: ")]


def test_settings_are_those_of_the_parameters(tmp_path, capsys):
    path = stack(tmp_path, exposed(ramp()), black=0, white=60000)
    (burst,) = read_data(path, black="64 64 65 64", white="4095", cfa="MONO")
    assert burst.black == (64, 64, 65, 64) and burst.white == 4095 and burst.cfa == "MONO"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size", [(15, 40), (40, 7)])
def test_what_is_too_small_to_train_on_is_refused_in_one_line(tmp_path, size):
    with pytest.raises(BurstError, match="^mine: frames of .* are too small .*: give frames of at least 32 x 16$"):
        read_data(stack(tmp_path, exposed(ramp(*size))))
    assert read_data(stack(tmp_path, exposed(ramp(16, 8))))


CLAIMS = {"one is less than two": True, "two is less than one": False}


def test_a_notebook_s_own_data_must_bear_it_out(tmp_path):
    path = write_json(tmp_path / "r.json", {"provenance": {"data": []}})
    with pytest.raises(AssertionError, match="^two is less than one$"):
        assert_claims(path, CLAIMS, "")
    assert assert_claims(path, {"one is less than two": True}, "") == []
    assert json.loads(path.read_text()) == {"provenance": {"data": []}, "notes": []}


def test_on_other_data_a_claim_that_fails_is_a_note_beside_what_was_found(tmp_path, capsys):
    known = [{"findings": ["it is dark", "it is flat"], "notes": ["ISO not stated"]}, {"findings": ["it is dark"]}, {}]
    path = write_json(tmp_path / "r.json", {"kept": 1, "provenance": {"data": known}})
    notes = assert_claims(path, CLAIMS, "mine.npz")
    assert notes == [
        "ISO not stated (1 of 3 bursts)",
        "it is dark (2 of 3 bursts)",
        "it is flat (1 of 3 bursts)",
        "not on these data: two is less than one",
    ]
    content = json.loads(path.read_text())
    assert content["notes"] == notes and content["kept"] == 1
    assert capsys.readouterr().out.splitlines() == [f"note: {note}" for note in notes]
    one = write_json(tmp_path / "s.json", {"provenance": {"data": known[:1]}})
    assert assert_claims(one, {}, "mine.npz") == ["ISO not stated", "it is dark", "it is flat"]


def test_a_result_says_where_its_scores_are_those_of_a_part_of_the_patches(tmp_path):
    some, every = ({"patches": 8, "patches_left_out": count} for count in (2, 0))
    content = {"noise_models": {"a": some, "b": some, "c": every}, "of": {"S6": {"a": some}}}
    path = write_json(tmp_path / "r.json", content | {"provenance": {"data": []}})
    sentence = "scores are those of 8 of 10 held-out patches, chosen at random to save memory"
    assert assert_claims(path, {}, "") == [sentence] == json.loads(path.read_text())["notes"]
