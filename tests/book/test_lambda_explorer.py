"""The lambda explorer on its page: from a file and over http, by slider, key and click, in light and dark."""

import pytest
from cases.screenshots import SCREENSHOTS

ROW = ".explorer > .panels .panel"  # of what was trained; the valley has panels of its own


def shown(page) -> list[str]:
    """lambda, seed, loss and view of what is painted."""
    return page.get_attribute(".explorer", "data-shown").split("/")


def become(page, place: int, value: str):
    """Wait until a part of :func:`shown` is this."""
    page.wait_for_function(
        "([place, value]) => document.querySelector('.explorer').dataset.shown.split('/')[place] === value",
        arg=[place, value],
    )


def look(page) -> dict:
    """What can be seen: pixels of the third picture, the table, every chart."""
    return {
        "picture": page.eval_on_selector_all(f"{ROW} canvas", "all => all.map(canvas => canvas.toDataURL())[2]"),
        "table": page.inner_text(".explorer table"),
        "status": page.inner_text(".explorer .status"),
        "charts": page.eval_on_selector_all(".explorer .chart svg", "all => all.map(svg => svg.outerHTML)"),
    }


def differing(before: dict, after: dict) -> set[str]:
    found = {name for name in before if name != "charts" and before[name] != after[name]}
    pairs = enumerate(zip(before["charts"], after["charts"], strict=True))
    return found | {f"chart {k}" for k, (one, other) in pairs if one != other}


@pytest.fixture
def explorer(widget_base, open_page):
    page = open_page(f"{widget_base}/lambda_explorer.html")
    page.wait_for_selector(".explorer[data-shown] .panel canvas")
    return page


def test_the_slider_walks_over_the_grid_by_keyboard(explorer):
    slider = explorer.locator("input[name=weight]")
    slider.focus()
    assert slider.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    slider.press("Home")
    become(explorer, 0, "0")
    weights, before = [0.0], look(explorer)
    for k in range(int(slider.get_attribute("max"))):
        slider.press("ArrowRight")
        explorer.wait_for_function(
            "w => Number(document.querySelector('.explorer').dataset.shown.split('/')[0]) > w", arg=weights[-1]
        )
        weights.append(float(shown(explorer)[0]))
        after = look(explorer)
        assert {"picture", "table", "status", *(f"chart {c}" for c in range(6))} <= differing(before, after), k
        assert slider.get_attribute("aria-valuetext") == f"lambda {weights[-1]:.0f}"
        before = after
    assert weights == sorted(set(weights)) and len(weights) >= 8


def test_loss_and_view_change_the_picture_and_the_marks(explorer):
    explorer.locator("input[name=weight]").press("Home")
    become(explorer, 0, "0")
    before = look(explorer)
    explorer.check("input[value=cross_sample]", force=True)
    become(explorer, 2, "cross_sample")
    other = look(explorer)
    assert {"picture", *(f"chart {k}" for k in range(6))} <= differing(before, other)
    assert "Cross-sample" in explorer.inner_text(f"{ROW}:nth-child(3) .caption")
    explorer.check("input[value=removed]", force=True)
    become(explorer, 3, "removed")
    assert differing(other, look(explorer)) == {"picture"}


def test_a_collapsed_denoiser_takes_nearly_nothing_away(explorer):
    """Spread of y - D(y) about grey: a blank panel is the identity."""
    spread = """() => [...document.querySelectorAll('.explorer > .panels canvas')].map(canvas => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const grey = data.filter((_, i) => i % 4 === 0);
        return Math.sqrt(grey.reduce((sum, v) => sum + (v - 128) ** 2, 0) / grey.length); })"""
    explorer.locator("input[name=weight]").press("Home")
    explorer.check("input[value=removed]", force=True)
    become(explorer, 3, "removed")
    become(explorer, 0, "0")
    _, before, collapsed, noise = explorer.evaluate(spread)
    assert collapsed < 0.3 * noise and 0.5 * noise < before < 1.5 * noise
    assert "self-sample collapsed at step" in explorer.inner_text(".status")


