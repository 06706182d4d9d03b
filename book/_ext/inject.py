"""What is put into a page's text when it is read: committed results, tables made at build, numbers of formulas.

Blocks of a page: ``{provenance}``, what made each committed result; ``{profiles}``, their sizes; ``{commands}``, what
``make`` can do. Every notebook's page begins with what was found, and ends with what stands behind it: results,
formulas, provenance.
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

BLOCK = re.compile(r"^```\{(provenance|profiles|commands)\}\n```$", re.MULTILINE)
DISPLAYED = re.compile(r"^\$\$\n(.*?)^\$\$$", re.MULTILINE | re.DOTALL)
SUMMARY = "\n**Summary.** "
HOW = """## How it was found

The code of this page runs whenever the book is built, at the smallest size, so that it keeps working. Its outputs are
folded, because a run of that size is not a result. `make lab` opens the page as a notebook; the profile `cpu` gives
results that are worth reading.

"""
NEED = re.compile(r"^\*\*You'll need\.\*\*.*?\n\n", re.MULTILINE | re.DOTALL)
FORMULAS = Path(__file__).parents[1] / "equations.md"
MAKEFILE = Path(__file__).parents[2] / "Makefile"
COMMAND = re.compile(r"^# (make .*?) {2,}(.*)$", re.MULTILINE)  # a line of the comment at its head
SIZES = {
    "scenes": "scenes per camera and ISO",
    "size": "side of a scene, planes",
    "patch": "side of a patch, planes",
    "batch": "pairs per step",
    "features": "features of the denoiser",
    "pretrain": "steps of the denoiser alone",
    "joint": "steps of both",
    "compile": "compiled",
}
"""Field of a profile -> its name for readers."""
NAMED = re.compile(r"^\$\$ \(([\w-]+)\)$", re.MULTILINE)
FUNCTION = re.compile(r"\{py:\w+\}`~?[\w.]*?(\w+)`")


def size(value: int | bool) -> str:
    """A number with commas, or a word.

    >>> size(20_000), size(True)
    ('20,000', 'yes')
    """
    return ("no", "yes")[value] if isinstance(value, bool) else f"{value:,}"


def commands() -> str:
    """What ``make`` can do, as its file says."""
    found = [[part.replace("|", r"\|") for part in line] for line in COMMAND.findall(MAKEFILE.read_text())]
    return "\n".join(["| command | what it does |", "|---|---|", *(f"| `{name}` | {said} |" for name, said in found)])


def sizes() -> str:
    """Tables of the profiles, read from the core."""
    names = [SIZES[field.name] for field in fields(profiles.Profile)]
    kinds = {
        "A notebook on its own": profiles.PROFILES,
        "A point of a sweep over one or two cameras": profiles.SWEEP,
        "A comparison on five cameras": profiles.STUDY,
    }
    parts = []
    for title, table in kinds.items():
        rows = [f"| `{name}` | " + " | ".join(map(size, asdict(p).values())) + " |" for name, p in table.items()]
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
        "Run": committed.made(found),
        "Device": ", ".join(found.named("device")),
        "Python and packages": f"{', '.join(found.named('python'))}; {', '.join(versions)}",
        "Data, SHA-256 of its description": ", ".join(f"`{d[:16]}`" for d in found.named("data_sha256")),
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    command = f"```\n{commands}\n```"
    if points > 1:
        command = f":::{{dropdown}} The commands of its {points} points\n{command}\n:::"
    return "\n".join([f"### {found.path.name}", "", "| what | value |", "|---|---|", *lines, "", command])


def made(kind: str) -> str:
    """The Markdown of one block."""
    if kind == "provenance":
        return "\n\n".join(about(found) for found in committed.everything())
    return sizes() if kind == "profiles" else commands()


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
