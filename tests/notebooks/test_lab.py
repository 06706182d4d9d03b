"""A real JupyterLab in a real browser: text notebooks open, run, restart and are saved as text; widgets work."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TOKEN = "test-token"
PATIENCE = 120_000  # ms that a step may take on a busy machine
WIDGETS = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

```{code-cell} ipython3
import os

from n2nf_core.widgets.burst import YourBurst
from n2nf_core.widgets.lab import NoiseLab

runs = globals().get("runs", 0) + 1
print(f"run {runs} in process {os.getpid()}")
```

```{code-cell} ipython3
NoiseLab()
```

```{code-cell} ipython3
mine = YourBurst()
mine
```
"""
# [error outputs, text printed] once the last cell or a faulty one has run, else null
ENDED = """() => { const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.widgets.filter(({ model }) => model.type === "code").map(({ model }) => model);
  const outputs = cells.flatMap((model) => model.outputs.toJSON());
  const errors = outputs.filter((output) => output.output_type === "error").map(({ evalue }) => evalue);
  const idle = panel.sessionContext.session?.kernel?.status === "idle";
  if (!idle || !(errors.length || cells.at(-1).executionCount)) return null;
  return [errors, outputs.map(({ text }) => [text ?? ""].flat().join("")).join("")]; }"""


@pytest.fixture
def folder(tmp_path):
    """A folder of notebooks, never the repository's own."""
    return tmp_path / "notebooks"


@pytest.fixture
def open_notebook(folder, tmp_path, chromium):
    """open_notebook(name) -> a page of the JupyterLab of ``n2nf lab``, with that text open as a notebook, kernel ready.

    The token is on. The reader's own settings are an empty folder.
    """
    config = {"ServerApp": {"allow_root": True}, "LabApp": {"expose_app_in_browser": True}}
    (tmp_path / "config").mkdir()
    (tmp_path / "config/jupyter_config.json").write_text(json.dumps(config | {"IdentityProvider": {"token": TOKEN}}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "n2nf_core.cli", "lab", str(folder), "--no-browser", "--port", str(port)]
    folders = {"PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": f"{tmp_path}/config"}
    folders |= {f"JUPYTERLAB_{name}_DIR": f"{tmp_path}/{name}" for name in ("SETTINGS", "WORKSPACES")}
    server = subprocess.Popen(command, cwd=tmp_path, env=os.environ | folders, stderr=subprocess.PIPE, text=True)
    log = next((line for line in server.stderr if "is running at" in line), None)
    assert log, f"JupyterLab ended with {server.wait()}"
    threading.Thread(target=server.stderr.read, daemon=True).start()  # or a full pipe would hold it
    context = chromium.new_context(viewport={"width": 1280, "height": 3600})  # all cells in sight, so all are drawn

    def open_(name):
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"http://127.0.0.1:{port}/lab?token={TOKEN}")
        page.locator(".jp-DirListing-item", has_text=name).dblclick()
        page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        return page

    yield open_
    context.close()
    server.terminate()
    server.wait(timeout=30)


def command(page, name, arguments=None):
    """Start a command of JupyterLab's menus, without waiting for its end."""
    page.evaluate("([name, args]) => { window.jupyterapp.commands.execute(name, args); }", [name, arguments or {}])


def test_start_here_opens_from_its_text_runs_and_is_saved_to_the_text(folder, open_notebook):
    page = open_notebook("00_start_here.md")
    command(page, "notebook:run-all-cells")
    errors, printed = page.wait_for_function(ENDED).json_value()
    assert not errors and "least NLL: " in printed
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Control+End")
    page.keyboard.insert_text("\nprint('edited in the lab')")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.context.model.dirty")
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")
    text = (folder / "00_start_here.md").read_text()
    assert "print('edited in the lab')\n```" in text and text.startswith("---\njupytext:")
    assert "least NLL" not in text.replace('print(f"least NLL', "")  # outputs are the twin's
    assert "edited in the lab" in (folder / "00_start_here.ipynb").read_text()


def test_widgets_work_with_a_kernel_that_is_then_restarted(folder, open_notebook, tmp_path):
    (folder / "widgets.md").write_text(WIDGETS)
    rng = np.random.default_rng(0)
    clean = 100 + 400 * np.add.outer(np.sin(np.arange(160) / 9) ** 2, np.cos(np.arange(160) / 7) ** 2)
    frames = (rng.poisson(clean, (6, 160, 160)) + 4 * rng.standard_normal((6, 160, 160))).round().clip(0)
    np.savez(tmp_path / "mine.npz", frames=frames.astype(np.uint16), black=100, white=2000, camera="mine", iso=400)
    page = open_notebook("widgets.md")
    command(page, "notebook:run-all-cells")
    errors, printed = page.wait_for_function(ENDED).json_value()
    first = re.search(r"run 1 in process (\d+)", printed)[1]
    assert not errors
    drawn = "() => { const d = document.querySelector('.lab')?.dataset; return d?.drawn && d.drawn === d.asked; }"
    page.wait_for_function(drawn)
    picture = "() => document.querySelector('.lab .panel[data-kind=noise_flow] canvas').toDataURL()"
    before = page.evaluate(picture)
    page.locator(".lab input[name=seed]").fill("7")
    page.wait_for_function(f"(before) => ({picture})() !== before", arg=before)
    page.locator(".burst input[name=path]").fill(str(tmp_path / "mine.npz"))
    page.locator(".burst button[name=open]").click()
    page.locator(".burst .chart svg[aria-label^='Photon transfer: shot ']").wait_for()
    page.locator(".burst button[name=train]").click()
    page.locator(".burst[data-state=trained]").wait_for()
    page.locator(".burst .chart svg[aria-label^='PSNR of the denoiser']").wait_for()
    assert list((folder / "runs/your_burst").glob("*/checkpoints/step-*/tensors.safetensors"))
    (ROOT / "screenshots").mkdir(exist_ok=True)
    for theme in ("Light", "Dark"):
        command(page, "apputils:change-theme", {"theme": f"JupyterLab {theme}"})
        page.locator(f"body[data-jp-theme-name='JupyterLab {theme}']").wait_for(state="attached")
        page.screenshot(path=ROOT / f"screenshots/jupyterlab-{theme.lower()}.png")
    command(page, "notebook:restart-run-all")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    other = rf"/run 1 in process (?!{first}\b)\d/"
    ended = f"() => {{ const ended = ({ENDED})(); return {other}.test(ended?.[1]) && ended; }}"
    errors, _ = page.wait_for_function(ended).json_value()
    assert not errors
    page.locator(".burst[data-state=empty]").wait_for()
    page.wait_for_function(drawn)
