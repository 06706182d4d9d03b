"""Figures of notebooks: twice the pixels, so that they are sharp on any screen, and their caption as alt text."""

import os
import re
from pathlib import Path

from docutils import nodes

SETTINGS = """c = get_config()
c.InlineBackend.figure_formats = {"retina"}
c.IPKernelApp.log_level = "ERROR"
"""


def sharpen(app, config) -> None:
    """Kernels that the build starts read settings of its own."""
    profile = Path(app.outdir).parent / "ipython/profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    (profile / "ipython_kernel_config.py").write_text(SETTINGS)
    os.environ["IPYTHONDIR"] = str(profile.parent)


def spoken(node: nodes.Node) -> str:
    r"""The text of a paragraph, formulas as a voice can read them.

    >>> spoken(nodes.paragraph("", "", nodes.Text("at "), nodes.math("", r"\\tfrac12\\,\\lambda")))
    'at 1/2 lambda'
    """
    if isinstance(node, nodes.math):
        text = re.sub(r"\\t?frac(\w)(\w)", r"\1/\2", node.astext())
        text = re.sub(r"\\[,;:! ]|\\q?quad", " ", text)
        text = re.sub(r"\\(?:left|right|big|tfrac|text|mathrm|operatorname)\b", "", text)
        return re.sub(r"\s+", " ", re.sub(r"[\\{}]", "", text)).strip()
    if isinstance(node, nodes.Text):
        return node.astext()
    return re.sub(r"\s+", " ", "".join(spoken(child) for child in node.children))


def caption(cell: nodes.Node) -> str:
    """The italic paragraph right after a cell; without one, the title of its section."""
    after = cell.next_node(descend=False, siblings=True)
    if isinstance(after, nodes.paragraph) and all(isinstance(part, nodes.emphasis) for part in after.children):
        return spoken(after)
    section = cell.parent
    while section is not None and not isinstance(section, nodes.section):
        section = section.parent
    title = section.next_node(nodes.title) if section is not None else None
    return f"Figure: {spoken(title)}" if title is not None else "Figure"


def describe(app, doctree) -> None:
    """Give every figure of every cell its alt text; a width alone, so that it shrinks with the screen."""
    for cell in doctree.findall(lambda node: isinstance(node, nodes.container) and "cell" in node.get("classes", ())):
        images = list(cell.findall(nodes.image))
        for number, image in enumerate(images, 1):
            place = f"Figure {number} of {len(images)}. " if len(images) > 1 else ""
            image["alt"] = place + caption(cell)
            image.attributes.pop("height", None)


def setup(app):
    """Sphinx's entry."""
    app.connect("config-inited", sharpen)
    app.connect("doctree-read", describe)
    return {"parallel_read_safe": True}
