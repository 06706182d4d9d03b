"""The command line: one line for what is wrong, and the exit status says of what kind it is."""

from importlib import metadata

import pytest

from n2nf_core import cli
from n2nf_core.bursts import BurstError
from n2nf_core.study import runner


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0 and capsys.readouterr().out == f"n2nf {metadata.version('n2nf-core')}\n"


@pytest.mark.parametrize("arguments", [[], ["rum"], ["collect", "runs", "--profiles", "fast", "--out", "x"]])
def test_a_command_that_there_is_not_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2 and "usage: n2nf" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (BurstError("no frames"), 2, "error: no frames\n"),
        (FileNotFoundError("no notebook"), 2, "error: no notebook\n"),
        (RuntimeError("wrote no result"), 1, "error: wrote no result\n"),
        (KeyboardInterrupt(), 130, "stopped; the same command goes on from the last checkpoint\n"),
    ],
)
def test_the_exit_status_says_of_what_kind_a_fault_is(monkeypatch, capsys, error, status, message):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(runner, "run_point", fail)
    assert cli.main(["run", "tiny.md"]) == status
    assert capsys.readouterr().err == message
