"""Before and after on its page: from a file and over http, by mouse, touch and keyboard, in light and dark."""

import pytest
from cases.screenshots import SCREENSHOTS

from n2nf_core import metrics
from n2nf_core.widgets import before_after

pytestmark = pytest.mark.skipif(
    not (before_after.HERE / "before_after.zip").exists(),
    reason="no pictures: run data_scripts/make_before_after.py and copy its two files to n2nf_core/widgets",
)


def measured(page):
    page.wait_for_selector(".before-after[data-drawn]")


def shown(page):
    return page.eval_on_selector(".before-after canvas", "canvas => canvas.toDataURL()")


def half(page, right):
    """The pixels of the left or the right tenth of the canvas."""
    return page.eval_on_selector(
        ".before-after canvas",
        """(canvas, right) => { const w = Math.floor(canvas.width / 10);
        return canvas.getContext('2d').getImageData(right ? canvas.width - w : 0, 0, w, canvas.height).data.join() }""",
        right,
    )


def divider(page):
    return int(page.get_attribute("[role=slider].divider", "aria-valuenow"))


def scores(page):
    """Picture -> (PSNR, SSIM) as the table says."""
    measured(page)
    rows = page.eval_on_selector_all(
        ".before-after tbody tr",
        "rows => rows.map(r => [r.cells[0].firstChild.textContent.trim(), r.cells[1].innerText, r.cells[2].innerText])",
    )
    return {name: (float(psnr), float(ssim)) for name, psnr, ssim in rows}


@pytest.fixture
def page(widget_base, open_page):
    page = open_page(f"{widget_base}/before_after.html")
    measured(page)
    return page


def test_the_table_is_what_the_core_measures(page):
    pictures = next(iter(before_after.shipped().values()))
    reference = pictures.pop("Reference")[None]
    found = scores(page)
    assert list(found) == list(pictures)
    for name, picture in pictures.items():
        assert found[name][0] == pytest.approx(float(metrics.psnr(picture[None], reference, data_range=1.0)), abs=0.006)
        assert found[name][1] == pytest.approx(float(metrics.ssim(picture[None], reference, data_range=1.0)), abs=6e-5)


def test_left_and_right_are_chosen(page):
    left, right = half(page, False), half(page, True)
    page.select_option("select[name=left]", "Wavelet")
    assert half(page, False) != left and half(page, True) == right
    page.select_option("select[name=right]", "Reference")
    assert half(page, True) != right
    page.select_option("select[name=left]", "Reference")
    page.select_option("select[name=right]", "Noisy")
    assert half(page, True) != right
    assert "Reference left of the divider, Noisy right" in page.get_attribute(".before-after canvas", "aria-label")


def test_the_divider_moves_by_keyboard(page):
    handle = page.locator(".divider")
    handle.focus()
    moves = {"ArrowRight": 52, "ArrowUp": 54, "ArrowLeft": 52, "PageDown": 42, "End": 100, "ArrowDown": 98, "Home": 0}
    for key, expected in moves.items():
        before = shown(page)
        handle.press(key)
        assert divider(page) == expected and shown(page) != before, key
    right = half(page, False)  # all of it is the right picture now
    page.select_option("select[name=left]", "Wavelet")
    assert half(page, False) == right
    assert "0 % Wavelet, 100 % Joint" in handle.get_attribute("aria-valuetext")
    style = page.eval_on_selector(".divider i", "e => getComputedStyle(e).outlineStyle")
    assert style == "solid"


def test_the_divider_is_dragged(page):
    box = page.locator(".before-after canvas").bounding_box()
    before, middle = shown(page), box["y"] + box["height"] / 3
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle, steps=3)
    page.mouse.up()
    page.mouse.move(box["x"] + box["width"] / 8, middle)
    assert abs(divider(page) - 25) <= 1 and shown(page) != before


