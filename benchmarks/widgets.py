"""Time to draw the noise of a 256x256 mosaic in Chromium, every shipped model: python benchmarks/widgets.py.

Rows of plain values; time is the median over runs, in a page without network, after the code has warmed up.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil

from n2nf_core.widgets import modules, weights
from n2nf_core.widgets.lab import shipped_models

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


def rows(runs: int = 101) -> list[dict]:
    """[{model, median_ms, low_ms, high_ms, runs}]; low and high are the 10th and 90th percentile."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("no browser: install chromium")
    code = modules.joined("models.js", "random.js") + "\nexport { readModels, Random };\n"
    data = base64.b64encode(weights.dump(shipped_models())).decode()
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=options)
        page = browser.new_page()
        page.route("**/*", lambda route: route.abort())
        found = page.evaluate(SCRIPT, {"code": code, "weights": data, "runs": runs, "side": SIDE})
        return [{**row, "pixels": 4 * SIDE**2, "browser": f"Chromium {browser.version}"} for row in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=101, help="timed draws of each model")
    for row in rows(parser.parse_args().runs):
        print(json.dumps(row))


if __name__ == "__main__":
    main()
