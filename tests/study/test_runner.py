"""The runner checks parameters before anything runs, and executes real notebooks with the real papermill."""

import json
import textwrap

import numpy as np
import pytest
from cases.poisson_bursts import exposed, ramp

from n2nf_core import cli, raw
from n2nf_core.bursts import BurstError
from n2nf_core.study import runner

KNOWN = {
    "profile": {"default": '"smoke"'},
    "seed": {"default": "0"},
    "data": {"default": '""'},
    "rate": {"default": "1.5"},
}


NOTEBOOK = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

```{code-cell} ipython3
:tags: [parameters]

profile = "smoke"
seed = 0
output_dir = "runs"
```

```{code-cell} ipython3
from n2nf_core.study.results import write_json
assert seed != 13, "unlucky"
if seed != 14:
    write_json(f"{output_dir}/tiny.json", {"seed": seed})
```
"""


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "tiny.md"
    path.write_text(textwrap.dedent(NOTEBOOK))
    return path


def test_values_take_the_type_of_the_default():
    values = runner.check_parameters(KNOWN, {"seed": "3", "profile": "cpu", "rate": "2"})
    assert values == {"seed": 3, "profile": "cpu", "rate": 2.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sed": "1"}, "no parameter 'sed', it takes profile, seed, data, rate; did you mean seed"),
        ({"seed": "one"}, "parameter seed must be a int like 0, got 'one'"),
        ({"profile": "fast"}, "profile must be one of smoke, cpu, gpu, got 'fast'"),
        ({"data": "no/such/file.npz"}, "there is nothing at data path"),
    ],
)
def test_bad_parameters_are_named(given, message):
    with pytest.raises(runner.ParameterError, match=message):
        runner.check_parameters(KNOWN, given)


def test_a_notebook_runs_and_leaves_its_json_and_the_executed_notebook(notebook, tmp_path, capfd):
    assert cli.main(["run", str(notebook), "--out", str(tmp_path / "out"), "-p", "seed", "7"]) == 0
    assert json.loads((tmp_path / "out/tiny.json").read_text()) == {"seed": 7}
    assert (tmp_path / "out/tiny.ipynb").is_file()
    out, err = capfd.readouterr()
    assert "results:" in out and "TCP" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "tiny.md"]


def test_nothing_runs_on_a_mistyped_parameter(notebook, tmp_path, capsys):
    assert cli.main(["run", str(notebook), "--out", str(tmp_path / "out"), "-p", "sead", "7"]) == 2
    assert "did you mean seed?" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert cli.main(["run", str(tmp_path / "absent.md"), "--out", str(tmp_path / "out")]) == 2


def test_a_failing_cell_is_an_error_and_leaves_no_stale_result(notebook, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main(["run", str(notebook), "--out", str(out)])
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "13"]) == 1
    assert "error in cell [3]: AssertionError: unlucky" in capsys.readouterr().err
    assert not (out / "tiny.json").exists()
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "14"]) == 1
    assert "wrote no tiny.json" in capsys.readouterr().err


def test_data_are_checked_with_the_settings_of_the_notebook_before_anything_runs(tmp_path):
    known = {"data": str(tmp_path / "mine.npz"), "black": "", "white": "", "cfa": ""}
    small, large = (raw.unpack(exposed(ramp(height, 40))) for height in (15, 16))
    np.savez(tmp_path / "mine.npz", frames=large, black=0, white=4095, cfa="RGGB")
    runner.check_data(known | {"black": "64 64 64 64", "white": "4000", "cfa": "MONO"})
    with pytest.raises(BurstError, match="lies below the black level 2000"):
        runner.check_data(known | {"black": "2000"})
    np.savez(tmp_path / "mine.npz", frames=small, black=64, white=4095)
    with pytest.raises(BurstError, match="too small to train on some rows"):
        runner.check_data(known)
    runner.check_data({"data": ""})


def test_an_output_folder_that_cannot_be_made_is_named(notebook, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert cli.main(["run", str(notebook), "--out", str(tmp_path / "file/out")]) == 2
    assert "file/out" in capsys.readouterr().err
