"""Pages load what they use: MathJax (1.2 MB) where there are equations, of the theme's icons (1.5 MB) those named."""

import re
from pathlib import Path

NAMED = re.compile(r"fa-([a-z0-9-]+)")
ICON = re.compile(r'(?:"([a-z0-9-]+)"|([a-z][a-z0-9]*)):\[\d+,\d+,\[[^\]]*\],"[0-9a-f]+",(?:"[^"]*"|\[[^\]]*\])\],?')


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
    app.connect("builder-inited", lambda app: app.set_html_assets_policy("per_page"))
    app.connect("build-finished", keep_named_icons)
    return {"parallel_read_safe": True}
