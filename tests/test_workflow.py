"""The study's engine, for real: Snakemake runs a small sweep, is killed and started again, here and on SLURM."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import yaml

from n2nf_core.study import plan
from n2nf_core.study.runner import ParameterError

ROOT = Path(__file__).parents[1]
HEADER = """\
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
"""
NOTEBOOK = f"""{HEADER}
```{{code-cell}} ipython3
:tags: [parameters]

profile = "smoke"
seed = 0
output_dir = "runs"
data = ""
weight = 1.0
```

```{{code-cell}} ipython3
import json
import os
import time
from pathlib import Path

times = Path(output_dir).parents[1] / "times"
with times.open("a") as file:
    print("begun", weight, seed, file=file)
time.sleep(0.2)
content = {{
    "noise_models": {{"cross": {{"nll_nats_per_dim": weight + seed}}, "self": {{"nll_nats_per_dim": -weight}}}},
    "threads": os.environ["OMP_NUM_THREADS"],
    "provenance": {{"profile": profile, "seed": seed, "time": str(time.time()), "data": []}},
}}
Path(f"{{output_dir}}/tiny.json").write_text(json.dumps(content))
with times.open("a") as file:
    print("ended", weight, seed, file=file)
```
"""
STUDY = {
    "smoke": [
        {"notebook": "tiny", "parameters": {"weight": 2.0, "seed": [0, 1]}},
        {"notebook": "tiny", "parameters": {"weight": 4.0}},
    ]
}
POINTS = ("2.0 0", "2.0 1", "4.0 0")


@pytest.fixture
def engine(tmp_path):
    """Call with a folder's name and an engine: the command that runs the small sweep there, two points at a time."""
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    (notebooks / "tiny.md").write_text(NOTEBOOK)
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))

    def command(folder, engine="local", *more):
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        config = [f"runs={home}/runs", f"study={tmp_path}/study.yaml", f"notebooks={notebooks}", "threads=1"]
        profile = ROOT / "workflow/profiles" / engine
        words = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile")]
        return [*words, "--profile", str(profile), "--directory", str(home), "--config", *config, *more, "--", "study"]

    return command


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def tables(home):
    """What the tables of a run hold: the page, and the Parquet without times."""
    folder = home / "runs/tables-smoke"
    frame = pd.read_parquet(folder / "tiny.parquet").drop(columns=["provenance.time", "point.seconds"])
    return (folder / "tables.md").read_text(), frame


def times(home):
    return (home / "times").read_text().split("\n")[:-1]


def kill_after_first_result(command, home):
    """Start ``command`` and kill the engine, and nothing else, as soon as a point is finished."""
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        limit = time.monotonic() + 120
        while not list(home.glob("runs/*/result.json")):
            assert process.poll() is None and time.monotonic() < limit, (home / "log").read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_killed_engine_goes_on_and_gives_the_table_of_an_unbroken_run(engine, tmp_path):
    run(engine("whole", "local", "--cores", "2"))
    page, frame = tables(tmp_path / "whole")
    assert len(frame) == len(POINTS) and set(frame["threads"]) == {"1"}
    assert "| 2 | cross | 2.500 [2.000, 3.000] |" in page

    broken = engine("broken", "local", "--cores", "1")
    kill_after_first_result(broken, tmp_path / "broken")
    finished = [line for line in times(tmp_path / "broken") if line.startswith("ended")]
    assert 1 <= len(finished) < len(POINTS)
    run(broken)
    lines = times(tmp_path / "broken")
    ended = sorted(line for line in lines if line.startswith("ended"))
    assert ended == [f"ended {point}" for point in POINTS], "every point ends once"
    for line in finished:
        assert lines.count(line.replace("ended", "begun")) == 1, "no finished point is begun again"
    assert tables(tmp_path / "broken")[0] == page
    pd.testing.assert_frame_equal(tables(tmp_path / "broken")[1], frame)

    run(broken)
    assert times(tmp_path / "broken") == lines, "nothing is left to do"


def test_a_finished_study_that_is_changed_runs_what_is_new_and_tables_what_is_asked_for(engine, tmp_path):
    def ask(*weights):
        study = {"smoke": [{"notebook": "tiny", "parameters": {"weight": list(weights)}}]}
        (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
        run(engine("home", "local", "--cores", "2"))
        return tables(tmp_path / "home")[1]["noise_models.cross.nll_nats_per_dim"].tolist()

    assert ask(2.0) == [2.0]
    before = times(tmp_path / "home")
    assert ask(2.0, 8.0) == [2.0, 8.0]
    assert times(tmp_path / "home")[len(before) :] == ["begun 8.0 0", "ended 8.0 0"]
    assert ask(8.0) == [8.0], "a point that left the study leaves its tables"


@pytest.mark.skipif(
    not shutil.which("sinfo") or subprocess.run(["sinfo", "-h"], capture_output=True).returncode,
    reason="no SLURM answers here; workflow/one_node_slurm.sh sets one up on a Debian machine",
)
def test_slurm_gives_the_same_table(engine, tmp_path):
    run(engine("here", "local", "--cores", "2"))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
    small = ["--set-threads", "point=1", "--default-resources", "mem_mb=1000", "runtime=10"]
    quick = ["--slurm-init-seconds-before-status-checks", "5", "--slurm-keep-successful-logs"]
    run(engine("there", "slurm", *small, *quick), env=environment)
    logs = list((tmp_path / "there/.snakemake/slurm_logs/rule_point").rglob("*.log"))
    assert len(logs) == len(POINTS), "every point is a job of SLURM's"
    assert tables(tmp_path / "there")[0] == tables(tmp_path / "here")[0]
    pd.testing.assert_frame_equal(tables(tmp_path / "there")[1], tables(tmp_path / "here")[1])


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"notebook": "tiny", "parameters": {"wieght": 1.0}}, "tiny: .*did you mean weight"),
        ({"notebook": "tiny", "parameters": {"seed": [0, 1.5]}}, "tiny: parameter seed must be a int"),
        ({"notebook": "tiny", "parameters": {"data": "no/such.npz"}}, "tiny: there is nothing at data path"),
        ({"notebook": "tiny", "params": {}}, "a sweep holds a notebook and its parameters"),
    ],
)
def test_a_mistake_in_the_last_sweep_is_found_before_the_first_runs(engine, tmp_path, sweep, message):
    engine("any")
    good = {"notebook": "tiny"}
    with pytest.raises(ParameterError, match=message):
        plan.points_of({"smoke": [good, sweep]}, "smoke", tmp_path / "notebooks")
    assert len(plan.points_of({"smoke": [good, good]}, "smoke", tmp_path / "notebooks")) == 1
    with pytest.raises(FileNotFoundError, match="absent.md"):
        plan.points_of({"smoke": [{"notebook": "absent"}]}, "smoke", tmp_path / "notebooks")
    (tmp_path / "bad.yaml").write_text("cpuu: []")
    with pytest.raises(ParameterError, match="a study holds cpu, data, gpu, smoke, got cpuu"):
        plan.read_study(tmp_path / "bad.yaml")


@pytest.mark.parametrize("profile", ["smoke", "cpu", "gpu"])
def test_the_committed_study_is_sound(profile, tmp_path, monkeypatch):
    study = plan.read_study(ROOT / "workflow/study.yaml")
    monkeypatch.chdir(tmp_path)
    for folder in plan.data_commands(study):
        Path(folder).mkdir(parents=True)
    assert plan.points_of(study, profile, ROOT / "notebooks")
