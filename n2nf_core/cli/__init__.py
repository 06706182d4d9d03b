"""The command ``n2nf``. Each of its subcommands only calls the other packages."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from importlib import metadata

from n2nf_core.cli import check, data, lab, measure, model, models, study
from n2nf_core.cli.command import Commands
from n2nf_core.files import reason, show_warning

GROUPS = (check, measure, model, models, data, lab, study)
"""Modules of subcommands, in the order in which ``n2nf --help`` lists them."""


EXTRAS = {
    **dict.fromkeys(("anywidget", "ipykernel", "jupyterlab", "jupytext", "papermill"), "lab"),
    **dict.fromkeys(("pyarrow", "snakemake", "yaml"), "workflow"),
}
"""Package that a plain installation does not have -> the extra that brings it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status is 0 if done, 1 if the work failed, 2 for bad input, 130 if stopped.

    Errors and warnings are printed to standard error, in one line each.
    """
    options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            return options.call(options)
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        told = f"{name} is not installed: pip install 'n2nf-core[{EXTRAS[name]}]'" if name in EXTRAS else reason(error)
        print(f"error: {told}", file=sys.stderr)
        return 2
    except (ValueError, OSError, ImportError) as error:  # BurstError and UnknownCameraError are ValueErrors
        print(f"error: {reason(error)}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; a training goes on from its last checkpoint with the same command", file=sys.stderr)
        return 130


def _joined(arguments: Sequence[str]) -> list[str]:
    """The arguments with ``-p NAME VALUE`` as ``-pNAME=VALUE`` and ``--black A B C D`` as ``--black=A,B,C,D``.

    On their own, such values may look like options or like files.
    """
    rest, joined = list(arguments), []
    while rest:
        option, values = rest[0], rest[1:5]
        if option == "-p" and len(values) > 1:
            joined.append(f"-p{values[0]}={values[1]}")
            del rest[:3]
        elif option == "--black" and len(values) == 4 and all(map(_is_number, values)):
            joined.append(f"--black={','.join(values)}")
            del rest[:5]
        else:
            joined.append(rest.pop(0))
    return joined


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="n2nf", description="Camera-noise modelling without clean images.")
    parser.add_argument("--version", action="version", version=f"n2nf {metadata.version('n2nf-core')}")
    commands = Commands(parser)
    for group in GROUPS:
        group.add(commands)
    return parser
