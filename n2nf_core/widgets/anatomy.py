"""Flow anatomy: noise passed through a flow layer by layer, in JupyterLab, on a static page and in a file."""

from __future__ import annotations

import anywidget
import numpy as np
import traitlets

from n2nf_core.simulation.optics import CAMERA_FROM_SRGB
from n2nf_core.widgets import modules, pictures, weights
from n2nf_core.widgets.lab import shipped_cameras, shipped_models

SIGNALS = ("Coffee", "Leaves", "Greys")
START = {
    "camera": "banded",
    "model": "noise_flow",
    "iso": 1600.0,
    "signal": "Coffee",
    "level": 0.02,
    "direction": "forward",
    "stage": 1,
    "seed": 1,
}


class FlowAnatomy(anywidget.AnyWidget):
    """The states of a patch between the layers of a flow: z_k = f_k(z_(k-1)), from noise z_0 to base z_n, and back.

    Every state is shown with its histogram, its autocorrelation and the correlation of its planes. Every layer is shown
    with its log-determinant (ladj) and the running NLL, -log N(z_k; 0, I) - sum of ladj up to k, in nats per dimension.
    The mathematics runs in the page, so the widget works without a kernel and without a network.

    ``settings`` holds what the reader chose. Its direction is "forward" (noise to base) or "backward", and its stage is
    the number k of the state.

    Arguments:
        settings: initial values of settings, by name.

    Errors: ValueError for an unknown setting.

    >>> FlowAnatomy(stage=3).settings["stage"]
    3
    """

    _esm = modules.joined("anatomy.js")
    _css = modules.style("anatomy.css")
    weights = traitlets.Bytes().tag(sync=True)
    cameras = traitlets.List().tag(sync=True)
    scenes = traitlets.List().tag(sync=True)
    camera_from_srgb = traitlets.List().tag(sync=True)
    srgb_from_camera = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, **settings):
        unknown = sorted(set(settings) - set(START))
        if unknown:
            raise ValueError(f"there is no setting {', '.join(unknown)}: choose from {', '.join(START)}")
        shipped = pictures.shipped()
        super().__init__(
            weights=weights.dump(shipped_models()),
            cameras=shipped_cameras(),
            scenes=[{"id": name, "png": pictures.png(shipped[name])} for name in SIGNALS],
            camera_from_srgb=CAMERA_FROM_SRGB.tolist(),
            srgb_from_camera=np.linalg.inv(CAMERA_FROM_SRGB).tolist(),
            settings=START | settings,
        )
