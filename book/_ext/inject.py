"""What is put into a page's text when it is read: committed results, tables made at build, numbers of formulas.

Blocks of a page: ``{provenance}``, what made each committed result; ``{profiles}``, their sizes. Every notebook's page
begins with what was found, and ends with what stands behind it: results, formulas, provenance.
"""

import os
import re
from dataclasses import asdict, fields
from pathlib import Path

import committed
import findings
import stamp
from fold import CELL

from n2nf_core.training import profiles

BLOCK = re.compile(r"^```\{(provenance|profiles)\}\n```$", re.MULTILINE)
DISPLAYED = re.compile(r"^\$\$\n(.*?)^\$\$$", re.MULTILINE | re.DOTALL)
SUMMARY = "\n**Summary.** "
HOW = """## How it was found

The code of this page runs whenever the book is built, at the smallest size, so that it keeps working. Its outputs are
folded, because a run of that size is not a result. `make lab` opens the page as a notebook; the profile `cpu` gives
results that are worth reading.

"""
NEED = re.compile(r"^\*\*You'll need\.\*\*.*?\n\n", re.MULTILINE | re.DOTALL)
FORMULAS = Path(__file__).parents[1] / "equations.md"
NAMED = re.compile(r"^\$\$ \(([\w-]+)\)$", re.MULTILINE)
FUNCTION = re.compile(r"\{py:\w+\}`~?[\w.]*?(\w+)`")


def sizes() -> str:
    """Tables of the profiles, read from the core."""
    names = [field.name for field in fields(profiles.Profile)]
    parts = []
    for title, table in (("A notebook on its own", profiles.PROFILES), ("A point of a sweep", profiles.SWEEP)):
        rows = [f"| `{name}` | " + " | ".join(f"{v:,}" for v in asdict(p).values()) + " |" for name, p in table.items()]
        head = [f"| profile | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        parts.append("\n".join([f"**{title}**", "", *head, *rows]))
    return "\n\n".join(parts)


def about(found: committed.Committed) -> str:
    """Everything that made one committed file."""
    packages = [c for c in found.frame if c.startswith("provenance.packages.")]
    versions = [f"{c.rsplit('.', 1)[1]} {', '.join(sorted(found.frame[c].dropna().unique()))}" for c in packages]
    commands = "\n".join(dict.fromkeys(found.frame["provenance.command"]))
    points = len(found.frame)
    rows = {
        "Made": committed.made(found),
        "Device": ", ".join(found.named("device")),
        "Python and packages": f"{', '.join(found.named('python'))}; {', '.join(versions)}",
        "Data, SHA-256 of its description": ", ".join(f"`{d[:16]}`" for d in found.named("data_sha256")),
    }
    first, *lines = [f"| {name} | {value} |" for name, value in rows.items()]
    command = f"```\n{commands}\n```"
    if points > 1:
        command = f":::{{dropdown}} The commands of its {points} points\n{command}\n:::"
    return "\n".join([f"### {found.path.name}", "", first, "|---|---|", *lines, "", command])


def made(kind: str) -> str:
    """The Markdown of one block."""
    return sizes() if kind == "profiles" else "\n\n".join(about(found) for found in committed.everything())


def numbered(text: str, page: str) -> str:
    """Every displayed formula gets a number; one that is numbered already keeps its name."""
    count = iter(range(1, 1000))
    return DISPLAYED.sub(lambda shown: f"{shown.group()} (eq-{os.path.basename(page)}-{next(count)})", text)


def formulas(code: str, page: str) -> list[str]:
    """Names of the formulas of ``page`` (the text of equations.md) whose functions ``code`` calls."""
    names, start = [], 0
    for formula in NAMED.finditer(page):
        functions = FUNCTION.findall(page[start : formula.start()])
        names += [formula[1]] if any(re.search(rf"\b{name}\b", code) for name in functions) else []
        start = formula.end()
    return names


def title(name: str) -> str:
    """A formula's name as a reader sees it.

    >>> title("nll"), title("noise2noise"), title("photon-transfer")
    ('NLL', 'Noise2Noise', 'photon transfer')
    """
    words = name.replace("-kl", "-KL").replace("noise2noise", "Noise2Noise").replace("-", " ")
    return words.upper() if len(words) <= 4 else words


def references(text: str) -> str:
    """A line that leads from a notebook to the formulas it computes; "" where there are none."""
    code = "".join(cell[2] for cell in CELL.finditer(text))
    found = [f"{title(name)} {{eq}}`{name}`" for name in formulas(code, FORMULAS.read_text())]
    return f"Formulas, with their sources: {', '.join(found)}." if found else ""


def notebook(app, name: str, text: str) -> str:
    """A notebook's text as its page: what was found, how, the summary, and what stands behind it."""
    app.env.note_dependency(str(FORMULAS))
    base = os.path.basename(name)
    behind = "\n\n".join(part for part in (stamp.origin(name, text), references(text)) if part)
    drawer = f":::{{dropdown}} Formulas and provenance\n{behind}\n:::"
    found = findings.finding(base, name)
    text = NEED.sub(lambda need: need.group() + (f"{found}\n{HOW}" if found else ""), numbered(text, name), count=1)
    return f"{text.replace(SUMMARY, chr(10) + '## Summary' + chr(10) * 2, 1)}\n\n{committed.section(base, drawer)}"


def inject(app, name: str, source: list[str]) -> None:
    """Notebooks stay as they are; what comes in is there on the page alone."""
    text = source[0]
    if name.startswith("notebooks/"):
        text = notebook(app, name, text)
    elif "<< " in text:
        text = findings.render(text)
    if text != source[0] or BLOCK.search(text):
        for path in (*committed.RESULTS.iterdir(), *findings.FOLDER.iterdir()):
            app.env.note_dependency(str(path))
    source[0] = BLOCK.sub(lambda block: made(block[1]), text)


def setup(app):
    """Sphinx's entry."""
    app.connect("source-read", inject)
    return {"parallel_read_safe": True}
