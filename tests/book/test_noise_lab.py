"""The noise lab on its page: from a file and over http, by mouse and by keyboard, in light and dark."""

import base64
import io

import numpy as np
import pytest
from cases.screenshots import SCREENSHOTS


def drawn(page):
    """Wait until the newest request has been answered."""
    page.wait_for_function(
        "() => { const lab = document.querySelector('.lab'); return lab?.dataset.drawn === lab?.dataset.asked"
        " && lab?.dataset.drawn }"
    )


def pixels(page, kind="noise_flow"):
    """What a panel's canvas shows, as a data URL."""
    return page.eval_on_selector(f'.panel[data-kind="{kind}"] canvas', "canvas => canvas.toDataURL()")


def painted(page, before):
    """Wait until the panel of Noise Flow shows something else: a look is painted in the next frames of the screen."""
    page.wait_for_function(
        "before => document.querySelector('.panel[data-kind=noise_flow] canvas').toDataURL() !== before", arg=before
    )


def numbers(page):
    return page.inner_text(".scores table")


def slide(page, name, key="ArrowRight", times=5):
    field = page.locator(f'input[name="{name}"]')
    field.focus()
    for _ in range(times):
        field.press(key)


@pytest.fixture
def lab(widget_base, open_page):
    page = open_page(f"{widget_base}/noise_lab.html")
    drawn(page)
    return page


CONTROLS = {
    "ISO": lambda page: slide(page, "iso", "PageDown"),
    "exposure": lambda page: slide(page, "exposure"),
    "temperature": lambda page: slide(page, "temperature"),
    "new noise": lambda page: page.click("button[name=again]"),
    "seed": lambda page: page.fill("input[name=seed]", "77"),
    "picture": lambda page: page.check("input[value=Leaves]", force=True),
    "camera": lambda page: page.select_option("select[name=camera]", "S6"),
}
LOOKS = {
    "amplification": lambda page: slide(page, "amplification", "PageUp"),
    "view": lambda page: page.check("input[value=picture]", force=True),
    "zoom": lambda page: page.click("button[title='Zoom in']"),
}


def test_every_control_changes_what_is_drawn(lab):
    for name, use in (CONTROLS | LOOKS).items():
        before, table = pixels(lab), numbers(lab)
        use(lab)
        drawn(lab)
        painted(lab, before)
        assert (numbers(lab) != table) == (name in CONTROLS), name


def test_it_begins_with_what_the_page_was_saved_with(lab):
    assert (
        lab.eval_on_selector("input[name=scene]:checked", "input => input.closest('label').innerText.trim()")
        == "Rocket"
    )
    assert lab.is_checked("input[name=view][value=noise]")
    order = lab.eval_on_selector_all(".panel", "panels => panels.map(panel => panel.dataset.kind)")
    assert order == ["true", "awgn", "photon_transfer", "nlf_flow", "noise_flow", "sensor_flow"]


def test_the_same_settings_draw_the_same_noise(lab):
    before = pixels(lab)
    lab.fill("input[name=seed]", "5")
    drawn(lab)
    lab.fill("input[name=seed]", "1")
    drawn(lab)
    assert pixels(lab) == before


def test_panels_zoom_and_move_together_by_keyboard(lab):
    kinds = lab.eval_on_selector_all(".panel", "panels => panels.map(panel => panel.dataset.kind)")
    before = {kind: pixels(lab, kind) for kind in kinds}
    canvas = lab.locator(".panel canvas").nth(1)
    canvas.focus()
    for key in ("+", "+", "ArrowLeft", "ArrowUp"):
        seen = {kind: pixels(lab, kind) for kind in kinds}
        canvas.press(key)
        assert all(pixels(lab, kind) != seen[kind] for kind in kinds), key
    canvas.press("0")
    assert {kind: pixels(lab, kind) for kind in kinds} == before


def png16(height, width):
    """A PNG of 16 bits, colours that change smoothly."""
    import imageio.v3 as iio

    y, x = np.mgrid[:height, :width]
    colours = np.stack([x / width, y / height, 0.5 + 0 * x], -1)
    grey = np.round(65535 * colours.mean(-1)).astype(np.uint16)
    file = io.BytesIO()
    iio.imwrite(file, grey, extension=".png")
    return file.getvalue()


