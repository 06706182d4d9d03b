"""The bursts that come with the package: what they hold, where they come from, and how they are named."""

import os
from pathlib import Path

import numpy as np
import pytest

from n2nf_core import cli, raw
from n2nf_core.bursts import find
from n2nf_core.evaluation.camera_numbers import measure_camera
from n2nf_core.importers import read_bursts
from n2nf_core.importers.embedded import FOLDER, located

ORIGINALS = {"esis": ("04803", "04804"), "esis-dark": ("04860", "04861")}
ROWS, COLUMNS = slice(600, 920), slice(1720, 2088)


def test_names_stand_for_files_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert located("esis") == FOLDER / "esis.npz" and located("esis-dark") == FOLDER / "esis-dark.npz"
    for other in ("mine.npz", "esis.npz", "deep/esis", tmp_path / "esis", "", "."):
        assert located(other) == Path(other)
    (tmp_path / "esis").mkdir()
    assert located("esis") == Path("esis")


def test_all_of_it_is_small_and_its_licence_lies_beside_it():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_000_000
    assert (
        (FOLDER / "LICENSE-esis.txt").read_text().startswith("BSD 3-Clause License\n\nCopyright (c) 2024-2026, Roy T.")
    )
    told = (FOLDER / "README.md").read_text()
    assert all(f"`{path.name}`" in told for path in FOLDER.iterdir() if path.name != "README.md")


@pytest.mark.parametrize("name", ORIGINALS)
def test_an_embedded_burst_passes_every_check(name):
    (burst,) = read_bursts(name)
    assert (burst.scene, len(burst), burst.cfa, burst.white) == (name, 2, raw.MONO, 65535)
    assert all(finding.verdict == "ok" for finding in find(burst))


def test_its_numbers_are_those_of_one_amplifier():
    """The gain of the pair is that of the pair with its dark frames, whose spread is their read noise."""
    (pair,), (dark,) = read_bursts("esis"), read_bursts("esis-dark")
    alone, both = (measure_camera([pair], darks)["all"].numbers for darks in ([], [dark]))
    spread = np.hypot(alone.gain_dn_per_electron_error, both.gain_dn_per_electron_error)
    assert abs(alone.gain_dn_per_electron - both.gain_dn_per_electron) < 4 * spread < 0.05
    frames = np.asarray(np.load(FOLDER / "esis-dark.npz")["frames"], np.float64)
    read = np.std(frames[0] - frames[1]) / 2**0.5
    assert abs(both.read_dn - read) < 4 * read / (2 * frames[0].size) ** 0.5 + 0.01 * read  # a hot pixel is left out


@pytest.mark.parametrize("name", ORIGINALS)
def test_no_value_was_changed(name):
    folder = Path(os.environ.get("N2NF_DATA", ""))
    paths = [folder / f"esis_led_{number}.fit.gz" for number in ORIGINALS[name]]
    if not all(path.is_file() for path in paths):
        pytest.skip("set N2NF_DATA to the folder of the originals")
    from astropy.io import fits

    cut = np.stack([fits.getdata(path)[ROWS, COLUMNS] for path in paths])
    assert np.array_equal(np.load(FOLDER / f"{name}.npz")["frames"], cut)
    assert "Rows 600 to 919 and columns 1720 to 2087" in (FOLDER / "README.md").read_text()


def test_the_readme_shows_what_measure_prints(capsys):
    assert cli.main(["measure", "esis", "--dark", "esis-dark"]) == 0
    shown = (
        (Path(__file__).parents[2] / "README.md").read_text().split("second line prints\n\n```\n")[1].split("```")[0]
    )
    assert shown.count("\n") == 3 and shown in capsys.readouterr().out
