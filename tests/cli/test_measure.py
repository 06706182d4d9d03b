"""``n2nf measure``: JSON, tables, a page, and several cameras."""

import json
import re

import numpy as np
import pytest
from cases.burst_files import SETTINGS, burst_file, mosaic_of
from cases.poisson_bursts import exposed, ramp, texture

from n2nf_core import cli
from n2nf_core.cli.measure import LINES
from n2nf_core.evaluation.camera_numbers import measure_camera
from n2nf_core.importers import read_bursts

GAIN, READ = 2.0, 5.0


@pytest.fixture
def desk(tmp_path):
    return burst_file(tmp_path / "desk.npz", ramp(64, 64), count=4, gain=GAIN, read=READ)


def measured(capsys, *given, status=0):
    assert cli.main(["measure", *given, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_json_has_numbers_with_errors_per_plane(desk, capsys):
    found = measured(capsys, desk)
    expected = measure_camera(read_bursts(desk))
    assert abs(found["gain_dn_per_electron"] - GAIN) < 4 * found["gain_dn_per_electron_error"] < 0.4
    assert abs(found["read_dn"] - READ) < 4 * found["read_dn_error"]
    for name, value in expected["all"].numbers.as_dict().items():
        assert found[name] == value
    assert found["planes"] == {k: expected[k].numbers.as_dict() for k in ("R", "Gr", "Gb", "B")}
    assert (found["camera"], found["iso"], found["bursts"], found["darks"]) == ("cam", 100, 1, 0)
    curve = found["skewness_against_signal"]
    assert len(curve["signal_dn"]) == len(curve["skewness"]) == len(curve["skewness_error"]) > 3
    (entry,) = found["settings"]
    assert all(found[name] == value for name, value in entry.items())


def test_a_table_for_every_camera_and_iso(tmp_path, desk, capsys):
    loud = burst_file(tmp_path / "loud.npz", ramp(64, 64), {"iso": 800}, gain=3.0, read=9.0, count=4)
    again = burst_file(tmp_path / "again.npz", ramp(64, 64), gain=GAIN, read=READ, seed=9)
    found = measured(capsys, desk, loud, again)
    assert "gain_dn_per_electron" not in found
    assert [(e["iso"], e["bursts"]) for e in found["settings"]] == [(100, 2), (800, 1)]
    assert cli.main(["measure", desk, loud, again]) == 0
    out = capsys.readouterr().out
    assert out.count("cam, ISO ") == 2 and "cam, ISO 800: 1 burst, and no bursts of dark frames" in out
    gain = found["settings"][1]["gain_dn_per_electron"]
    assert re.search(rf"gain, DN per electron +{gain:.4g} \+- ", out)
    for label, field, _ in LINES:
        assert (label in out) == (field not in ("prnu_percent", "dsnu_electrons")), label


def test_dark_frames(tmp_path, desk, capsys):
    dark = burst_file(tmp_path / "dark.npz", 0 * ramp(64, 64), count=6, gain=GAIN, read=READ, seed=5)
    found, without = measured(capsys, desk, "--dark", dark), measured(capsys, desk)
    assert found["darks"] == 1 and found["read_dn_error"] < 0.1 * without["read_dn_error"]
    assert abs(found["read_dn"] - READ) < 4 * found["read_dn_error"] and found["dsnu_electrons"] is not None
    other = burst_file(tmp_path / "other.npz", 0 * ramp(64, 64), {"iso": 200}, read=READ)
    assert cli.main(["measure", desk, "--dark", other]) == 2
    assert "the dark frames are of cam at ISO 200, of which there is no burst" in capsys.readouterr().err


def test_what_the_checks_find_is_said_and_refused_bursts_are_left_out(tmp_path, desk, capsys):
    near = burst_file(tmp_path / "near.npz", texture(64, 64), {"white": 250})
    assert cli.main(["measure", near]) == 2
    assert "near: " in capsys.readouterr().err
    found = measured(capsys, desk, near)
    assert found["bursts"] == 1 and "left out: near" in found["notes"]


def test_what_the_errors_say_in_words(tmp_path, capsys):
    grey = burst_file(tmp_path / "grey.npz", 0 * ramp(64, 64) + 500, gain=GAIN, read=READ)
    assert cli.main(["measure", grey]) == 0
    assert "give a scene with dark and bright parts" in capsys.readouterr().out


def test_it_is_said_where_the_read_noise_comes_from(tmp_path, capsys):
    bright = [burst_file(tmp_path / f"{e}.npz", 0 * ramp(64, 64) + e, gain=GAIN, read=READ) for e in (50, 200, 800)]
    dark = burst_file(tmp_path / "dark.npz", 0 * ramp(64, 64), count=6, gain=GAIN, read=READ, seed=5)
    said = "the read noise is extrapolated from the darkest parts, of "
    assert cli.main(["measure", *bright]) == 0
    assert re.search(
        said + r"(49|50|51)(\.\d)? electrons, whose shot noise has (7|8|9)(\.\d)? times", capsys.readouterr().out
    )
    assert cli.main(["measure", *bright, "--dark", dark]) == 0
    assert said not in capsys.readouterr().out
    steps = {"black": 8, "white": 255}
    rough = [
        burst_file(tmp_path / f"r{e}.npz", 0 * ramp(64, 64) + e, steps, gain=0.02, read=0.3, black=8)
        for e in (20, 100, 300)
    ]
    assert cli.main(["measure", *rough]) == 0
    out = capsys.readouterr().out
    assert "the error of the read noise is that of rounding to whole numbers" in out and said not in out


def test_it_is_said_where_colours_have_different_gains(tmp_path, desk, capsys):
    """As where a camera multiplies the numbers of red: the line through all of them has the gain of none."""
    said = "the colours have different gains, so the column all is a mixture: use their own columns"
    frames = exposed(ramp(64, 64), count=4, gain=GAIN, read=READ)
    frames[:, 0] = exposed(ramp(64, 64), count=4, gain=1.2 * GAIN, read=READ, seed=1)[:, 0]
    np.savez(tmp_path / "red.npz", frames=mosaic_of(frames), **SETTINGS)
    assert cli.main(["measure", str(tmp_path / "red.npz")]) == 0
    assert said in capsys.readouterr().out.splitlines()
    mono = burst_file(tmp_path / "mono.npz", ramp(64, 64), {"cfa": "MONO"}, gain=GAIN, read=READ, count=4)
    assert cli.main(["measure", desk]) == cli.main(["measure", mono]) == 0
    assert said not in capsys.readouterr().out


def test_a_page_with_figures(tmp_path, desk, capsys):
    assert cli.main(["measure", desk, "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert page.count("data:image/png;base64,") == 2 and "gain, DN per electron" in page


def test_emva_1288_by_its_own_definitions_where_it_is_asked_for(tmp_path, capsys):
    levels = (20, 100, 200, 300, 400, 500)  # electrons; half as many as photons
    flats = [
        burst_file(tmp_path / f"{e}.npz", 0 * ramp(64, 64) + e, count=2, gain=GAIN, read=READ, seed=e) for e in levels
    ]
    dark = burst_file(tmp_path / "dark.npz", 0 * ramp(64, 64), count=2, gain=GAIN, read=READ, seed=5)
    photons = [str(2 * e) for e in levels]
    found = measured(capsys, *flats, "--dark", dark, "--emva", "--photons", *photons)["emva1288"]["R"]
    gain = found["gain"]
    assert abs(gain["value"] - GAIN) < 4 * gain["error"] < 0.4
    assert abs(found["efficiency"]["value"] - 50) < 4 * found["efficiency"]["error"]
    assert "efficiency" not in measured(capsys, *flats, "--dark", dark, "--emva")["emva1288"]["R"]
    assert "emva1288" not in measured(capsys, *flats, "--dark", dark)
    assert cli.main(["measure", *flats, "--emva", "--photons", "40"]) == 2
    assert "--photons has 1 numbers for 6 bursts: give one for each" in capsys.readouterr().err
