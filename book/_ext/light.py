"""Pages load what they use: MathJax (1.2 MB) where there are equations, of the theme's icons (1.5 MB) those named."""

import re
from pathlib import Path

from docutils import nodes

NAMED = re.compile(r"fa-([a-z0-9-]+)")
ICON = re.compile(r'(?:"([a-z0-9-]+)"|([a-z][a-z0-9]*)):\[\d+,\d+,\[[^\]]*\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')


def drop_mathjax(app, page: str, template: str, context: dict, doctree) -> None:
    """Sphinx adds MathJax to a page whose chapters have equations, too: the landing page would always load it."""
    if doctree is None or not any(doctree.findall(lambda node: isinstance(node, (nodes.math, nodes.math_block)))):
        context["script_files"] = [s for s in context["script_files"] if "mathjax" not in str(s)]


def keep_named_icons(app, exception) -> None:
    """Rewrite the script once all pages are there."""
    site = Path(app.outdir)
    script = site / "_static/scripts/fontawesome.js"
    if exception or not script.exists():
        return
    texts = [p.read_text() for kind in ("*.html", "*.js") for p in site.rglob(kind) if p != script]
    named = {name for text in texts for name in NAMED.findall(text)}

    def kept(icon: re.Match) -> str:
        return icon.group() if (icon[1] or icon[2]) in named else ""

    script.write_text(ICON.sub(kept, script.read_text()))


def setup(app):
    """Sphinx's entry."""
    app.connect("html-page-context", drop_mathjax, priority=900)
    app.connect("build-finished", keep_named_icons)
    return {"parallel_read_safe": True}
