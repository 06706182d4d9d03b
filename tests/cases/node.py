"""The page's modules in Node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from n2nf_core.widgets import modules

SIGMAS = 5  # standard errors that a moment may be off by


JS = Path(modules.__file__).parent / "js"


def node(script: str, folder: Path):
    """What a module that prints JSON says; ``JS`` in it is the folder of the modules."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node: install Node.js 18 or newer to run the page's modules")
    path = folder / "script.mjs"
    path.write_text(script.replace("JS/", JS.as_uri() + "/"))
    return json.loads(subprocess.run([program, str(path)], capture_output=True, text=True, check=True).stdout)
