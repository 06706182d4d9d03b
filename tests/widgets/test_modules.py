"""Several modules of the page joined into one text."""

import re
import shutil
import subprocess

import pytest

from n2nf_core.widgets import modules


def test_joined_modules_are_one_module(tmp_path):
    text = modules.widget("lab.js")
    assert not re.search(r"^(import|export (?!default))", text, re.MULTILINE)
    (tmp_path / "lab.mjs").write_text(text)
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node: install Node.js 18 or newer to check the joined modules")
    subprocess.run([program, "--check", str(tmp_path / "lab.mjs")], check=True)


@pytest.mark.parametrize("name", ["anatomy.js", "before_after.js", "burst.js", "explorer.js"])
def test_a_widgets_modules_join_into_one(name, tmp_path):
    text = modules.joined(name)
    assert not re.search(r"^(import|export (?!default))", text, re.MULTILINE)
    (tmp_path / "joined.mjs").write_text(text)
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node: install Node.js 18 or newer to check the joined modules")
    subprocess.run([program, "--check", str(tmp_path / "joined.mjs")], check=True)
