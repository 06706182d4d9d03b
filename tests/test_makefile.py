"""Make hands on what a user gives as it was typed: no value is read by make or by a shell."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TYPED = ["it's", "a$b", "a$$b", "$(shell touch pwned)", "x'; touch pwned; '", '"; touch pwned; "', "`touch pwned`",
         "two words", "end ", "Größe 画", "-dash", "--out=x", "a#b", "a\\b", "a:b", "*", "%", "a,b", "~"]  # fmt: skip
SAY = """#!/usr/bin/env python3
import json, os, sys
with open("said", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
"""

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")


@pytest.fixture
def make(tmp_path):
    """Call with arguments of make, and variables of the environment: the arguments of the program that it starts."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt", ".venv/bin/python", ".venv/.ready"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(SAY)
        (tmp_path / name).chmod(0o755)

    def run(*arguments, **environment):
        (tmp_path / "said").unlink(missing_ok=True)
        own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(["make", *arguments], cwd=tmp_path, env=own | environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert not (tmp_path / "pwned").exists()
        return [json.loads(line) for line in (tmp_path / "said").read_text().splitlines()]

    return run


def settings(words: list[str]) -> dict[str, str]:
    """The values after -p."""
    return {words[k + 1]: words[k + 2] for k, word in enumerate(words) if word == "-p"}


@pytest.mark.parametrize("typed", TYPED)
def test_values_of_the_demo_arrive_as_typed(make, typed):
    names = {"DATA": "data", "SEED": "seed", "PROFILE": "profile", "BLACK": "black", "WHITE": "white", "CFA": "cfa"}
    for given in (("demo", *(f"{name}={typed}" for name in (*names, "OUT"))), ("demo",)):
        environment = {} if len(given) > 1 else dict.fromkeys((*names, "OUT"), typed)
        (words,) = make(*given, **environment)
        assert settings(words) == dict.fromkeys(names.values(), typed)
        assert f"--out={typed}" in words


def test_what_is_not_given_is_not_passed(make):
    (words,) = make("demo")
    assert settings(words) == {"profile": "smoke", "seed": "0"} and "--out=" in words
    (words,) = make("demo", "DATA=x.npz", "WHITE=1")
    assert settings(words) == {"profile": "smoke", "seed": "0", "data": "x.npz", "white": "1"}


@pytest.mark.parametrize("typed", TYPED)
def test_values_of_the_study_and_the_benchmark_arrive_as_typed(make, typed):
    given = [f"{name}={typed}" for name in ("PROFILE", "RUNS", "ENGINE", "THREADS", "DEVICE")]
    (words,) = make("study", *given)
    assert words[:3] == ["-m", "n2nf_core.cli", "study"]
    assert words[3:] == [f"--{name}={typed}" for name in ("profile", "engine", "threads", "runs")]
    (words,) = make("results", *given)
    assert words[-2:] == ["--", typed]
    (words,) = make("bench", *given)
    assert f"--device={typed}" in words and f"--json=benchmarks/bench-{typed}.json" in words


def test_the_interpreter_may_have_any_path_and_constants_are_constant(make, tmp_path):
    (tmp_path / ".venv/.ready").unlink()
    python = tmp_path / "it's $(touch pwned) a python"
    shutil.copy(tmp_path / ".venv/bin/python", python)
    said = make("demo", f"PYTHON={python}", "VENV=x; touch pwned;")
    assert said[0][0] == "-c", "the interpreter that was given is asked for its version"


def test_the_demo_installs_what_it_needs_and_no_more(make, tmp_path):
    """Once everything is there, the demo takes that."""
    (tmp_path / ".venv/.ready").unlink()

    def installed(target):
        return next(word for words in make(target) if "pip" in words for word in words if word.startswith(".["))

    assert installed("demo") == ".[run]"
    assert len(make("demo")) == 1
    assert installed("lab") == ".[lab,test,workflow]"
    (tmp_path / ".venv/.run").unlink()
    assert len(make("demo")) == 1
