"""How a subcommand enters ``n2nf``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


class Commands:
    """The subcommands of a parser. A text's first line is what ``n2nf --help`` shows; all of it is the command's help.

    parser: of the command line.
    """

    def __init__(self, parser: argparse.ArgumentParser):
        self._added = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(self, name: str, call: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        """A new subcommand, whose arguments are added to the parser that is returned.

        Arguments:
            name: what is typed.
            call: takes the options and returns the exit status.
            text: the help, with an example.
        """
        form = argparse.RawDescriptionHelpFormatter
        added = self._added.add_parser(name, help=text.splitlines()[0], description=text, formatter_class=form)
        added.set_defaults(call=call)
        return added


def new_file(text: str) -> Path:
    """The path of a file to write, for an option; argparse refuses a folder before any work is done."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder: give the name of a file")
    return Path(text)
