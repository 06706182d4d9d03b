"""The finding of every notebook's page: a claim, its figure and its numbers, all read from results/ at build.

``book/findings/<notebook>.md`` is Markdown in which ``<< expression >>`` stands for what is read from the tables. What
a sentence says about a difference follows from its interval, so new results change the sentence too.
"""

import math
import re
from pathlib import Path

import committed
import jinja2

from n2nf_core.plots import label
from n2nf_core.study.tables import beside_paper, claims, paper_claims
from n2nf_core.study.tables.paper_tables import TABLES
from n2nf_core.study.tables.readings import Tables

FOLDER = Path(__file__).parents[1] / "findings"
ENGINE = jinja2.Environment(
    variable_start_string="<<",
    variable_end_string=">>",
    block_start_string="<%",
    block_end_string="%>",
    comment_start_string="<#",
    comment_end_string="#>",
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    autoescape=False,
)


def words(folder: Path = committed.RESULTS) -> dict:
    """What an expression may use."""
    tables = Tables(folder)
    return {
        "gap": tables.gap,
        "mean": tables.mean,
        "numbers": tables.numbers,
        "change": tables.change,
        "stored": tables.stored,
        "frame": tables.frame,
        "num": beside_paper.number,
        "label": label,
        "paper": lambda table, row, score: beside_paper.number(TABLES[table][row][score], beside_paper.HEADS[score][1]),
        "beside": lambda table: beside_paper.beside(tables, table),
        "cameras_beside": lambda: beside_paper.cameras_beside(tables),
        "claims": lambda: paper_claims.claims(tables),
        "claim": lambda name: next(c for c in paper_claims.claims(tables) if c.name == name),
        "evidence": claims.section,
        "summary": claims.summary,
        "abs": abs,
        "max": max,
        "minutes": minutes,
        "min": min,
        "round": round,
    }


def minutes(page: str, until: str = "\0") -> int:
    """Whole minutes to read a page of the book without its code, down to a heading, at 200 words a minute."""
    text = (FOLDER.parent / page).read_text().split(until)[0]
    text = re.sub(r"^---$.*?^---$|^```.*?^```$|<%.*?%>|<<.*?>>", " ", text, flags=re.DOTALL | re.MULTILINE)
    return math.ceil(len(re.findall(r"\w[\w'-]*", text)) / 200)


def render(text: str, folder: Path = committed.RESULTS, **more) -> str:
    """A page's text with what is read from results in it.

    >>> render("two and << num(2.5, 1) >>")
    'two and 2.5'
    """
    return ENGINE.from_string(text).render(**words(folder), **more)


def finding(notebook: str, page: str, folder: Path = committed.RESULTS) -> str:
    """The section of a notebook's page that says what was found; "" where nothing is written or committed."""
    path = FOLDER / f"{notebook}.md"
    if not path.exists() or not any(folder.glob("*.parquet")):
        return ""

    def figure_of(name: str) -> str:
        return committed.drawn(folder / f"{name}.parquet", page)

    text = render(path.read_text(), folder, figure=figure_of(notebook), figure_of=figure_of)
    return f"## What was found\n\n{text}\n"
