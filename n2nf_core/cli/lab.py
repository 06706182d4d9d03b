"""The subcommand ``n2nf lab``."""

from __future__ import annotations

import argparse
from pathlib import Path

from n2nf_core.cli.command import Commands

LAB = """\
Copy the notebooks to a folder and open them in JupyterLab.

    n2nf lab
    n2nf lab my_notebooks --port 9999 --no-browser

Text notebooks open with a double click. Files that are in the folder are yours: they are not overwritten, and a line
names those that differ from the package's. JupyterLab is installed by the extra lab: pip install 'n2nf-core[lab]'.
"""


def add(commands: Commands) -> None:
    """Add ``n2nf lab``."""
    parser = commands.add("lab", _lab, LAB)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("n2nf_notebooks"), metavar="FOLDER")
    parser.add_argument("--port", type=int, default=8888, help="port of the server (8888, or the next that is free)")
    parser.add_argument("--no-browser", action="store_true", help="print the address, and open no browser")


def _lab(options: argparse.Namespace) -> int:
    import anywidget  # noqa: F401 (the notebooks need these, and are not opened without)
    import ipykernel  # noqa: F401
    import jupytext  # noqa: F401
    from jupyterlab.labapp import LabApp

    from n2nf_core.study.shipped import LAB_SETTINGS, copy_notebooks

    written, changed = copy_notebooks(options.folder)
    print(f"{options.folder}: {len(written)} files copied", flush=True)
    for path in changed:
        print(f"kept: {path} differs from the package's; remove it to have that one copied", flush=True)
    words = [f"--ServerApp.root_dir={options.folder.resolve()}", f"--LabApp.app_settings_dir={LAB_SETTINGS}"]
    words += [f"--ServerApp.port={options.port}", *(["--no-browser"] if options.no_browser else [])]
    LabApp.launch_instance(words)
    return 0
