"""A line under the title of every notebook: how and from which commit its results were made, and the text to open."""

import os
import re
from datetime import UTC, datetime

from n2nf_core.results import commit

TITLE = re.compile(r"^# .*\n", re.MULTILINE)


def stamp(app, name: str, source: list[str]) -> None:
    """Put the line after the first title."""
    if not name.startswith("notebooks/"):
        return
    file = os.path.basename(name)
    made = f"profile `smoke`, commit `{commit()[:10]}`, {datetime.now(UTC):%d %B %Y}"
    line = (
        f"\n```{{div}} stamp\nRun when this book was built: {made}. In JupyterLab: `make lab`, then `{file}.md`.\n```\n"
    )
    source[0] = TITLE.sub(lambda title: title.group() + line, source[0], count=1)


def setup(app):
    """Sphinx's entry."""
    app.connect("source-read", stamp)
    return {"parallel_read_safe": True}
