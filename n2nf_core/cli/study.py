"""The subcommands of a study: run a notebook, run all points of a study, collect the results of many runs."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

from n2nf_core.cli.command import Commands
from n2nf_core.study.parameters import PROFILES

RUN = """\
Run a text notebook without a browser: check its parameters, convert it, execute it with papermill.

    n2nf run notebooks/00_start_here.md -p profile smoke -p seed 1
    n2nf run notebooks/00_start_here.md --out runs/demo -p profile smoke

The first command runs one point of a study. It writes runs/<date>-<notebook>-<hash>/{run.ipynb, params.json,
result.json}. The hash is made from the parameters, the data and the code that decide the numbers. A point is not run
again if its result.json is whole, and a point that was stopped continues from its checkpoints. With --out, the notebook
is always run, and the executed notebook and its JSON are written to that folder. They replace those of an earlier run
when they are complete; a folder with the results of other parameters is refused.
"""

STUDY = """\
Run every point of a study that is not finished, and collect its tables.

    n2nf study --profile smoke
    n2nf study my_study.yaml --profile cpu --threads 1 --notebooks n2nf_notebooks

Without a file, it is the study that comes with the package: every notebook over its grid of parameters. The data that
the study names are simulated first. Results are kept in the folder runs, and the tables in runs/tables-PROFILE. A study
that was stopped, in whatever way, goes on with the same command. The engine is Snakemake, which the extra workflow
brings: pip install 'n2nf-core[workflow]'.
"""

COLLECT = """\
Collect the results of a study's points into tables and figures.

    n2nf collect runs --profiles cpu gpu --out results
    n2nf collect runs/2026-01-31-30_train_jointly-0123456789 --out somewhere

Each folder is a run or contains runs. Of several runs with the same notebook and parameters, the newest is used.
"""


def add(commands: Commands) -> None:
    """Add ``n2nf run``, ``n2nf study`` and ``n2nf collect``."""
    run = commands.add("run", _run, RUN)
    run.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="text notebook, such as n2nf lab copies")
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of a study's points")
    run.add_argument("--date", default="", help="date in the name of a new point's folder, instead of today's")
    run.add_argument("--out", help="folder for the executed notebook and its JSON; for '' one below --runs is chosen")
    run.add_argument("-p", type=_setting, action="append", default=[], metavar="NAME VALUE", help="set a parameter")
    study = commands.add("study", _study, STUDY)
    study.add_argument("study", type=Path, nargs="?", default=None, metavar="FILE", help="YAML file of the study")
    study.add_argument("--profile", default="smoke", help=f"one of {', '.join(PROFILES)}; smoke by default")
    study.add_argument("--runs", default="runs", help="folder of the study's points")
    study.add_argument("--notebooks", type=Path, help="folder of the notebooks, instead of the package's")
    study.add_argument("--engine", default="local", help="local, slurm, or a folder with a Snakemake profile")
    study.add_argument("--threads", default="0", help="threads of each point; by default all cores")
    collect = commands.add("collect", _collect, COLLECT)
    collect.add_argument("folders", type=Path, nargs="+", metavar="RUNS", help="runs, or folders that contain runs")
    collect.add_argument("--profiles", nargs="+", default=list(PROFILES), choices=list(PROFILES), help="all of them")
    collect.add_argument("--out", type=Path, required=True, help="folder of the tables and figures")


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("give a NAME and a VALUE")
    return name, value


def _run(options: argparse.Namespace) -> int:
    from papermill.exceptions import PapermillExecutionError

    from n2nf_core.study.runner import default_out, run_notebook, run_point

    given, failed = dict(options.p), "run.ipynb in the folder named above"
    try:
        if options.out is not None:
            out = Path(options.out or default_out(options.notebook, options.runs, given))
            failed = out / f"{options.notebook.stem}.failed.ipynb"
            result, ran = run_notebook(options.notebook, out, given), True
            executed = result.with_suffix(".ipynb")
        else:
            result, ran = run_point(options.notebook, options.runs, given, day=options.date)
            executed = result.with_name("run.ipynb")
    except PapermillExecutionError as error:
        print(f"error in cell [{error.exec_count}]: {error.ename}: {error.evalue}", file=sys.stderr)
        print(f"the notebook up to this cell, with the traceback: {failed}", file=sys.stderr)
        return 1
    print(f"results: {result}\nnotebook with figures: {executed}" if ran else f"finished already: {result}")
    return 0


def _study(options: argparse.Namespace) -> int:
    from n2nf_core.study.shipped import NOTEBOOKS, WORKFLOW

    if importlib.util.find_spec("snakemake") is None:
        raise ModuleNotFoundError("Snakemake runs a study", name="snakemake")
    study, engine = options.study or WORKFLOW / "study.yaml", WORKFLOW / "profiles" / options.engine
    if not study.is_file():
        raise FileNotFoundError(f"{study}: there is no such file: give the YAML file of a study, or none")
    words = [sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW / "Snakefile")]
    words += ["--profile", str(engine if engine.is_dir() else options.engine), "--config", f"study={study.resolve()}"]
    words += [f"notebooks={(options.notebooks or NOTEBOOKS).resolve()}", f"profile={options.profile}"]
    words += [f"runs={options.runs}", f"threads={options.threads}"]
    made = subprocess.run([*words, "--quiet", "--", "data"]).returncode
    return made or subprocess.run([*words, "--", "study"]).returncode


def _collect(options: argparse.Namespace) -> int:
    from n2nf_core.study.tables.collect import collect

    print(*collect(options.folders, options.profiles, options.out), sep="\n")
    return 0
