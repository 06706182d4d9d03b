"""Subcommands enter the parser with their help."""

import argparse
import re

import pytest

from n2nf_core import cli
from n2nf_core.cli.command import Commands

NAMES = (
    "check",
    "measure",
    "model",
    "export",
    "noise",
    "denoise",
    "convert",
    "simulate",
    "lab",
    "run",
    "study",
    "collect",
)


def test_a_command_is_added_with_its_call():
    parser = argparse.ArgumentParser()
    Commands(parser).add("shout", str.upper, "Shout.\n\n    n2nf shout").add_argument("word")
    options = parser.parse_args(["shout", "a"])
    assert options.call("a") == "A" and options.word == "a"
    assert "Shout." in parser.format_help() and "n2nf shout" not in parser.format_help()


@pytest.mark.parametrize("name", NAMES)
def test_every_help_has_an_example(name, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0 and f"\n    n2nf {name} " in capsys.readouterr().out


def test_the_help_lists_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert tuple(re.findall(r"^    (\w+)", capsys.readouterr().out, re.MULTILINE)) == NAMES
