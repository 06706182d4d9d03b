"""What a page claims is read from results; captions and summaries, which stand beside other figures, claim nothing."""

import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import jupytext
import pandas as pd
import pytest

pytest.importorskip("jinja2")
nodes = pytest.importorskip("docutils.nodes")
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book/_ext"))
findings, inject, smoke = (pytest.importorskip(name) for name in ("findings", "inject", "smoke"))

from n2nf_core.study.tables.figures import FIGURES  # noqa: E402

WRITTEN = sorted((ROOT / "book/findings").glob("*.md"))
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").glob("*.md") if path.stem in {p.stem for p in WRITTEN})
CLAIM = re.compile(
    r"\b(better|worse|best|beats?|wins?|loses?|outperforms?|ahead|improves?d?|recovers?|recovered|highest|lowest"
    r"|ends? (?:highest|lowest)|as good as|agrees?|says on which|no effect|inside the noise)\b",
    re.IGNORECASE,
)
READ = re.compile(r"<<.*?>>|<%.*?%>|\$.*?\$|\]\(.*?\)|`.*?`", re.DOTALL)
CONDITION = re.compile(r"\b(where|if|whether|look|compare|(?:left|right) of the dotted line)\b", re.IGNORECASE)
MEASURED = re.compile(r"\d+\.\d+|\d+ ?(?:%|dB\b|nats\b|times\b)")
DEFINITIONS = {"95 %", "1.44", "3.11", "3.13"}  # of an interval; bits in a nat; versions of Python
BORROWED = {"91_use_your_model": "41_evaluate_denoiser"}  # a page without a sweep -> the page whose figure it shows


def captions(path: Path) -> list[str]:
    """The italic paragraphs of a notebook that follow a cell."""
    cells = jupytext.read(path).cells
    after = [
        b.source for a, b in zip(cells, cells[1:], strict=False) if (a.cell_type, b.cell_type) == ("code", "markdown")
    ]
    return [text.split("\n\n")[0] for text in after if re.match(r"\*[^*]", text)]


def claims(text: str) -> list[str]:
    """Sentences that state what a run would have to show, and neither explain what a mark means nor define a term."""
    sentences = re.split(r"(?<=[.;:])\s+", text)
    return [s for s in sentences if CLAIM.search(s) and not CONDITION.search(s)]


def typed(text: str) -> list[str]:
    """Measured numbers of a finding that do not come from an expression."""
    return [number for number in MEASURED.findall(READ.sub(" ", text)) if number not in DEFINITIONS]


