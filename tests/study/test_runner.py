"""The runner checks parameters before anything runs, and executes real notebooks with the real papermill."""

import json
import textwrap
import threading

import numpy as np
import pytest
from cases.poisson_bursts import exposed, ramp
from cases.waiting import wait_for_words

from n2nf_core import cli, raw
from n2nf_core.bursts import BurstError
from n2nf_core.files import lock_of, locked
from n2nf_core.study import runner

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
import json
from pathlib import Path

assert seed != 13, "unlucky"
if seed != 14:
    Path(output_dir, "tiny.json").write_text(json.dumps({"seed": seed}))
```
"""


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "tiny.md"
    path.write_text(textwrap.dedent(NOTEBOOK))
    return path


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


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_a_failing_cell_is_an_error_and_leaves_the_notebook_up_to_it(notebook, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "13"]) == 1
    told = capsys.readouterr().err
    assert "error in cell [3]: AssertionError: unlucky" in told and str(out / "tiny.failed.ipynb") in told
    assert list(contents(out)) == ["tiny.failed.ipynb"]
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "14"]) == 1
    assert "wrote no tiny.json" in capsys.readouterr().err
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "15"]) == 0
    assert sorted(contents(out)) == ["tiny.ipynb", "tiny.json"]


def test_results_of_an_earlier_run_stay_until_new_ones_are_complete(notebook, tmp_path, capsys):
    out = tmp_path / "out"
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "7"]) == 0
    before = contents(out)
    capsys.readouterr()
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "13"]) == 2
    assert f"{out} holds the results of another run (seed 7, not 13)" in capsys.readouterr().err
    assert contents(out) == before
    notebook.write_text(notebook.read_text().replace("seed != 13", "seed != 7"))
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "7"]) == 1
    assert {name: data for name, data in contents(out).items() if name in before} == before
    notebook.write_text(notebook.read_text().replace("seed != 7", "seed != 13").replace('"tiny.json"', '"other.json"'))
    assert cli.main(["run", str(notebook), "--out", str(out), "-p", "seed", "7"]) == 1
    assert "wrote no tiny.json" in capsys.readouterr().err, "the earlier one is not taken for it"
    assert {name: data for name, data in contents(out).items() if name in before} == before


def test_a_damaged_notebook_of_an_earlier_run_keeps_nobody_out(notebook, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/tiny.ipynb").write_text("")
    assert cli.main(["run", str(notebook), "--out", str(tmp_path / "out")]) == 0


def test_a_second_run_into_a_folder_waits(notebook, tmp_path, capsys):
    out, done = tmp_path / "out", []
    second = threading.Thread(target=lambda: done.append(runner.run_notebook(notebook, out, {}, progress=False)))
    with locked(lock_of(out), "busy"):
        second.start()
        wait_for_words(capsys, f"another process writes to {out}")
        assert second.is_alive() and not out.exists()
    second.join()
    assert done == [out / "tiny.json"]


def test_the_folder_of_a_run_tells_sources_apart(notebook, tmp_path):
    notebook.write_text(notebook.read_text().replace("seed = 0\n", 'seed = 0\ndata = ""\n'))
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "b.npz").touch()

    def out(**given):
        return runner.default_out(notebook, tmp_path / "runs", given)

    assert out() == out(profile="smoke", seed="0") == tmp_path / "runs/demo-smoke"
    assert out(profile="cpu").name == "demo-cpu"
    here, there = (out(data=str(tmp_path / place / "b.npz")) for place in ("here", "there"))
    assert here.name.startswith("demo-smoke-b.npz-") and len({here, there, out(seed="1"), out()}) == 4
    assert here == out(data=f"{tmp_path}/there/../here/b.npz")


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
    assert f"cannot write {tmp_path / 'file'}: File exists" in capsys.readouterr().err
