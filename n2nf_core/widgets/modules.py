"""One JavaScript module out of several: a page that was saved holds a widget's code as a single text."""

from __future__ import annotations

import json
import re
from pathlib import Path

HOME = Path(__file__).parent / "js"
SHARED = ("theme.css", "forms.css", "panels.css", "charts.css", "tables.css")
IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
DATA = re.compile(r'^import (\w+) from "([\w./]+\.json)" with \{ type: "json" \};\n', re.MULTILINE)


def _constant(name: str, path: str) -> str:
    """A JSON file as a constant, where a module imports it."""
    return f"const {name} = {json.dumps(json.loads((HOME / path).read_text()), ensure_ascii=False)};\n"


def _ordered(name: str, found: dict[str, str]) -> dict[str, str]:
    """``name`` and all it imports, what is imported first; imports and exports taken off."""
    if name not in found:
        text = (HOME / name).read_text()
        for other in IMPORT.findall(text):
            _ordered(other, found)
        text = DATA.sub(lambda match: _constant(*match.groups()), text)
        found[name] = re.sub(r"^export (?=const|function|class|async)", "", IMPORT.sub("", text), flags=re.MULTILINE)
    return found


def joined(*names: str) -> str:
    """The modules ``names`` and all that they import as one text, each once. Top-level names must differ.

    >>> joined("worker.js").index("class Coupling") < joined("worker.js").index("class NoiseFlow")
    True
    """
    found: dict[str, str] = {}
    for name in names:
        _ordered(name, found)
    return "\n".join(found.values())


def widget(name: str) -> str:
    """A front end with its worker: the worker's text is the constant WORKER."""
    return f"const WORKER = {json.dumps(joined('worker.js'))};\n{joined(name)}"


def style(*names: str) -> str:
    """The style sheets that all widgets share, and after them ``names``, as one text."""
    return "".join((HOME / name).read_text() for name in (*SHARED, *names))
