"""The noise lab in Chromium, with a mosaic of 256x256 pixels: python benchmarks/widgets.py.

First every shipped model alone, then the whole lab in its page with six models: a complete redraw after a change of the
ISO, redraws while it is dragged, a picture of 12 megapixels, and the longest task of the page's main thread in each.
Rows of plain values; times are medians, in a page without network, after the code has warmed up.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from n2nf_core.widgets import modules, weights
from n2nf_core.widgets.lab import NoiseLab, shipped_models

SIDE = 128  # plane pixels

SCRIPT = """
async ({code, weights, runs, side}) => {
  const address = URL.createObjectURL(new Blob([code], {type: "text/javascript"}));
  const {readModels, Random} = await import(address);
  const models = readModels(Uint8Array.from(atob(weights), letter => letter.charCodeAt(0)));
  const random = new Random(1);
  const clean = new Float32Array(4 * side * side).map(() => 0.5 * random.uniform());
  return Object.entries(models).map(([name, model]) => {
    const camera = model.cameras[0];
    const context = {clean, height: side, width: side, camera, iso: model.knots.isos[camera][1] * 1.3};
    const times = [];
    for (let k = 0; k < runs + 10; k++) {
      const start = performance.now();
      model.sample(context, random.normals(new Float64Array(clean.length)));
      if (k >= 10) times.push(performance.now() - start);
    }
    times.sort((a, b) => a - b);
    const share = part => times[Math.floor(part * runs)];
    return {model: name, median_ms: share(0.5), low_ms: share(0.1), high_ms: share(0.9), runs};
  });
}
"""


@contextmanager
def chromium():
    """A browser without network."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("no browser: install chromium")
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


def rows(browser, runs: int = 101) -> list[dict]:
    """[{model, median_ms, low_ms, high_ms, runs}]; low and high are the 10th and 90th percentile."""
    code = modules.joined("models.js", "random.js") + "\nexport { readModels, Random };\n"
    data = base64.b64encode(weights.dump(shipped_models())).decode()
    page = browser.new_page()
    page.route("**/*", lambda route: route.abort())
    found = page.evaluate(SCRIPT, {"code": code, "weights": data, "runs": runs, "side": SIDE})
    return [{**row, "pixels": 4 * SIDE**2, "browser": f"Chromium {browser.version}"} for row in found]


# Tasks of the main thread above 50 ms are all that a browser reports; 0 stands for none.
WATCH = """window.longest = 0;
new PerformanceObserver(list => list.getEntries().forEach(({duration}) => window.longest = Math.max(window.longest,
    duration))).observe({type: "longtask", buffered: true})"""
DRAWN = """() => {
  const {drawn, asked} = document.querySelector(".lab")?.dataset ?? {};
  return drawn && drawn === asked;
}"""
REDRAWS = """async runs => {
  const lab = document.querySelector(".lab"), slider = lab.querySelector("input[name=iso]"), times = [];
  for (let k = 0; k < runs; k++) {
    slider.value = Number(slider.min) + (slider.max - slider.min) * (0.2 + 0.6 * ((k * 0.618) % 1));
    const start = performance.now();
    for (const name of ["input", "change"]) slider.dispatchEvent(new Event(name, {bubbles: true}));
    while (lab.dataset.drawn !== lab.dataset.asked) await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
    await new Promise(done => setTimeout(done, 100));
  }
  return times.sort((a, b) => a - b);
}"""
DRAG = """async seconds => {
  const lab = document.querySelector(".lab"), slider = lab.querySelector("input[name=iso]");
  const before = Number(lab.dataset.redraws), start = performance.now();
  for (let k = 0; performance.now() < start + 1000 * seconds; k++) {
    slider.value = Number(slider.min) + (slider.max - slider.min) * (0.5 + 0.4 * Math.sin(k / 20));
    slider.dispatchEvent(new Event("input", {bubbles: true}));
    await new Promise(requestAnimationFrame);
  }
  return (Number(lab.dataset.redraws) - before) / seconds;
}"""


def photograph() -> bytes:
    """A JPEG of 4000 x 3000 pixels."""
    from PIL import Image

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:3000, :4000]
    colours = np.stack([x / 16, y / 12, 128 + 60 * np.sin(x / 40)], -1) + rng.normal(0, 8, (3000, 4000, 1))
    file = io.BytesIO()
    Image.fromarray(colours.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=92)
    return file.getvalue()


def lab_rows(browser, folder: Path, runs: int) -> list[dict]:
    """[{what, value, unit, longest_task_ms}] of the lab in its page, opened from a file."""
    camera = {"camera": "S6", "iso": 800.0, "scene": "Coffee"}
    (folder / "own.jpg").write_bytes(photograph())
    (folder / "lab.html").write_text(modules.page(NoiseLab(**camera), "The noise lab"))
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.add_init_script(WATCH)
    page.goto((folder / "lab.html").as_uri())
    page.wait_for_function(DRAWN)

    def row(what: str, value: float, unit: str) -> dict:
        longest = page.evaluate("() => { const found = window.longest; window.longest = 0; return found; }")
        return {"what": what, "value": round(value, 1), "unit": unit, "longest_task_ms": round(longest)}

    found = [row("first picture", page.evaluate("performance.now()"), "ms")]
    page.evaluate(REDRAWS, 5)
    found += [row("warming up", 5, "redraws")]
    times = page.evaluate(REDRAWS, runs)
    found += [row("complete redraw after a change of ISO", times[len(times) // 2], "ms")]
    found += [row("redraws while ISO is dragged", page.evaluate(DRAG, 4), "per second")]
    page.wait_for_function(DRAWN)
    start = page.evaluate("performance.now()")
    page.set_input_files("input[name=file]", folder / "own.jpg")
    page.wait_for_selector(".thumb span:has-text('own.jpg')")
    page.wait_for_function(DRAWN)
    return [*found, row("a JPEG of 12 megapixels, shown", page.evaluate("performance.now()") - start, "ms")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=31, help="timed draws of each model, and redraws of the lab")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for row in [*rows(browser, runs), *lab_rows(browser, Path(folder), runs)]:
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
