"""The command without its script."""

import subprocess
import sys
from importlib import metadata


def test_the_package_runs_as_a_module():
    run = subprocess.run([sys.executable, "-m", "n2nf_core.cli", "--version"], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, f"n2nf {metadata.version('n2nf-core')}\n")
