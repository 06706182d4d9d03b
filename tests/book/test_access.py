"""Every page of ours can be used with assistive technology, in light and dark, and fits a phone's screen."""

import html
import re

import pytest
from cases.axe import CHECKER, FAULTS
from cases.screenshots import SCREENSHOTS

IMAGE = re.compile(r"<img\b[^>]*>")


@pytest.fixture(scope="module")
def pages(book):
    return sorted(path for path in book.rglob("*.html") if "_static" not in path.parts)


def test_the_checker_sees_a_fault(book, open_page):
    page = open_page((book / "glossary.html").as_uri())
    page.evaluate("document.querySelector('article').innerHTML += '<p style=\"color:#ddd;background:#fff\">faint</p>'")
    page.evaluate(CHECKER.read_text())
    assert [fault.split(":")[0] for fault in page.evaluate(FAULTS)] == ["color-contrast"]


def test_every_picture_has_words(pages):
    for path in pages:
        for image in IMAGE.findall(path.read_text()):
            alt = re.search(r'alt="([^"]*)"', image)
            assert alt and len(alt[1]) > 10 and not alt[1].endswith((".png", ".svg")), f"{path.name}: {image[:200]}"


def test_a_figure_says_its_caption(book):
    page = (book / "notebooks/60_ablate_lambda.html").read_text()
    said = [html.unescape(alt) for alt in re.findall(r'<img [^>]*alt="([^"]*)"', page)]
    assert said[0].startswith("NLL of real noise (above) and PSNR (below) of both losses")
    assert said[1].startswith("The self-sample loss for five weights, in units of the critical one.")
    assert said[2].startswith("Figure 1 of 2. Above, the noise term of each loss in training;")
    assert any("every path leads down to the right" in text for text in said)


def test_pages_with_figures_hold_them_at_their_size(book, open_page):
    page = open_page((book / "notebooks/60_ablate_lambda.html").as_uri())
    page.eval_on_selector_all("details.smoke", "all => all.forEach((one) => { one.open = true })")
    scale = page.eval_on_selector(".cell_output img", "image => image.naturalWidth / image.clientWidth")
    assert scale >= 1.99, "two pixels of the figure for one of the page, at least"
    page.set_viewport_size({"width": 375, "height": 800})
    ratio = "image => image.naturalWidth / image.naturalHeight - image.clientWidth / image.clientHeight"
    assert abs(page.eval_on_selector(".cell_output img", ratio)) < 0.02


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", ["notebooks/60_ablate_lambda", "equations", "api/losses"])
def test_pages_follow_the_theme(book, open_page, name, width, dark):
    page = open_page((book / f"{name}.html").as_uri(), width=width, dark=dark)
    ground, ink = (page.eval_on_selector("body", f"e => getComputedStyle(e).{c}") for c in ("backgroundColor", "color"))
    brightness = [sum(int(v) for v in re.findall(r"\d+", colour)[:3]) for colour in (ground, ink)]
    assert (brightness[0] < brightness[1]) == dark
    SCREENSHOTS.mkdir(exist_ok=True)
    file = f"{name.rsplit('/', 1)[-1]}-{width}-{'dark' if dark else 'light'}.png"
    page.screenshot(path=SCREENSHOTS / file, full_page=True)