def test_the_divider_follows_a_finger(page):
    box = page.locator(".before-after canvas").bounding_box()
    session = page.context.new_cdp_session(page)

    def touch(kind, share=None):
        points = [] if share is None else [{"x": box["x"] + share * box["width"], "y": box["y"] + box["height"] / 2}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.5)
    for share in (0.55, 0.65, 0.75):
        touch("touchMove", share)
    touch("touchEnd")
    page.wait_for_function("() => document.querySelector('.divider').ariaValueNow > 70")


def test_the_difference_is_shown_and_amplified(page):
    picture, slider = shown(page), page.locator("input[name=amplification]")
    assert slider.is_disabled()
    page.check("input[value=difference]", force=True)
    difference = shown(page)
    assert difference != picture and "Noisy − Reference" in page.inner_text(".side.left")
    slider.press("PageUp")
    assert shown(page) != difference
    page.select_option("select[name=right]", "Reference")
    assert set(half(page, True).split(",")) == {"16", "20", "26", "255"}  # nothing but zero
    page.check("input[value=picture]", force=True)
    page.select_option("select[name=right]", "Joint, pair difference")
    assert shown(page) == picture


def test_what_is_visible_is_measured_again(page):
    whole, before = scores(page), shown(page)
    page.click("button[title='Zoom in']")
    zoomed = scores(page)
    assert shown(page) != before
    assert all(zoomed[name] != whole[name] for name in whole)
    assert "of 256 × 256 pixels" in page.inner_text(".status")
    page.locator(".before-after canvas").press("ArrowLeft")
    assert all(value != zoomed[name] for name, value in scores(page).items())
    for _ in range(9):
        page.click("button[title='Zoom in']")
    measured(page)
    assert "SSIM needs 11 × 11 pixels" in page.inner_text(".before-after caption")
    page.click("button[title='Fit the whole picture']")
    assert scores(page) == whole and shown(page) == before


def test_another_scene_is_shown_and_measured(page):
    before, table = shown(page), scores(page)
    page.select_option("select[name=scene]", "Portrait, in good light")
    measured(page)
    assert shown(page) != before and all(scores(page)[name] != table[name] for name in table)


def test_what_was_removed_shows_structure_where_a_method_took_the_scene(page):
    """The share of the energy that blocks of 24 pixels hold: noise has little of it there. Zero is (16, 20, 26)."""
    coarse = """canvas => {
      const { width, height } = canvas, { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      let [all, blocks] = [0, 0];
      for (let top = 0; top + 24 < height; top += 24) for (let left = 0; left + 24 < width; left += 24) {
        let sum = 0;
        for (let k = 0; k < 576; k++) {
          const at = 4 * ((top + Math.floor(k / 24)) * width + left + k % 24), value = data[at] - data[at + 2] + 10;
          sum += value; all += value * value;
        }
        blocks += sum * sum / 576;
      }
      return blocks / all; }"""
    page.check("input[value=removed]", force=True)
    page.locator(".divider").press("End")
    found = {}
    for name in ("Wavelet", "Noise2Noise"):
        page.select_option("select[name=left]", name)
        found[name] = page.eval_on_selector(".before-after canvas", coarse)
    assert found["Wavelet"] > 1.5 * found["Noise2Noise"]


def test_controls_are_labelled(page):
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('.before-after :is(input, select, button, canvas[role], [role=slider])')]
        .filter(e => !(e.getAttribute('aria-label') || e.closest('label')?.textContent.trim() || e.textContent.trim()))
        .map(e => e.outerHTML)"""
    )
    assert not unnamed


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_it_fits_the_screen_and_follows_the_theme(widgets, open_page, width, dark):
    page = open_page(f"{widgets.as_uri()}/before_after.html", width=width, dark=dark)
    measured(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground, ink = (
        page.eval_on_selector(".before-after", f"e => getComputedStyle(e).{c}") for c in ("backgroundColor", "color")
    )
    brightness = [sum(int(v) for v in colour[4:-1].split(",")) for colour in (ground, ink)]
    assert (brightness[0] < brightness[1]) == dark
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"before_after-{width}-{'dark' if dark else 'light'}.png", full_page=True)
