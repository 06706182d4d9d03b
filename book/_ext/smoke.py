"""What the cells of a notebook's page printed and drew is folded: it comes from a smoke run, which is no result."""

from docutils import nodes

LABEL = "Output of a smoke run: not a result"


def is_caption(node: nodes.Node | None) -> bool:
    """Whether a node is a paragraph in italics, as captions are."""
    return isinstance(node, nodes.paragraph) and all(isinstance(part, nodes.emphasis) for part in node.children)


def fold(app, doctree) -> None:
    """Put the output of each cell, with the caption after it, into a drawer that says what it is."""
    if not app.env.docname.startswith("notebooks/"):
        return
    for cell in list(doctree.findall(lambda n: isinstance(n, nodes.container) and "cell" in n.get("classes", ()))):
        outputs = [part for part in cell.children if "cell_output" in part.get("classes", ())]
        if not outputs or "tag_hide-cell" in cell["classes"]:
            continue
        (output,), caption = outputs, cell.next_node(descend=False, siblings=True)
        if not output.children:  # progress bars alone, which a page does not show
            cell.remove(output)
            continue
        kept = [caption] if is_caption(caption) else []
        for node in (output, *kept):
            node.parent.remove(node)
        ends = (f'<details class="smoke"><summary>{LABEL}</summary>', "</details>")
        before, after = (nodes.raw("", text, format="html") for text in ends)
        cell.extend([before, output, *kept, after])


def setup(app):
    """Sphinx's entry."""
    app.connect("doctree-read", fold, priority=600)  # once figures have their words
    return {"parallel_read_safe": True}
