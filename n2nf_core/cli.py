"""The command ``n2nf``. Each of its subcommands only calls the other packages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from n2nf_core.files import reason
from n2nf_core.training import PROFILES

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

COLLECT = """\
Collect the results of a study's points into tables and figures.

    n2nf collect runs --profiles cpu gpu --out results
    n2nf collect runs/2026-01-31-30_train_jointly-0123456789 --out somewhere

Each folder is a run or contains runs. Of several runs with the same notebook and parameters, the newest is used.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0 if done, 1 if the work failed, 2 for bad input, 130 if stopped."""
    options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        return options.call(options)
    except (ValueError, OSError) as error:  # a BurstError is a ValueError
        print(f"error: {reason(error)}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130


def _joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with every ``-p NAME VALUE`` as one, ``-pNAME=VALUE``: alone, a VALUE may look like an option."""
    rest, joined = list(arguments), []
    while rest:
        taken = 3 if rest[0] == "-p" and len(rest) > 2 else 1
        joined.append(f"-p{rest[1]}={rest[2]}" if taken == 3 else rest[0])
        del rest[:taken]
    return joined


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("give a NAME and a VALUE")
    return name, value


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
    run.add_argument("--out", help="folder for the executed notebook and its JSON; '' names one below --runs")
    run.add_argument("-p", type=_setting, action="append", default=[], metavar="NAME VALUE", help="set a parameter")
    collect = command(_collect, COLLECT)
    collect.add_argument("folders", type=Path, nargs="+", help="runs, or folders that contain runs")
    collect.add_argument("--profiles", nargs="+", default=list(PROFILES), choices=list(PROFILES))
    collect.add_argument("--out", type=Path, required=True, help="folder of the tables and figures")
    return parser


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


def _collect(options: argparse.Namespace) -> int:
    from n2nf_core.study.collect import collect

    print(*collect(options.folders, options.profiles, options.out), sep="\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
