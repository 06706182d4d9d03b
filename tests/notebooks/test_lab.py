"""A real JupyterLab server opens the text notebooks as notebooks and saves them as text, with an .ipynb twin."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "test-token"


@pytest.fixture
def server(tmp_path):
    """JupyterLab on a copy of notebooks/, token on; yields (folder, call)."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for source in (*(ROOT / "notebooks").glob("*.md"), ROOT / "notebooks/jupytext.toml"):
        shutil.copy(source, folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    process = subprocess.Popen(
        [*command, f"--IdentityProvider.token={TOKEN}"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def call(path, method="GET", body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    for _ in range(120):
        try:
            call("api/status")
            break
        except OSError:
            time.sleep(0.5)
    yield folder, call
    process.terminate()
    process.wait(timeout=30)


def test_lab_opens_text_as_a_notebook_and_saves_an_edit_to_the_text(server):
    folder, call = server
    opened = call("api/contents/00_start_here.md?type=notebook&content=1")
    assert opened["type"] == "notebook"
    cells = opened["content"]["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 10 and any("parameters" in cell["metadata"].get("tags", []) for cell in code)
    code[-1]["source"] += "\nprint('edited in the lab')"
    saved = call(
        "api/contents/00_start_here.md", "PUT", {"type": "notebook", "format": "json", "content": opened["content"]}
    )
    assert saved["type"] == "notebook"
    text = (folder / "00_start_here.md").read_text()
    assert "edited in the lab" in text and text.startswith("---\njupytext:")
    twin = json.loads((folder / "00_start_here.ipynb").read_text())
    assert "edited in the lab" in "".join(twin["cells"][-1]["source"])
