"""Code that is not the point of a page is folded: imports, drawing, writing of results, final checks."""

import re

CELL = re.compile(r"^(```\{code-cell\} ipython3\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)


def tag(code: str) -> str:
    """hide-cell, hide-input, or nothing where the code is the point or the cell has tags of its own.

    >>> tag("from n2nf_core import flow"), tag("figure = plots.lines(curves)"), tag("model = flow.nlf_flow(c, i)")
    ('hide-input', 'hide-input', '')
    """
    lines = [line for line in code.splitlines() if line.strip()]
    if not lines or lines[0].startswith(":tags:"):
        return ""
    if "results.write_json(" in code:
        return "hide-cell"
    imports = all(re.match(r"import |from |plots\.style\(\)|\)|    \w+,$", line) for line in lines)
    checks = any(line.startswith("assert ") for line in lines)
    return "hide-input" if imports or checks or re.search(r"^\s*figure = ", code, re.MULTILINE) else ""


def fold(text: str) -> str:
    """A notebook's text with the tags put in."""

    def tagged(cell: re.Match) -> str:
        chosen = tag(cell[2])
        return cell[1] + (f":tags: [{chosen}]\n\n" if chosen else "") + cell[2] + cell[3]

    return CELL.sub(tagged, text)


def on_read(app, name: str, source: list[str]) -> None:
    """The notebooks' own text stays as it is."""
    if name.startswith("notebooks/"):
        source[0] = fold(source[0])


def setup(app):
    """Sphinx's entry."""
    app.connect("source-read", on_read)
    return {"parallel_read_safe": True}
