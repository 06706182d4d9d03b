"""Labels: one table for the figures and the pages, and no label a second time in the pages' modules."""

import json
import shutil
import subprocess

import pytest

from n2nf_core.plots import heading, label
from n2nf_core.plots.theme import LABELS
from n2nf_core.widgets import before_after, modules


def test_the_page_says_what_the_figures_say(tmp_path):
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node: install Node.js 18 or newer to run the page's modules")
    names = [*LABELS, "own 1", ""]
    script = f"console.log(JSON.stringify({json.dumps(names)}.map((name) => [labelOf(name), headingOf(name)])));"
    (tmp_path / "labels.mjs").write_text(modules.joined("labels.js") + script)
    run = subprocess.run([program, str(tmp_path / "labels.mjs")], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [[label(name), heading(name)] for name in names]


@pytest.mark.parametrize("path", sorted(modules.HOME.glob("*.js")), ids=lambda path: path.name)
def test_no_label_stands_in_a_module(path):
    text = path.read_text()
    told = {shown for name in LABELS for shown in (label(name), heading(name))} - set(LABELS)
    assert not [shown for shown in told for a, b in ('""', "''", "``", "><") if f"{a}{shown}{b}" in text]


@pytest.mark.parametrize("name", ["lab.js", "anatomy.js", "explorer.js", "burst.js"])
def test_widgets_that_name_models_carry_the_table_once(name):
    assert modules.joined(name).count("const LABELS = ") == 1


def test_what_the_before_after_widget_shows_is_in_the_table():
    assert set(before_after.KEYS) <= set(LABELS)
