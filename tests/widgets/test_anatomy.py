"""Flow anatomy: what it carries, and which settings it takes."""

import pytest

from n2nf_core.widgets import pictures, weights
from n2nf_core.widgets.anatomy import SIGNALS, START, FlowAnatomy


def test_it_carries_models_for_every_camera_and_the_signals_as_pictures():
    widget = FlowAnatomy(stage=3, direction="backward")
    carried = set(weights.load(widget.weights))
    assert all(set(camera["models"].values()) <= carried for camera in widget.cameras)
    assert [scene["id"] for scene in widget.scenes] == list(SIGNALS)
    assert widget.scenes[0]["png"] == pictures.png(pictures.shipped()[SIGNALS[0]])
    assert widget.settings == START | {"stage": 3, "direction": "backward"}


def test_it_starts_with_what_there_is():
    cameras = {camera["id"]: camera for camera in FlowAnatomy().cameras}
    assert START["model"] in cameras[START["camera"]]["models"] and START["signal"] in SIGNALS
    low, high = cameras[START["camera"]]["isos"]
    assert low <= START["iso"] <= high


def test_a_setting_that_there_is_not_is_named():
    with pytest.raises(ValueError, match="no setting scene: choose from camera, model, iso, signal"):
        FlowAnatomy(scene="Coffee")
