"""Every page of the book loads from a file, fits large and small screens, and is open to assistive technology.

A page is loaded once for each width, and all tests look at it before the next one is loaded.
"""

import pytest
from cases.axe import CHECKER, FAULTS
from cases.book_pages import PAGES

LARGE, PHONE = 1280, 375
# Without a book there is one page to ask for, and the fixture `book` says why it is not there.
VISITS = [(width, name) for width in (LARGE, PHONE) for name in PAGES or ["index.html"]]
WIDTH = "document.documentElement.scrollWidth"
AT_REST = """() => document.getAnimations().every(({playState}) => playState === "finished")
    && !document.querySelector('canvas[role=img][aria-label$="not drawn yet"]')"""
TOO_WIDE = """() => {
  const drawers = [...document.querySelectorAll("details:not([open])")];
  drawers.forEach((drawer) => { drawer.open = true });
  const right = document.querySelector("article").getBoundingClientRect().right + 1;
  const kinds = "pre, table, div.math, mjx-container, dt.sig, .sd-summary-text";
  const found = [...document.querySelectorAll(`article :is(${kinds})`)].flatMap((element) => {
    const box = element.getBoundingClientRect();
    const inline = element.matches("mjx-container:not([display])");  // holds a hidden text that is wider than itself
    const over = Math.max(inline ? 0 : element.scrollWidth - element.clientWidth, box.right - right);
    return box.width && over > 1 ? [`${element.tagName}, ${over} px: ${element.textContent.trim().slice(0, 60)}`] : [];
  });
  drawers.forEach((drawer) => { drawer.open = false });
  return found;
}"""


def on_screen(only):
    """For tests that see pages at one width only."""
    return pytest.mark.parametrize(
        "shown", [visit for visit in VISITS if visit[0] == only], ids="{0[1]}-{0[0]}".format, indirect=True
    )


@pytest.fixture(scope="module", params=VISITS, ids="{0[1]}-{0[0]}".format)
def shown(request, book, visit):
    """A page at a width. Its errors and its requests to other machines are an error of the test after its last one."""
    width, name = request.param
    with visit((book / name).as_uri(), width) as page:
        yield page


def test_it_loads_from_a_file(shown):
    assert shown.title()


def test_nothing_is_cut_on_the_right(shown):
    """No formula, table or code, also in what is folded."""
    assert shown.query_selector("article") or shown.url.endswith("/search.html")
    assert not shown.query_selector("article") or not shown.evaluate(TOO_WIDE)


@on_screen(PHONE)
def test_it_does_not_scroll_sideways(shown):
    assert shown.evaluate(WIDTH) <= PHONE


@on_screen(LARGE)
def test_it_has_no_serious_fault_in_light_or_dark_and_fits_when_the_window_shrinks(shown):
    """This is the last test of a page, because it leaves it dark and narrow."""
    if not CHECKER.exists():
        pytest.skip("axe-core is missing: run `make book`")
    shown.evaluate(CHECKER.read_text())
    shown.wait_for_function(AT_REST)
    faults = shown.evaluate(FAULTS)
    shown.emulate_media(color_scheme="dark")
    shown.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    shown.wait_for_function(AT_REST)
    faults += [f"dark: {fault}" for fault in shown.evaluate(FAULTS)]
    assert not faults
    shown.set_viewport_size({"width": PHONE, "height": 800})
    assert shown.evaluate(WIDTH) <= PHONE


def test_the_book_is_whole(book):
    assert len(PAGES) > 20


def test_what_is_too_wide_is_seen(book, open_page):
    page = open_page((book / "glossary.html").as_uri(), width=375)
    for kind in ("pre", "table"):
        wide = f"<{kind} style='width: 900px'><tbody><tr><td>wide</td></tr></tbody></{kind}>"
        page.evaluate("html => document.querySelector('article').insertAdjacentHTML('beforeend', html)", wide)
    assert [line.split(",")[0] for line in page.evaluate(TOO_WIDE)] == ["PRE", "TABLE"]
