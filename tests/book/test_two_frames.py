"""Two frames on their page: the difference has no scene, and every exposure gives a point of the line."""

import re

import pytest


@pytest.fixture
def frames(widget_base, open_page):
    page = open_page(f"{widget_base}/two_frames.html")
    page.wait_for_selector(".two-frames[data-drawn]")
    return page


def expose(page, key):
    before = page.inner_html(".two-frames .plot")
    page.locator("input[name=exposure]").press(key)
    page.wait_for_function("before => document.querySelector('.two-frames .plot').innerHTML !== before", arg=before)


def test_points_lie_on_the_line_of_the_sensor(frames):
    assert frames.inner_text(".status").startswith("One exposure, one point.")
    for key in ("Home", "End", "ArrowLeft", "ArrowLeft"):
        expose(frames, key)
    said = frames.inner_text(".status")
    slope, truth = (float(x) for x in re.search(r"Slope: ([\d.]+) .*?truth: ([\d.]+)", said).groups())
    assert said.startswith("5 exposures.") and abs(slope - truth) < 0.05 * truth  # a hundred thousand values a point
    assert frames.locator(".two-frames .plot circle").count() == 6
    frames.click("button[name=clear]")
    frames.wait_for_function("() => document.querySelector('.status').textContent.startsWith('One exposure')")


def test_a_sweep_ends_at_the_brightest(frames):
    frames.click("button[name=sweep]")
    frames.wait_for_function("() => document.querySelector('.status').textContent.startsWith('11 exposures')")
    assert frames.get_attribute("input[name=exposure]", "aria-valuetext") == "brightest"


def test_the_scene_is_in_the_frames_and_not_in_their_difference(frames):
    across = """canvas => { const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height); const means = [];
    for (let k = 0; k < 16; k++) { let [sum, count] = [0, 0];
      for (let y = (k >> 2) * height >> 2; y < ((k >> 2) + 1) * height >> 2; y++)
        for (let x = (k & 3) * width >> 2; x < ((k & 3) + 1) * width >> 2; x++, count++)
          sum += data[4 * (y * width + x)];
      means.push(sum / count); } return Math.max(...means) - Math.min(...means); }"""
    first, difference = (
        frames.eval_on_selector(f".panel[data-kind={kind}] canvas", across) for kind in ("first", "difference")
    )
    assert first > 60 and difference < 6
