"""Every page of the book loads from a file, without errors and without asking another machine for anything."""

import re

LAB_PAGES = ("index.html", "noise_lab.html")
MOST_BYTES = 2_000_000  # of the landing page with all it loads before a reader touches it


def test_every_page_loads_from_a_file(book, open_page):
    pages = sorted(p for p in book.rglob("*.html") if "_static" not in p.parts)
    assert len(pages) > 8
    for path in pages:
        page = open_page(path.as_uri())
        page.wait_for_load_state("networkidle")
        assert page.title()
        page.context.close()


def test_the_landing_page_is_light(served, open_page):
    page = open_page("about:blank")
    sizes = []
    page.on("response", lambda r: sizes.append(len(r.body())))
    page.goto(f"{served}/index.html")
    page.wait_for_selector(".lab[data-drawn]")
    page.wait_for_load_state("networkidle")
    assert 300_000 < sum(sizes) < MOST_BYTES


def test_internal_links_lead_somewhere(book):
    for path in book.rglob("*.html"):
        if "_static" in path.parts:
            continue
        for link in re.findall(r'<a [^>]*href="([^"#?]+)[^"]*"', path.read_text()):
            if not re.match(r"[a-z]+:", link):
                assert (path.parent / link).exists(), f"{path.name} links to {link}"
