"""A real JupyterLab: text notebooks open as notebooks, run, and are saved as text; widgets work with a kernel."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "test-token"
SCREENSHOTS = ROOT / "screenshots"
PATIENCE = 300_000  # ms that a condition may take on a busy machine
JUPYTEXT = "jupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"


def write_stack(path):
    """A small stack with photon and read noise, as a reader might have one."""
    rng = np.random.default_rng(0)
    clean = 100 + 400 * np.add.outer(np.sin(np.arange(160) / 9) ** 2, np.cos(np.arange(160) / 7) ** 2)
    frames = rng.poisson(clean, (6, 160, 160)) + 4 * rng.standard_normal((6, 160, 160))
    np.savez(path, frames=frames.round().clip(0).astype(np.uint16), black=100, white=2000, camera="mine", iso=400)


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
    command.append("--LabApp.expose_app_in_browser=True")  # window.jupyterapp
    process = subprocess.Popen(
        [*command, f"--IdentityProvider.token={TOKEN}"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings")},
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

    call.address = f"http://127.0.0.1:{port}"
    for _ in range(240):
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


@pytest.fixture
def browser_page():
    """A page of a real Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser: install chromium")
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


NEW_CELLS = {
    "lab": "from n2nf_core.widgets.lab import NoiseLab\nNoiseLab()",
    "burst": "from n2nf_core.widgets.burst import YourBurst\nmine = YourBurst()\nmine",
    "made": "print('trained:', type(mine.noise_model).__name__, type(mine.denoiser).__name__)",
}


def append_cell(page, source):
    """A new cell at the end of the open notebook, by the keyboard, and run it."""
    page.keyboard.press("Escape")
    page.evaluate("window.jupyterapp.commands.execute('notebook:move-cursor-down')")
    last = (
        "() => { const n = window.jupyterapp.shell.currentWidget.content; n.activeCellIndex = n.widgets.length - 1; }"
    )
    page.evaluate(last)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:insert-cell-below')")
    page.evaluate(
        "source => window.jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.setSource(source)", source
    )
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-cell'); }")


def all_run(page, printed):
    """Run all cells, and wait until the kernel is idle and a text has been printed."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
    page.wait_for_function(
        """text => { const panel = window.jupyterapp.shell.currentWidget;
        const cells = panel.content.widgets.filter(cell => cell.model.type === 'code');
        const said = cells.flatMap(cell => cell.model.outputs.toJSON()).map(o => JSON.stringify(o)).join();
        return panel.sessionContext.session?.kernel?.status === 'idle' && said.includes(text)
          && cells.every(cell => cell.model.executionCount || !cell.model.sharedModel.source); }""",
        arg=printed,
    )


def test_a_reader_works_in_the_lab(server, browser_page, tmp_path):
    """Open the text as a notebook, run it, use both widgets, save, restart: what people do, in a real browser."""
    folder, call = server
    mine = tmp_path / "mine.npz"
    write_stack(mine)
    page = browser_page
    page.goto(f"{call.address}/lab/tree/00_start_here.md?factory=Notebook&token={TOKEN}")
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    all_run(page, "least NLL: ")
    append_cell(page, NEW_CELLS["lab"])
    page.wait_for_function(
        "() => { const d = document.querySelector('.lab')?.dataset; return d?.drawn && d.drawn === d.asked; }"
    )
    picture = "() => document.querySelector('.panel[data-kind=noise_flow] canvas').toDataURL()"
    before = page.evaluate(picture)
    page.locator(".lab input[name=seed]").fill("7")
    page.wait_for_function(f"before => ({picture})() !== before", arg=before)
    append_cell(page, NEW_CELLS["burst"])
    page.locator(".burst input[name=path]").fill(str(tmp_path / "nothing.npz"))
    page.locator(".burst button[name=open]").click()
    page.wait_for_function("() => document.querySelector('.burst .error').textContent.includes('no such file')")
    page.locator(".burst input[name=path]").fill(str(mine))
    page.locator(".burst input[name=path]").press("Enter")
    page.wait_for_selector(".burst .chart svg[aria-label^='Photon transfer: shot ']")
    page.locator(".burst button[name=train]").click()
    page.wait_for_selector(".burst[data-state=trained]")
    assert "checkpoint: " in page.inner_text(".burst .status")
    page.wait_for_selector(".burst .chart svg[aria-label^='PSNR of the denoiser']")
    SCREENSHOTS.mkdir(exist_ok=True)
    page.locator(".burst").screenshot(path=SCREENSHOTS / "jupyterlab-burst.png")
    append_cell(page, NEW_CELLS["made"])
    page.wait_for_selector(".jp-OutputArea-output:has-text('trained: NoiseFlow DnCNN')")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    text = (folder / "00_start_here.md").read_text()
    assert all(source.splitlines()[-1] in text for source in NEW_CELLS.values()) and text.startswith("---\njupytext:")
    assert list((folder / "runs/your_burst").glob("*/checkpoints/step-*/tensors.safetensors"))


def test_a_notebook_restarts_and_runs_again(server, browser_page):
    folder, call = server
    source = "---\nkernelspec:\n  name: python3\n  display_name: Python 3\n  language: python\n---\n\n"
    cells = "```{code-cell} ipython3\nimport os\nseen = globals().get('seen', 0) + 1\nprint(f'run {seen} done')\n```\n"
    (folder / "again.md").write_text(source.replace("kernelspec:", JUPYTEXT + "kernelspec:") + cells)
    page = browser_page
    page.goto(f"{call.address}/lab/tree/again.md?factory=Notebook&token={TOKEN}")
    page.wait_for_function(
        "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
    )
    all_run(page, "run 1 done")
    all_run(page, "run 2 done")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    all_run(page, "run 1 done")
