"""The book's table of mistakes: each is made, and prints what the table says."""

import re
import shlex

import pytest
from cases.mistakes import mistakes, write_files

from n2nf_core import cli


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with the files of all commands, for every row of the table."""
    folder = tmp_path_factory.mktemp("mistakes")
    write_files(folder)
    return folder


def status_of(words):
    """The exit status, also of a command line that argparse refuses."""
    try:
        return cli.main(words)
    except SystemExit as ended:
        return ended.code


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.what)
def test_a_mistake_prints_what_the_table_says(mistake, files, monkeypatch, capsys):
    monkeypatch.chdir(files)
    assert status_of(shlex.split(mistake.command)[1:]) == mistake.status
    printed = capsys.readouterr()
    lines = [line.strip() for line in (printed.err + printed.out).splitlines()]
    wanted = re.compile(".*".join(re.escape(part) for part in mistake.prints.split("...")))
    assert any(wanted.fullmatch(line) for line in lines), printed


def test_the_table_is_whole():
    rows = mistakes()
    assert len(rows) >= 20 and len({row.command for row in rows}) == len(rows)
    commands = {shlex.split(row.command)[1] for row in rows}
    assert {"check", "measure", "model", "noise", "denoise", "export", "run", "convert"} <= commands
