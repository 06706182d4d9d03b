"""Two frames of a scene: their difference, in which the scene vanishes, and the photon transfer that it gives."""

from __future__ import annotations

import anywidget
import numpy as np
import traitlets

from n2nf_core.simulation.optics import CAMERA_FROM_SRGB
from n2nf_core.simulation.sensor_laws import LAWS
from n2nf_core.widgets import modules, pictures
from n2nf_core.widgets.lab import law_state

CAMERA, ISO, SCENE = "Canon 70D", 3200.0, "Coffee"
PART = (slice(None), slice(16, 112), slice(16, 112))  # of the scene, for a page that opens quickly


class TwoFrames(anywidget.AnyWidget):
    """Frames y1 and y2 of one scene, their difference, and mean((y1 - y2)^2) / 2 against the mean signal.

    The scene is the same in both frames and vanishes in the difference, which holds the noise of both. Half of its mean
    square is the variance of the noise, so every exposure gives a point of the photon-transfer line: its slope is the
    gain, and where it meets the axis is the read noise. The reader changes the exposure, and the page draws the frames
    of a simulated sensor.

    >>> TwoFrames().iso
    3200.0
    """

    _esm = modules.joined("two_frames.js")
    _css = modules.style("two_frames.css")
    scene = traitlets.Bytes().tag(sync=True)
    sensor = traitlets.Dict().tag(sync=True)
    iso = traitlets.Float(ISO).tag(sync=True)
    camera_from_srgb = traitlets.List().tag(sync=True)
    srgb_from_camera = traitlets.List().tag(sync=True)

    def __init__(self):
        super().__init__(
            scene=pictures.png(pictures.shipped()[SCENE][PART]),
            sensor=law_state(LAWS[CAMERA]),
            camera_from_srgb=CAMERA_FROM_SRGB.tolist(),
            srgb_from_camera=np.linalg.inv(CAMERA_FROM_SRGB).tolist(),
        )
