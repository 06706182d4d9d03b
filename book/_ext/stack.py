"""Tables of many columns: on a phone each row becomes a block, in which every value stands beside its heading."""

import html
import re
from itertools import count
from pathlib import Path

TABLE = re.compile(r"<script\b.*?</script>|<table\b([^>]*)>(.*?)</table>", re.DOTALL)  # scripts are passed over
HEAD = re.compile(r"<thead>(.*?)</thead>", re.DOTALL)
ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
CELL = re.compile(r"<(t[hd])\b([^>]*)>(.*?)</\1>", re.DOTALL)
MOST = 3  # columns that a phone has room for
WIDE = 6  # columns that a screen has room for at the usual size of letters


def text(cell: str) -> str:
    """What a cell says, without tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", cell))).strip()


def labelled(table: re.Match) -> str:
    """A table whose cells carry the headings of their columns; one of few columns stays as it is.

    >>> row = "<tr>" + "<td>1</td>" * 5 + "</tr>"
    >>> TABLE.sub(labelled, f"<table><thead>{row}</thead>{row}</table>").count('data-label="1"')
    5
    """
    head = HEAD.search(table[2]) if table[2] else None
    names = [text(cell[3]) for cell in CELL.finditer(head[1])] if head else []
    if len(names) <= MOST or "data-label" in table[2]:
        return table.group()

    def row(found: re.Match) -> str:
        place = count()

        def cell(one: re.Match) -> str:
            name = html.escape(names[min(next(place), len(names) - 1)])
            return f'<{one[1]}{one[2]} data-label="{name}">{one[3]}</{one[1]}>'

        return CELL.sub(cell, found.group())

    body = table[2][: head.end()] + ROW.sub(row, table[2][head.end() :])
    return f'<div class="stacked{" wide" * (len(names) > WIDE)}"><table{table[1]}>{body}</table></div>'


def stack(app, exception) -> None:
    """Rewrite the pages once they are there."""
    if exception or app.builder.name != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        written = page.read_text()
        changed = TABLE.sub(labelled, written)
        if changed != written:
            page.write_text(changed)


def setup(app):
    """Sphinx's entry."""
    app.connect("build-finished", stack)
    return {"parallel_read_safe": True}
