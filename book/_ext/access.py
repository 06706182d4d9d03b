"""Where the theme's pages fail a reader with assistive technology, they are mended once they are written."""

from pathlib import Path

from sphinx.util import logging

MENDED = {
    # A name that differs from the text on the button cannot be spoken to open it.
    'title="Search" aria-label="Search" data-bs-placement': 'title="Search" data-bs-placement',
    'data-mode="light" title="Light"': 'data-mode="light"',
    'data-mode="dark"  title="Dark"': 'data-mode="dark"',
    'data-mode="auto"  title="System Settings"': 'data-mode="auto"',
    '<summary aria-label="Toggle hidden content">': "<summary>",
    # The entries of this list have a role of their own, which a list may not hold.
    '<div role="list" class="citation-list">': '<div class="citation-list">',
}


def mend(app, exception) -> None:
    """Replace in every page; a phrase that no page holds, mended or not, is one that the theme has changed."""
    if exception or app.builder.name != "html":
        return
    seen = set()
    for page in Path(app.outdir).rglob("*.html"):
        text = mended = page.read_text()
        for wrong, right in MENDED.items():
            seen |= {wrong} if wrong in text or right in text else set()
            mended = mended.replace(wrong, right)
        if mended != text:
            page.write_text(mended)
    for wrong in MENDED.keys() - seen:
        logging.getLogger(__name__).warning("no page holds %s: look at what the theme has now", wrong)


def setup(app):
    """Sphinx's entry."""
    app.connect("build-finished", mend)
    return {"parallel_read_safe": True}
