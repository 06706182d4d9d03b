"""No formula, table or code is cut on the right, on a large screen or on a phone."""

import pytest

TOO_WIDE = """() => {
  document.querySelectorAll("details").forEach((drawer) => { drawer.open = true });
  const right = document.querySelector("article").getBoundingClientRect().right + 1;
  const kinds = "pre, table, div.math, mjx-container, dt.sig, .sd-summary-text";
  return [...document.querySelectorAll(`article :is(${kinds})`)].flatMap((element) => {
    const box = element.getBoundingClientRect();
    const inline = element.matches("mjx-container:not([display])");  // holds a hidden text that is wider than itself
    const over = Math.max(inline ? 0 : element.scrollWidth - element.clientWidth, box.right - right);
    return box.width && over > 1 ? [`${element.tagName}, ${over} px: ${element.textContent.trim().slice(0, 60)}`] : [];
  });
}"""


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_is_cut_on_the_right(book, open_page, width):
    found = {}
    for path in sorted(path for path in book.rglob("*.html") if "_static" not in path.parts):
        page = open_page(path.as_uri(), width=width)
        if page.query_selector("article"):
            found[path.name] = page.evaluate(TOO_WIDE)
        page.context.close()
    assert len(found) > 20 and not {name: wide for name, wide in found.items() if wide}


def test_what_is_too_wide_is_seen(book, open_page):
    page = open_page((book / "glossary.html").as_uri(), width=375)
    for kind in ("pre", "table"):
        wide = f"<{kind} style='width: 900px'><tbody><tr><td>wide</td></tr></tbody></{kind}>"
        page.evaluate("html => document.querySelector('article').insertAdjacentHTML('beforeend', html)", wide)
    assert [line.split(",")[0] for line in page.evaluate(TOO_WIDE)] == ["PRE", "TABLE"]
