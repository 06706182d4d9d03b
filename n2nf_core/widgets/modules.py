"""Several JavaScript modules joined into one, because a saved page holds the code of a widget as a single text."""

from __future__ import annotations

import json
import re
from pathlib import Path

HOME = Path(__file__).parent / "js"
SHARED = ("theme.css", "forms.css", "panels.css", "charts.css", "tables.css")
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
DATA = re.compile(r'^import (\w+) from "([\w./]+\.json)" with \{ type: "json" \};\n', re.MULTILINE)


def _constant(name: str, path: str) -> str:
    """A JSON file as a JavaScript constant, for modules that import it."""
    return f"const {name} = {json.dumps(json.loads((HOME / path).read_text()), ensure_ascii=False)};\n"


def _ordered(name: str, found: dict[str, str]) -> dict[str, str]:
    """``name`` and all modules that it imports, each after those it imports, without import and export statements."""
    if name not in found:
        text = (HOME / name).read_text()
        for other in IMPORT.findall(text):
            _ordered(other, found)
        text = DATA.sub(lambda match: _constant(*match.groups()), text)
        found[name] = re.sub(r"^export (?=const|function|class|async)", "", IMPORT.sub("", text), flags=re.MULTILINE)
    return found


def joined(*names: str) -> str:
    """The modules ``names`` and all modules that they import as one text, each once. Top-level names must differ.

    >>> joined("worker.js").index("class Coupling") < joined("worker.js").index("class NoiseFlow")
    True
    """
    found: dict[str, str] = {}
    for name in names:
        _ordered(name, found)
    return "\n".join(found.values())


def widget(name: str) -> str:
    """A widget's module with the code of its worker, which is the constant WORKER."""
    return f"const WORKER = {json.dumps(joined('worker.js'))};\n{joined(name)}"


def style(*names: str) -> str:
    """The style sheets that all widgets share, followed by the sheets ``names``, as one text."""
    return "".join((HOME / name).read_text() for name in (*SHARED, *names))


PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">
<style>:root {{ color-scheme: light dark; }} body {{ margin: 0 auto; max-width: 1200px; padding: 8px; }}</style></head>
<body><main><h1 style="font: 20px sans-serif">{title}</h1>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
<script type="application/vnd.jupyter.widget-view+json">{view}</script></main>
<script>{loader}</script></body></html>"""


def page(widget, title: str) -> str:
    """A page with one widget and nothing else, as HTML: it needs no kernel, no server and no network.

    >>> from n2nf_core.widgets.two_frames import TwoFrames
    >>> page(TwoFrames(), "Two frames")[:15]
    '<!doctype html>'
    """
    from ipywidgets.embed import dependency_state, embed_data

    data = embed_data(views=[widget], state=dependency_state([widget], drop_defaults=False))
    state, view = (json.dumps(part).replace("</", "<\\/") for part in (data["manager_state"], data["view_specs"][0]))
    loader = (HOME / "loader.js").read_text()
    return PAGE.format(title=title, state=state, view=view, loader=loader)
