"""Figures in the page of benchmarks are those of the committed run, and the run says where it came from."""

import json
from pathlib import Path

import pytest

from benchmarks.page import tables

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("heading", tables())
def test_tables_are_read_not_retyped(heading):
    table = tables()[heading]
    assert f"## {heading}\n\n{table}\n" in (ROOT / "benchmarks/README.md").read_text(), (
        f"benchmarks/README.md should hold under {heading}, as python -m benchmarks.page prints it:\n\n{table}"
    )


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks").glob("*.json")), ids=lambda p: p.stem)
def test_measurements_say_what_made_them(path):
    block = json.loads(path.read_text())["provenance"]
    assert block["command"] and len(block["commit"]) == 40, "made from a working tree with changes"