def test_a_click_on_a_mark_chooses_its_point(explorer):
    mark = explorer.locator(".charts .chart:nth-child(4) .mark[data-kind=cross_sample]").last
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    explorer.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    become(explorer, 2, "cross_sample")
    assert shown(explorer)[0] == "262144"
    assert explorer.inner_text(".slider.weight output") == "2¹⁸ = 262,144"
    before = shown(explorer)
    explorer.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)  # nothing is near
    assert shown(explorer) == before


def test_seeds_have_scenes_of_their_own(explorer):
    seeds = explorer.eval_on_selector_all("input[name=seed]:enabled", "all => all.map(input => input.value)")
    here = shown(explorer)[1]
    before = look(explorer)
    other = next(seed for seed in seeds if seed != here)
    explorer.check(f"input[name=seed][value='{other}']", force=True)
    become(explorer, 1, other)
    assert {"picture", "table", "chart 0"} <= differing(before, look(explorer))


def test_pictures_zoom_together(explorer):
    pixels = "all => all.map(canvas => canvas.toDataURL())"
    before = explorer.eval_on_selector_all(".panel canvas", pixels)
    explorer.locator(".panel canvas").first.press("+")
    after = explorer.eval_on_selector_all(".panel canvas", pixels)
    assert len(after) == 6 and all(a != b for a, b in zip(after, before, strict=True))


def spread(page, kind):
    """Deviation of what a panel of the valley shows."""
    return page.eval_on_selector(
        f".valley .panel[data-kind={kind}] canvas",
        """canvas => { const grey = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data
        .filter((_, i) => i % 4 === 0); const mean = grey.reduce((a, b) => a + b) / grey.length;
        return Math.sqrt(grey.reduce((sum, v) => sum + (v - mean) ** 2, 0) / grey.length); }""",
    )


def test_the_valley_holds_or_lets_go_as_lambda_says(explorer):
    share, weight = explorer.locator("input[name=share]"), explorer.locator("input[name=weight]")
    weight.press("Home")
    become(explorer, 0, "0")
    full = spread(explorer, "residual")
    explorer.click("button[name=roll]")
    explorer.wait_for_function("() => document.querySelector('.valley').dataset.share === '1.00'")
    assert spread(explorer, "residual") < 0.1 * full and "there is no barrier" in explorer.inner_text(".verdict")
    weight.press("End")
    become(explorer, 0, "262144")
    share.press("Home")
    explorer.click("button[name=roll]")
    explorer.wait_for_timeout(300)
    assert float(explorer.get_attribute(".valley", "data-share")) < 0.1
    assert "holds D back" in explorer.inner_text(".verdict")
    share.press("End")
    assert "collapsed" in explorer.inner_text(".verdict")
    explorer.check("input[value=cross_sample]", force=True)
    become(explorer, 2, "cross_sample")
    explorer.click("button[name=roll]")
    explorer.wait_for_function("() => Number(document.querySelector('.valley').dataset.share) < 0.02")
    assert "for every λ" in explorer.inner_text(".verdict")


def test_controls_pictures_and_charts_are_labelled(explorer):
    unnamed = explorer.evaluate(
        """() => [...document.querySelectorAll('.explorer :is(input, button, canvas, svg)')]
        .filter(e => !(e.getAttribute('aria-label') || e.closest('label')?.textContent.trim() || e.textContent.trim()))
        .map(e => e.outerHTML)"""
    )
    assert not unnamed


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_it_fits_the_screen_and_follows_the_theme(widgets, open_page, width, dark):
    page = open_page(f"{widgets.as_uri()}/lambda_explorer.html", width=width, dark=dark)
    page.wait_for_selector(".explorer[data-shown]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground, ink = (
        page.eval_on_selector(".explorer", f"e => getComputedStyle(e).{c}") for c in ("backgroundColor", "color")
    )
    brightness = [sum(int(v) for v in colour[4:-1].split(",")) for colour in (ground, ink)]
    assert (brightness[0] < brightness[1]) == dark
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"lambda_explorer-{width}-{'dark' if dark else 'light'}.png", full_page=True)
