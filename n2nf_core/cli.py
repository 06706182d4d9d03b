"""The command ``n2nf``. Each of its subcommands only calls the other packages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from n2nf_core.training import PROFILES

RUN = """\
Run a text notebook without a browser: check its parameters, convert it, execute it with papermill.

    n2nf run notebooks/00_start_here.md -p profile smoke -p seed 1
    n2nf run notebooks/00_start_here.md --out runs/demo -p profile smoke

The first command runs one point of a study. It writes runs/<date>-<notebook>-<hash>/{run.ipynb, params.json,
result.json}. The hash is made from the parameters, the data and the code that decide the numbers. A point is not run
again if its result.json exists, and a point that was stopped continues from its checkpoints. With --out, the notebook
is always run, and the executed notebook and its JSON are written to that folder.
"""

COLLECT = """\
Collect the results of a study's points into tables and figures.

    n2nf collect runs --profiles cpu gpu --out results
    n2nf collect runs/2026-01-31-30_train_jointly-0123456789 --out somewhere

Each folder is a run or contains runs. Of several runs with the same notebook and parameters, the newest is used.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0 if done, 1 if the work failed, 2 for bad input, 130 if stopped."""
    options = _parser().parse_args(arguments)
    try:
        return options.call(options)
    except (ValueError, OSError) as error:  # a BurstError is a ValueError
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="n2nf", description="Camera-noise modelling without clean images.")
    parser.add_argument("--version", action="version", version=f"n2nf {metadata.version('n2nf-core')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(call, text: str) -> argparse.ArgumentParser:
        name = call.__name__.removeprefix("_")
        form = argparse.RawDescriptionHelpFormatter
        added = commands.add_parser(name, help=text.splitlines()[0], description=text, formatter_class=form)
        added.set_defaults(call=call)
        return added

    run = command(_run, RUN)
    run.add_argument("notebook", type=Path)
    run.add_argument("--runs", type=Path, default=Path("runs"), help="folder of a study's points")
    run.add_argument("--date", default="", help="date in the name of a new point's folder, instead of today's")
    run.add_argument("--out", type=Path, help="folder for the executed notebook and its JSON, instead of --runs")
    run.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    collect = command(_collect, COLLECT)
    collect.add_argument("folders", type=Path, nargs="+", help="runs, or folders that contain runs")
    collect.add_argument("--profiles", nargs="+", default=list(PROFILES), choices=list(PROFILES))
    collect.add_argument("--out", type=Path, required=True, help="folder of the tables and figures")
    return parser


def _run(options: argparse.Namespace) -> int:
    from papermill.exceptions import PapermillExecutionError

    from n2nf_core.study.runner import run_notebook, run_point

    try:
        if options.out:
            result, ran = run_notebook(options.notebook, options.out, dict(options.p)), True
            executed = result.with_suffix(".ipynb")
        else:
            result, ran = run_point(options.notebook, options.runs, dict(options.p), day=options.date)
            executed = result.with_name("run.ipynb")
    except PapermillExecutionError as error:
        print(f"error in cell [{error.exec_count}]: {error.ename}: {error.evalue}", file=sys.stderr)
        where = options.out or "run.ipynb in the folder named above"
        print(f"the notebook up to this cell, with the traceback: {where}", file=sys.stderr)
        return 1
    print(f"results: {result}\nnotebook with figures: {executed}" if ran else f"finished already: {result}")
    return 0


def _collect(options: argparse.Namespace) -> int:
    from n2nf_core.study.collect import collect

    print(*collect(options.folders, options.profiles, options.out), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