def test_a_picture_of_ones_own(lab):
    before = pixels(lab)
    lab.set_input_files("input[name=file]", {"name": "ramp.png", "mimeType": "image/png", "buffer": png16(101, 83)})
    lab.wait_for_selector(".thumb span:has-text('ramp.png')")
    drawn(lab)
    assert pixels(lab) != before
    assert "82 × 100 pixels" in lab.inner_text(".status")
    text = base64.b64encode(png16(64, 96)).decode()
    transfer = lab.evaluate_handle(
        """text => { const data = new DataTransfer();
        const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
        data.items.add(new File([bytes], "dropped.png", {type: "image/png"})); return data; }""",
        text,
    )
    lab.dispatch_event(".lab", "drop", {"dataTransfer": transfer})
    lab.wait_for_selector(".thumb span:has-text('dropped.png')")
    drawn(lab)
    assert "96 × 64 pixels" in lab.inner_text(".status")


def test_what_is_no_picture_is_refused_by_name(lab):
    before = pixels(lab)
    lab.set_input_files("input[name=file]", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    lab.wait_for_function("() => document.querySelector('.status').textContent.includes('notes.txt')")
    assert "notes.txt could not be opened as a picture: " in lab.inner_text(".status")
    assert pixels(lab) == before


def test_controls_and_pictures_are_labelled(lab):
    unnamed = lab.evaluate(
        """() => [...document.querySelectorAll('.lab input, .lab select, .lab button, .lab canvas[role], .lab svg')]
        .filter(e => !(e.getAttribute('aria-label') || e.closest('label')?.textContent.trim() || e.textContent.trim()))
        .map(e => e.outerHTML)"""
    )
    assert not unnamed
    assert "KL" in lab.get_attribute(".chart svg", "aria-label")


def pointed(page):
    return page.eval_on_selector_all(".chart svg", "all => all.map(svg => Boolean(svg.querySelector('.pointer')))")


def test_a_slider_that_moves_draws_a_quarter_and_all_of_it_when_it_rests(lab):
    lab.eval_on_selector(
        "input[name=iso]",
        "e => { e.value = Number(e.value) + 0.5; e.dispatchEvent(new Event('input', {bubbles: true})) }",
    )
    lab.wait_for_function("() => document.querySelector('.status').textContent.startsWith('128 × 128')")
    lab.wait_for_function("() => document.querySelector('.status').textContent.startsWith('256 × 256')")
    drawn(lab)


def test_a_camera_that_is_chosen_while_a_slider_moves_is_drawn(lab):
    lab.evaluate(
        """() => { const [iso, camera] = ["iso", "camera"].map(name => document.querySelector(`[name=${name}]`));
        const say = (field, value) => { field.value = value; field.dispatchEvent(new Event("input", {bubbles: true})) };
        say(iso, Number(iso.value) - 0.5);
        return new Promise(done => requestAnimationFrame(() => { say(camera, "S6"); done(); })) }"""
    )  # a quarter has been asked for, and the camera is another one when it comes
    drawn(lab)
    assert "Camera NLF" in numbers(lab)


def test_a_look_computes_nothing_anew(lab):
    asked = lab.get_attribute(".lab", "data-asked")
    for use in LOOKS.values():
        before = pixels(lab)
        use(lab)
        painted(lab, before)
    assert lab.get_attribute(".lab", "data-asked") == asked


def test_iso_goes_in_thirds_of_a_stop_by_key_and_no_further_than_the_camera(lab):
    field = lab.locator("input[name=iso]")
    said = []
    for key in ("ArrowRight", "ArrowLeft", "PageDown", "PageUp", "PageUp", "PageUp", "PageUp"):
        field.press(key)
        said.append(int(field.get_attribute("aria-valuetext")))
    assert said == [2000, 1600, 800, 1600, 3200, 6400, 6400]


def test_without_noise_there_are_dashes_and_no_errors(lab):
    lab.locator("input[name=temperature]").press("Home")
    drawn(lab)
    cells = lab.eval_on_selector_all("tr[data-kind=awgn] td", "all => all.map(cell => cell.innerText)")
    assert cells[2:] == ["0.000", "–"] and "NaN" not in numbers(lab)
    assert " to " in lab.inner_text("tr[data-kind=true] td:nth-child(2)")


def test_presets_addresses_and_the_way_back(lab):
    start = numbers(lab)
    lab.click("button[data-preset=telegraph]")
    drawn(lab)
    assert lab.input_value("select[name=camera]") == "telegraph"
    assert "camera=telegraph" in lab.url
    lab.evaluate("location.hash = '#lab:phone'")  # as a link in the text does
    lab.wait_for_function("() => document.querySelector('select[name=camera]').value === 'S6'")
    drawn(lab)
    assert "Sensor Flow" in numbers(lab) and "Camera NLF" in numbers(lab)
    address = lab.url
    lab.goto("about:blank")
    lab.goto(address)
    drawn(lab)
    assert lab.input_value("select[name=camera]") == "S6"
    lab.click("button[name=reset]")
    drawn(lab)
    assert numbers(lab) == start and "#lab:" not in lab.url


def test_models_are_drawn_in_the_order_in_which_they_are_ticked(lab):
    for kind in ("awgn", "nlf_flow", "photon_transfer", "awgn"):
        lab.click(f"input[name=model][value={kind}]")
        drawn(lab)
    order = lab.eval_on_selector_all(".panel", "panels => panels.map(panel => panel.dataset.kind)")
    assert order == ["true", "noise_flow", "sensor_flow", "awgn"]
    assert "NLF flow" not in numbers(lab) and "models=noise_flow%2Csensor_flow%2Cawgn" in lab.url


def test_pixel_bar_and_point_are_linked(lab):
    lab.hover(".panel[data-kind=noise_flow] canvas")
    assert "Noise Flow, column" in lab.inner_text(".said") and pointed(lab) == [True, True, False]
    before = pixels(lab)
    lab.hover(".chart:nth-child(1) svg")
    assert "Marked: pixels with noise from" in lab.inner_text(".said") and pixels(lab) != before
    lab.hover(".chart:nth-child(2) svg")
    assert "Marked: pixels with a signal about" in lab.inner_text(".said") and pointed(lab)[1]
    lab.hover("button[name=reset]")
    assert lab.inner_text(".said") == "" and pixels(lab) == before and not any(pointed(lab))


def test_a_photograph_is_opened_by_a_worker(lab, tmp_path):
    from PIL import Image

    colours = np.random.default_rng(0).integers(0, 255, (900, 1200, 3), dtype=np.uint8)
    Image.fromarray(colours).save(tmp_path / "own.jpg")
    lab.evaluate(
        "() => new MutationObserver(() => (window.said ??= []).push(document.querySelector('.status').textContent))"
        ".observe(document.querySelector('.status'), {childList: true})"
    )
    lab.set_input_files("input[name=file]", tmp_path / "own.jpg")
    lab.wait_for_selector(".thumb span:has-text('own.jpg')")
    drawn(lab)
    assert lab.evaluate("window.said")[0] == "opening own.jpg ..."
    assert "400 × 300 pixels" in lab.inner_text(".status")


def test_in_the_book_it_takes_the_right_column(book, open_page):
    for width in (1280, 1920):
        page = open_page(f"{book.as_uri()}/noise_lab.html", width=width)
        drawn(page)
        lab, text = (page.locator(name).first.bounding_box() for name in (".lab", ".bd-article > section > p"))
        assert lab["width"] > 1.2 * text["width"] and lab["x"] + lab["width"] <= width
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_workers_the_page_computes_itself(widgets, open_page):
    page = open_page(f"{widgets.as_uri()}/noise_lab.html", before="delete window.Worker")
    drawn(page)
    assert "256 × 256 pixels, 6 frames" in page.inner_text(".status")


@pytest.mark.parametrize("width, dark", [(375, False), (375, True), (720, False), (1280, False), (1280, True)])
def test_it_fits_the_screen_and_follows_the_theme(widgets, open_page, width, dark):
    page = open_page(f"{widgets.as_uri()}/noise_lab.html", width=width, dark=dark)
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.eval_on_selector(".scores", "e => e.scrollWidth <= e.clientWidth"), "the table is cut on the right"
    ground, ink = (page.eval_on_selector(".lab", f"e => getComputedStyle(e).{c}") for c in ("backgroundColor", "color"))
    brightness = [sum(int(v) for v in colour[4:-1].split(",")) for colour in (ground, ink)]
    assert (brightness[0] < brightness[1]) == dark
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"noise_lab-{width}-{'dark' if dark else 'light'}.png", full_page=True)
