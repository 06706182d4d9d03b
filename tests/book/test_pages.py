"""Every page of the book loads from a file, without errors and without asking another machine for anything."""

import html
import re
from pathlib import Path
from urllib.parse import unquote

import pandas as pd

ROOT = Path(__file__).parents[2]
MOST_BYTES = 2_000_000  # of the landing page with all it loads before a reader touches it


def test_the_landing_page_is_light(served, open_page):
    page = open_page("about:blank")
    sizes = []
    page.on("response", lambda r: sizes.append(len(r.body())))
    page.goto(f"{served}/index.html")
    page.wait_for_selector(".two-frames[data-drawn]")
    page.wait_for_load_state("networkidle")
    assert 300_000 < sum(sizes) < MOST_BYTES


def test_internal_links_lead_to_a_page_and_a_place_on_it(book):
    pages = {path: path.read_text() for path in book.rglob("*.html") if "_static" not in path.parts}
    places = {path: set(re.findall(r'\b(?:id|name)="([^"]+)"', text)) | {"", "top"} for path, text in pages.items()}
    checked = 0
    for path, text in pages.items():
        for link, place in re.findall(r'<a [^>]*href="([^"#?]*)(?:#([^"]*))?"', text):
            if re.match(r"[a-z]+:", link):
                continue
            target = (path.parent / link).resolve() if link else path
            assert target.exists(), f"{path.name} links to {link}"
            if target in pages and not place.startswith("lab:"):  # what the noise lab is to show
                assert html.unescape(unquote(place)) in places[target], f"{path.name} links to {link}#{place}"
                checked += bool(place)
    assert checked > 100


def test_every_page_that_runs_says_what_it_was_made_from(book):
    for path in (book / "notebooks").glob("*.html"):
        text = path.read_text()
        line = re.search(r'<div class="stamp.*?</div>', text, re.DOTALL)[0]
        assert f"{path.stem}.ipynb" in line and f"{path.stem}.md" in line
        foot = text[text.index("Formulas and provenance") :]
        assert re.search(r"profile <code.*?smoke.*?commit <code.*?[0-9a-f]{10}", foot, re.DOTALL), path.name


def test_what_was_found_stands_before_every_run(book):
    for path in (ROOT / "book/findings").glob("*.md"):
        text = (book / f"notebooks/{path.stem}.html").read_text()
        found, how = text.index('id="what-was-found"'), text.index('id="how-it-was-found"')
        assert found < how < text.index('<details class="smoke">'), path.stem
        section = text[found:how]
        assert (
            re.search(r'_images/\w+\.svg"', section) and 'class="claim' in section and "the paper" in section.lower()
        ), path.stem
        assert "<<" not in section and "cell_output" not in section


def test_tables_are_for_readers(book):
    for path in (p for p in book.rglob("*.html") if "_static" not in p.parts):
        text = path.read_text()
        raw = re.findall(r"<t[hd][^>]*>(?:<p>)?\s*([a-z]+(?:_[a-z]+)+)\s*<", text)
        assert 'class="dataframe"' not in text and "<p>| " not in text and not raw, (path.name, raw[:3])


def test_committed_results_stand_on_the_pages(book):
    text = (book / "notebooks/60_ablate_lambda.html").read_text()
    assert 'id="results-of-60-ablate-lambda"' in text and "60_ablate_lambda.svg" in text
    commit = pd.read_parquet(ROOT / "results/60_ablate_lambda.parquet")["provenance.commit"].iloc[0]
    assert commit[:10] in text and commit[:10] in (book / "reproducibility.html").read_text()
    for path in (book / "notebooks").glob("*.html"):
        missing = "A long run of this notebook is not in" in path.read_text()
        assert missing != any((ROOT / "results").glob(f"{path.stem}*")), path.name


def test_formulas_are_numbered_and_linked(book):
    text = (book / "notebooks/60_ablate_lambda.html").read_text()
    assert 'href="../equations.html#equation-cross-sample"' in text
    pages = [(book / "equations.html").read_text(), *(p.read_text() for p in (book / "notebooks").glob("*.html"))]
    shown = [re.findall(r'class="eqno">\((\d+)\)', page) for page in pages]
    assert len(shown[0]) > 10 and len(set(sum(shown, []))) == len(sum(shown, [])), "a number means one formula"
    sources = "".join((ROOT / f"notebooks/{p.stem}.md").read_text() for p in (book / "notebooks").glob("*.html"))
    assert sum(map(len, shown[1:])) == len(re.findall(r"^\$\$$", sources, re.MULTILINE)) // 2
