"""The flow anatomy on its page: from a file and over http, by mouse and by keyboard, in light and dark."""

import re

import pytest
from cases.screenshots import SCREENSHOTS

LAST = 18  # layers of Noise Flow


def settle(page, act):
    """Use a control, and wait until the patch has been drawn again."""
    before = page.get_attribute(".anatomy", "data-drawn")
    act(page)
    page.wait_for_function("before => document.querySelector('.anatomy').dataset.drawn !== before", arg=before)


def state(page, kind="now"):
    """What a panel shows, as a data URL."""
    return page.eval_on_selector(f'.panel[data-kind="{kind}"] canvas', "canvas => canvas.toDataURL()")


def charts(page):
    return page.eval_on_selector_all(".plot", "plots => plots.map(plot => plot.innerHTML)")


def figures(page):
    """sigma, excess kurtosis, correlation of neighbours, NLL so far: the line under the panels."""
    text = page.inner_text(".status").replace("−", "-")
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def press(name, key, times=1):
    def act(page):
        for _ in range(times):
            page.locator(f'[name="{name}"]').press(key)

    return act


@pytest.fixture
def anatomy(widget_base, open_page):
    page = open_page(f"{widget_base}/flow_anatomy.html")
    page.wait_for_selector(".anatomy[data-drawn]")
    return page


CONTROLS = {
    "ISO": press("iso", "PageDown", 2),
    "mean signal": press("level", "PageUp", 2),
    "new noise": lambda page: page.click("button[name=again]"),
    "seed": lambda page: page.fill("input[name=seed]", "77"),
    "signal": lambda page: page.check("input[value=Flat]", force=True),
    "camera": lambda page: page.select_option("select[name=camera]", "S6"),
    "model": lambda page: page.select_option("select[name=model]", "awgn"),
    "direction": lambda page: page.check("input[value=backward]", force=True),
}


def test_every_control_changes_what_is_drawn_and_said(anatomy):
    for name, use in CONTROLS.items():
        pixels, drawn, numbers = state(anatomy), charts(anatomy), figures(anatomy)
        settle(anatomy, use)
        assert figures(anatomy) != numbers, name
        assert sum(a != b for a, b in zip(drawn, charts(anatomy), strict=True)) >= 4, name
        assert (state(anatomy) != pixels) or name == "model", name  # another scale alone looks the same


def test_the_slider_steps_through_the_layers_by_keyboard(anatomy):
    settle(anatomy, press("stage", "Home"))
    noise = state(anatomy, "left")
    seen, words = [], []
    for stage in range(LAST + 1):
        if stage:
            settle(anatomy, press("stage", "ArrowRight"))
        assert anatomy.get_attribute(".anatomy", "data-stage") == str(stage)
        seen.append(state(anatomy))
        words.append(anatomy.inner_text(".words .title"))
    assert seen[0] == noise and seen[-1] == state(anatomy, "right")
    assert len(set(seen)) >= LAST  # the gain alone does not change a picture in units of its deviation
    letters = "".join({"S,": "S", "W,": "W", "C,": "C", "G,": "G"}.get(text.split()[0], "") for text in words)
    assert letters == "S" + "WC" * 4 + "G" + "WC" * 4
    assert "18 of 18: base" in anatomy.get_attribute("input[name=stage]", "aria-valuetext")
    assert anatomy.is_disabled("button[name=on]")


def test_the_scale_takes_the_picture_and_couplings_the_rows_out(anatomy):
    settle(anatomy, press("stage", "Home"))
    raw = figures(anatomy)
    settle(anatomy, press("stage", "ArrowRight"))
    scaled = figures(anatomy)
    settle(anatomy, press("stage", "End"))
    base = figures(anatomy)
    kurtosis = 0.1 + 5 * 0.1  # mean and 5 deviations over seeds
    assert raw[1] > 1 > kurtosis > abs(scaled[1]) and scaled[0] == pytest.approx(1, abs=0.1)
    assert scaled[2] > 0.25 and base[2] < 0.8 * scaled[2]
    assert raw[3] > 0 > scaled[3] > base[3]


def test_the_base_is_drawn_and_pushed_back(anatomy):
    settle(anatomy, lambda page: page.check("input[value=backward]", force=True))
    sigma, kurtosis, neighbours, _ = figures(anatomy)
    assert sigma == pytest.approx(1, abs=0.03) and abs(kurtosis) < 0.2 and abs(neighbours) < 0.05
    assert "draw from the base" in anatomy.inner_text(".words")
    settle(anatomy, lambda page: page.click("button[name=back]"))
    assert "C, affine coupling undone" in anatomy.inner_text(".words .title")
    assert "17 of 18: before C" in anatomy.get_attribute("input[name=stage]", "aria-valuetext")


def test_a_bar_leads_to_its_layer_and_play_to_the_end(anatomy):
    settle(anatomy, lambda page: page.click('.target[data-stage="16"] >> nth=0'))
    assert anatomy.input_value("input[name=stage]") == "16"
    assert anatomy.locator(".bar.now").count() == 1
    anatomy.click("button[name=play]")
    anatomy.wait_for_selector('.anatomy[data-stage="18"]')
    anatomy.wait_for_selector("button[name=play][aria-pressed=false]")
    assert anatomy.inner_text("button[name=play]") == "Play"


def test_panels_zoom_together(anatomy):
    before = {kind: state(anatomy, kind) for kind in ("left", "now", "right")}
    anatomy.locator('.panel[data-kind="now"] canvas').press("+")
    assert all(state(anatomy, kind) != pixels for kind, pixels in before.items())
    anatomy.locator('.panel[data-kind="left"] canvas').press("0")
    assert {kind: state(anatomy, kind) for kind in before} == before


def test_controls_are_labelled_and_focus_is_seen(anatomy):
    unnamed = anatomy.evaluate(
        """() => [...document.querySelectorAll('.anatomy :is(input, select, button, canvas[role], svg)')]
        .filter(e => !(e.getAttribute('aria-label') || e.closest('label')?.textContent.trim() || e.textContent.trim()))
        .map(e => e.outerHTML)"""
    )
    assert not unnamed
    anatomy.locator("select[name=camera]").focus()
    anatomy.keyboard.press("Tab")
    style = "() => { const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]; }"
    assert anatomy.evaluate("() => document.activeElement.name") == "model"
    assert anatomy.evaluate(style) == ["solid", "3px"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_it_fits_the_screen_and_follows_the_theme(widgets, open_page, width, dark):
    page = open_page(f"{widgets.as_uri()}/flow_anatomy.html", width=width, dark=dark)
    page.wait_for_selector(".anatomy[data-drawn]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground, ink = (
        page.eval_on_selector(".anatomy", f"e => getComputedStyle(e).{c}") for c in ("backgroundColor", "color")
    )
    brightness = [sum(int(v) for v in colour[4:-1].split(",")) for colour in (ground, ink)]
    assert (brightness[0] < brightness[1]) == dark
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"flow_anatomy-{width}-{'dark' if dark else 'light'}.png", full_page=True)
