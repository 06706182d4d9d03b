"""Every widget on a page of its own: no serious fault for assistive technology, in light, dark and on a phone."""

import pytest
from cases.axe import CHECKER, FAULTS
from cases.widgets import WIDGETS

READY = {
    "noise_lab": ".lab[data-drawn]",
    "two_frames": ".two-frames[data-drawn]",
    "flow_anatomy": ".anatomy[data-drawn]",
    "lambda_explorer": ".explorer[data-shown]",
    "before_after": ".before-after[data-drawn]",
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", WIDGETS)
def test_a_widget_has_no_serious_fault_and_fits_a_phone(widgets, open_page, name, dark):
    if not CHECKER.exists():
        pytest.skip("axe-core is missing: run `make book`")
    page = open_page(f"{widgets.as_uri()}/{name}.html", dark=dark)
    page.wait_for_selector(READY[name])
    page.evaluate(CHECKER.read_text())
    assert page.evaluate(FAULTS) == []
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.wait_for_timeout(100)
    assert page.evaluate(FAULTS) == []


def test_a_widgets_page_is_small(widgets):
    assert (widgets / "two_frames.html").stat().st_size < 150_000  # it stands on the landing page
    assert (widgets / "noise_lab.html").stat().st_size < 1_000_000
