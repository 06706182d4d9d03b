"""Every page of ours can be used with assistive technology, in light and dark, and fits a phone's screen."""

import html
import re
from pathlib import Path

import pytest

CHECKER = Path(__file__).parent / "_vendor/axe.min.js"
FAULTS = """axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => `${id}: ${nodes.slice(0, 3).map(({html}) => html.slice(0, 200)).join("  ")}`))"""
IMAGE = re.compile(r"<img\b[^>]*>")


@pytest.fixture(scope="module")
def pages(book):
    return sorted(path for path in book.rglob("*.html") if "_static" not in path.parts)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_serious_fault(pages, open_page, dark):
    if not CHECKER.exists():
        pytest.skip("axe-core is missing: run `make book`")
    faults = {}
    for path in pages:
        page = open_page(path.as_uri(), dark=dark)
        page.wait_for_load_state("networkidle")
        page.evaluate(CHECKER.read_text())
        faults[path.name] = page.evaluate(FAULTS)
        page.context.close()
    assert not {name: found for name, found in faults.items() if found}


def test_the_checker_sees_a_fault(book, open_page):
    page = open_page((book / "glossary.html").as_uri())
    page.evaluate("document.querySelector('article').innerHTML += '<p style=\"color:#ddd;background:#fff\">faint</p>'")
    page.evaluate(CHECKER.read_text())
    assert [fault.split(":")[0] for fault in page.evaluate(FAULTS)] == ["color-contrast"]


def test_no_page_scrolls_sideways_on_a_phone(pages, open_page):
    wide = {}
    for path in pages:
        page = open_page(path.as_uri(), width=375, height=800)
        page.wait_for_load_state("networkidle")
        wide[path.name] = page.evaluate("document.documentElement.scrollWidth")
        page.context.close()
    assert not {name: width for name, width in wide.items() if width > 375}


def test_every_picture_has_words(pages):
    for path in pages:
        for image in IMAGE.findall(path.read_text()):
            alt = re.search(r'alt="([^"]*)"', image)
            assert alt and len(alt[1]) > 10 and not alt[1].endswith((".png", ".svg")), f"{path.name}: {image[:200]}"


def test_a_figure_says_its_caption(book):
    page = (book / "notebooks/60_ablate_lambda.html").read_text()
    said = [html.unescape(alt) for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page)]
    assert said[0].startswith("The self-sample loss for five weights, in units of the critical one.")
    assert said[1].startswith("Figure 1 of 2. Above, what the noise term of each loss reaches in training;")
    assert any("every path leads down to the right" in text for text in said)


def test_pages_with_figures_hold_them_at_their_size(book, open_page):
    page = open_page((book / "notebooks/60_ablate_lambda.html").as_uri())
    scale = page.eval_on_selector(".cell_output img", "image => image.naturalWidth / image.clientWidth")
    assert scale >= 1.99, "two pixels of the figure for one of the page, at least"
    page.set_viewport_size({"width": 375, "height": 800})
    ratio = "image => image.naturalWidth / image.naturalHeight - image.clientWidth / image.clientHeight"
    assert abs(page.eval_on_selector(".cell_output img", ratio)) < 0.02
