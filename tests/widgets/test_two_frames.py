"""Two frames: what travels to the page, and the line that it draws, in Node."""

import pytest
from cases.node import node

from n2nf_core.simulation.sensor_laws import LAWS
from n2nf_core.widgets.two_frames import CAMERA, ISO, TwoFrames


def test_the_page_gets_a_small_scene_and_the_sensors_law():
    widget = TwoFrames()
    assert len(widget.scene) < 60_000 and widget.scene.startswith(b"\x89PNG")
    assert widget.sensor["gain"] * ISO / 100 == pytest.approx(LAWS[CAMERA].at(ISO).shot.gain)


def test_the_photon_transfer_of_pairs_is_a_line(tmp_path):
    script = """import { lineThrough, pointOf } from "JS/photon_transfer.js";
    const points = [100, 200, 400].map(signal => ({ signal, variance: 3 * signal + 50 }));
    console.log(JSON.stringify([pointOf([1, 3], [3, 3]), lineThrough(points), lineThrough(points.slice(0, 1)),
      lineThrough([points[0], points[0]])]));"""
    point, line, *none = node(script, tmp_path)
    assert point == {"signal": 2.5, "variance": 1.0} and none == [None, None]
    assert abs(line["slope"] - 3) < 1e-9 and abs(line["offset"] - 50) < 1e-6
