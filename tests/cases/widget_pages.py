"""A page with one widget and nothing else, as the book shows it: saved state and the loader, without a kernel."""

import json
from pathlib import Path

from ipywidgets.embed import dependency_state, embed_data

from n2nf_core.widgets import modules

PAGE = """<!doctype html><html lang="en"{theme}><head><meta charset="utf-8"><title>A widget</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>body {{ margin: 0 auto; max-width: 1200px; padding: 8px; background: {ground} }}</style></head>
<body><main><h1 style="font: 20px sans-serif; color: #808890">A widget</h1>
<p><a id="rows" href="#lab:rows">rows</a></p>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script type="application/vnd.jupyter.widget-view+json">{view}</script></main>
<script>{loader}</script></body></html>"""


def page_of(widget, dark: bool = False) -> str:
    """HTML that shows a widget."""
    data = embed_data(views=[widget], state=dependency_state([widget], drop_defaults=False))
    texts = [json.dumps(part).replace("</", "<\\/") for part in (data["manager_state"], data["view_specs"][0])]
    theme, ground = (' data-theme="dark"', "#14181d") if dark else ("", "#fff")
    loader = (modules.HOME / "loader.js").read_text()
    return PAGE.format(state=texts[0], view=texts[1], loader=loader, theme=theme, ground=ground)


def write(widget, path: Path, dark: bool = False) -> Path:
    """The page in a file."""
    path.write_text(page_of(widget, dark))
    return path
