"""Notebooks and studies from the command line."""

import importlib.util
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cases.stacks import npz_stack

from n2nf_core import cli
from n2nf_core.study import runner
from n2nf_core.study.shipped import NOTEBOOKS, WORKFLOW
from n2nf_core.study.tables import collect
from n2nf_core.training import PROFILES


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": npz_stack()["frames"][:1]}, "frame"),
        ({"frames": np.full((4, 64, 64), np.nan, np.float32)}, "NaN"),
        ({"frames": np.full((4, 64, 64), 500, np.uint16)}, "constant"),
        ({"frames": np.full((4, 64, 64), 4095, np.uint16) - (npz_stack()["frames"] % 4 == 0)}, "saturat|white"),
        ({"black": 3000}, "black"),
        ({"white": 50}, "white"),
    ],
    ids=["single", "nan", "constant", "saturated", "black", "white"],
)
def test_bad_data_is_one_line_before_any_work(tmp_path, capsys, changes, message):
    np.savez(tmp_path / "bad.npz", **npz_stack(**changes))
    notebook = Path(__file__).parents[2] / "notebooks/00_start_here.md"
    status = cli.main(["run", str(notebook), "--out", str(tmp_path / "out"), "-p", "data", str(tmp_path / "bad.npz")])
    error = capsys.readouterr().err
    assert status == 2 and error.startswith("error: ") and error.count("\n") == 1
    assert re.search(message, error), error
    assert not (tmp_path / "out").exists()


def test_parameters_and_places_reach_the_runner(monkeypatch, tmp_path, capsys):
    asked = []
    answer = (tmp_path / "result.json", False)
    monkeypatch.setattr(runner, "run_point", lambda *given, **options: asked.append((given, options)) or answer)
    given = ["-p", "seed", "7", "-p", "profile", "smoke", "--runs", "here", "--date", "2001-02-03"]
    assert cli.main(["run", "tiny.md", *given]) == 0
    parameters = {"seed": "7", "profile": "smoke"}
    assert asked == [((Path("tiny.md"), Path("here"), parameters), {"day": "2001-02-03"})]
    assert capsys.readouterr().out == f"finished already: {tmp_path / 'result.json'}\n"


def test_collect_takes_all_profiles_unless_some_are_named(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(collect, "collect", lambda *given: asked.append(given) or ["a.parquet", "tables.md"])
    assert cli.main(["collect", "a", "b", "--out", "x"]) == 0
    assert cli.main(["collect", "a", "--out", "x", "--profiles", "gpu"]) == 0
    assert asked == [([Path("a"), Path("b")], list(PROFILES), Path("x")), ([Path("a")], ["gpu"], Path("x"))]
    assert capsys.readouterr().out == 2 * "a.parquet\ntables.md\n"


@pytest.mark.parametrize("value", ["-7", "--out", "-p", "a=b", "", "-1.5e3"])
def test_a_value_may_look_like_an_option(monkeypatch, tmp_path, value):
    asked = []
    monkeypatch.setattr(runner, "run_point", lambda *given, **_: asked.append(given[2]) or (tmp_path, False))
    assert cli.main(["run", "tiny.md", "-p", "data", value, "-p", "seed", "1"]) == 0
    assert cli.main(["run", "tiny.md", f"-pdata={value}", "-pseed=1"]) == 0
    assert asked == [{"data": value, "seed": "1"}] * 2


def test_a_setting_without_a_value_is_refused(capsys):
    with pytest.raises(SystemExit):
        cli.main(["run", "tiny.md", "-p", "seed"])
    assert "argument -p: give a NAME and a VALUE" in capsys.readouterr().err


def test_an_empty_folder_is_chosen_by_the_parameters(monkeypatch, tmp_path, capsys):
    asked = []
    monkeypatch.setattr(runner, "default_out", lambda notebook, runs, given: runs / "demo")
    monkeypatch.setattr(runner, "run_notebook", lambda *given: asked.append(given) or tmp_path / "tiny.json")
    assert cli.main(["run", "tiny.md", "--out=", "--runs", "here"]) == 0
    assert cli.main(["run", "tiny.md", "--out=-x"]) == 0
    assert [given[1] for given in asked] == [Path("here/demo"), Path("-x")]


@pytest.fixture
def engine(monkeypatch):
    """(words that Snakemake was called with, exit statuses that it ends with)."""
    asked, ends = [], []

    def run(words):
        asked.append(words)
        return subprocess.CompletedProcess(words, ends[len(asked) - 1])

    monkeypatch.setattr(subprocess, "run", run)
    return asked, ends


def test_a_study_simulates_its_data_and_then_runs_its_points(engine):
    asked, ends = engine
    ends[:] = [0, 7]
    assert cli.main(["study", "--profile", "cpu", "--runs", "here", "--threads", "2", "--engine", "slurm"]) == 7
    for words, target in zip(asked, ("data", "study"), strict=True):
        assert words[1:3] == ["-m", "snakemake"] and words[-2:] == ["--", target]
        assert words[words.index("--profile") + 1] == str(WORKFLOW / "profiles/slurm")
        assert f"study={(WORKFLOW / 'study.yaml').resolve()}" in words
        assert {"profile=cpu", "runs=here", "threads=2", f"notebooks={NOTEBOOKS.resolve()}"} < set(words)


def test_without_its_data_a_study_ends(engine, tmp_path, capsys):
    asked, ends = engine
    ends[:] = [3]
    (tmp_path / "mine.yaml").touch()
    assert cli.main(["study", str(tmp_path / "mine.yaml"), "--engine", str(tmp_path)]) == 3 and len(asked) == 1
    assert f"study={tmp_path / 'mine.yaml'}" in asked[0] and asked[0][asked[0].index("--profile") + 1] == str(tmp_path)
    assert cli.main(["study", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml: there is no such file" in capsys.readouterr().err


def test_a_study_without_its_engine_names_the_extra(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert cli.main(["study"]) == 2
    assert capsys.readouterr().err == "error: snakemake is not installed: pip install 'n2nf-core[workflow]'\n"
