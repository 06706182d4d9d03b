"""``n2nf check``: verdicts, levels, and the exit status."""

import json

import numpy as np
import pytest
from cases.burst_files import burst_file
from cases.poisson_bursts import exposed, ramp, texture

from n2nf_core import cli
from n2nf_core.bursts import find
from n2nf_core.importers import read_bursts


@pytest.fixture
def good(tmp_path):
    return burst_file(tmp_path / "desk.npz", texture(48, 48))


def test_a_good_burst_has_a_line_for_every_check(good, capsys):
    assert cli.main(["check", good]) == 0
    out = capsys.readouterr().out
    (burst,) = read_bursts(good)
    lines = out.splitlines()
    assert lines[0] == "desk: 6 frames of 96 x 96 pixels, RGGB"
    assert lines[1] == "  camera cam, ISO 100, black level 64, white level 4095"
    found = find(burst)
    assert len(found) > 10
    wide = max(len(finding.name) for finding in found)
    for finding in found:
        assert f"  {finding.name:{wide}}  {finding.verdict:6}  {finding.text}" in lines
    assert lines[-1] == "  verdict: ok, it can be used"


def test_sentences_of_what_is_well_make_sense(capsys):
    assert cli.main(["check", "esis"]) == 0
    out = capsys.readouterr().out
    assert "the light changes from place to place, which adds 0% to the noise's variance" in out and " -0%" not in out
    assert "the variance of the noise does not fall to 0 above the black level 3437.8" in out


def test_a_moved_scene_is_refused(tmp_path, capsys, good):
    scenes = np.stack([np.roll(texture(48, 48), 3 * t, 2) for t in range(6)])
    burst_file(tmp_path / "moved.npz", scenes)
    assert cli.main(["check", good, str(tmp_path / "moved.npz")]) == 1
    out = capsys.readouterr().out
    assert "refuse" in out and "use a tripod" in out and "verdict: refuse, it cannot be used" in out
    assert cli.main(["check", str(tmp_path / "moved.npz"), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["verdict"] == "refuse"
    assert any(f["verdict"] == "refuse" and f["name"] == "correlation" for f in row["findings"])


def test_json_states_levels_notes_and_findings(tmp_path, good, capsys):
    assert cli.main(["check", good, "--black", "60,61,62,63", "--white", "4000", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    stated = {"camera": "cam", "iso": 100, "frames": 6, "height": 96, "width": 96, "cfa": "RGGB", "white": 4000}
    assert {name: row[name] for name in stated} == stated and row["black"] == [60, 61, 62, 63]
    assert {"name", "verdict", "value", "text"} == set(row["findings"][0])
    frames = exposed(ramp(48, 48))
    np.savez(tmp_path / "bare.npz", frames=frames[:, 0], black=64, white=4095)
    assert cli.main(["check", str(tmp_path / "bare.npz"), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert any("not stated" in note for note in row["notes"])
    assert cli.main(["check", str(tmp_path / "bare.npz")]) == 0
    assert f"\n  note: {row['notes'][0]}\n" in capsys.readouterr().out


def test_a_warning_is_careful_use(tmp_path, capsys):
    path = burst_file(tmp_path / "bright.npz", texture(48, 48), {"white": 900})
    assert cli.main(["check", path]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "  verdict: warn, it can be used with care"


def test_bad_input_is_one_line(tmp_path, good, capsys):
    for given in ([str(tmp_path / "none.npz")], [good, "--black", "dark"], [good, "--white", "10"]):
        assert cli.main(["check", *given]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1