def test_a_sentence_that_claims_is_seen():
    assert claims("*Dots are models. Noise Flow is better than AWGN.*") == ["Noise Flow is better than AWGN.*"]
    assert claims("*Where a curve agrees with the truth, look left.*") == []
    assert typed("It gains 0.3 dB, << num(2.5, 1) >>, $2^{18}$, in 95 % of runs") == ["0.3"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_captions_and_summaries_of_live_runs_claim_nothing(path):
    summary = path.read_text().split("**Summary.**")[1].split("```")[0]
    assert [found for text in (*captions(path), summary) for found in claims(text)] == []


@pytest.mark.parametrize("notebook", FIGURES)
def test_captions_of_committed_figures_claim_nothing_either(notebook):
    assert claims(FIGURES[notebook].__doc__.split("\n\n")[0]) == []


@pytest.mark.parametrize("path", [*WRITTEN, ROOT / "book/what_holds.md", ROOT / "book/index.md"], ids=lambda p: p.stem)
def test_numbers_of_findings_are_read_not_typed(path):
    assert typed(path.read_text()) == []


@pytest.mark.parametrize("path", WRITTEN, ids=lambda p: p.stem)
def test_every_finding_has_a_claim_its_figure_and_the_papers_value(path):
    text = path.read_text()
    before, after = re.split(r"<< figure.*? >>", text)
    assert "```{div} claim" in before and "paper" in after
    section, figure = findings.finding(path.stem, f"notebooks/{path.stem}"), BORROWED.get(path.stem, path.stem)
    assert f"](../../results/{figure}.svg)" in section and "<<" not in section and "nan" not in section


def test_every_notebook_with_a_table_and_a_figure_has_a_finding():
    assert {path.stem for path in WRITTEN} == set(FIGURES) | set(BORROWED)


def test_other_results_give_another_sentence(tmp_path):
    for path in (ROOT / "results").glob("*.parquet"):
        shutil.copy(path, tmp_path)
    frame = pd.read_parquet(tmp_path / "41_evaluate_denoiser.parquet")
    frame["denoisers.d_noise2noiseflow.psnr_db"] = frame["denoisers.d_noise2noise.psnr_db"] + 1.25
    frame.to_parquet(tmp_path / "41_evaluate_denoiser.parquet")
    text = (ROOT / "book/findings/41_evaluate_denoiser.md").read_text()
    said = findings.render(text, tmp_path, figure="")
    assert "decided here: it does on simulated phones" in " ".join(said.split())
    assert "| +1.25000 [+1.25000, +1.25000], better |" in " ".join(said.split())


def test_the_time_to_read_a_page_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(findings, "FOLDER", tmp_path / "findings")
    words = (
        "---\nhead: " + "h " * 500 + "\n---\n" + "word " * 300 + "<< num(1, 2) >>\n```\n" + "code " * 500 + "\n```\n"
    )
    (tmp_path / "page.md").write_text(words + "## More\n" + "more " * 200)
    assert [findings.minutes("page.md"), findings.minutes("page.md", "## More")] == [3, 2]


def test_a_sentence_that_asks_for_what_is_not_there_stops_the_build():
    with pytest.raises(ValueError, match="no column"):
        findings.render('<< mean("40", "no.such.column") >>')
    with pytest.raises(Exception, match="undefined"):
        findings.render("<< nonsense >>")


def test_a_page_has_its_finding_first_its_summary_under_a_heading_and_its_results_last(monkeypatch):
    monkeypatch.setattr(inject.stamp, "origin", lambda name, text: "made today")
    env = SimpleNamespace(note_dependency=lambda path: None)
    text = (ROOT / "notebooks/41_evaluate_denoiser.md").read_text()
    page = inject.notebook(SimpleNamespace(env=env), "notebooks/41_evaluate_denoiser", text)
    order = [
        "You'll need",
        "## What was found",
        "## How it was found",
        "import torch",
        "## Summary",
        "## Behind this page",
    ]
    assert sorted(order, key=page.index) == order and page.index("made today") > page.index("## Behind this page")


def test_outputs_are_folded_with_their_captions():
    output = nodes.container("", nodes.paragraph("", "printed"), classes=["cell_output"])
    cell = nodes.container("", nodes.container(classes=["cell_input"]), output, classes=["cell"])
    caption = nodes.paragraph("", "", nodes.emphasis("", "a caption"))
    written = nodes.container("", nodes.container(classes=["cell_output"]), classes=["cell", "tag_hide-cell"])
    document = nodes.section("", cell, caption, nodes.paragraph("", "text"), written)
    app = SimpleNamespace(env=SimpleNamespace(docname="notebooks/x"))
    smoke.fold(app, document)
    bare = nodes.container("", nodes.container(classes=["cell_output"]), classes=["cell"])
    smoke.fold(app, nodes.section("", bare))
    assert not bare.children, "a drawer without anything in it"
    kinds = [part.astext() if isinstance(part, nodes.raw) else part for part in cell.children[1:]]
    assert kinds[0].startswith('<details class="smoke">') and "not a result" in kinds[0]
    assert kinds[1:] == [output, caption, "</details>"] and len(document.children) == 3
    assert len(written.children) == 1, "what is hidden already stays"
    app.env.docname = "noise_lab"
    plain = nodes.section("", nodes.container("", nodes.container(classes=["cell_output"]), classes=["cell"]))
    smoke.fold(app, plain)
    assert len(plain.children[0].children) == 1
