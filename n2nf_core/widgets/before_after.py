"""Before and after: pictures of one scene behind a divider, in JupyterLab, on a static page and in a file."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping

import anywidget
import numpy as np
import traitlets
from torch import Tensor

from n2nf_core.plots import heading
from n2nf_core.simulation.optics import CAMERA_FROM_SRGB
from n2nf_core.widgets import modules, pictures
from n2nf_core.widgets.lab import HERE

KEYS = ("noisy", "wavelet", "noise2noise", "joint_paper", "joint_pair_difference", "reference")
NAMES = {key: heading(key) for key in KEYS}
SCENES = {"coffee": "Coffee, in the dark", "astronaut": "Portrait, in good light"}
SETTINGS = {"scene": "", "left": "", "right": "", "view": "picture", "amplification": 8.0, "divider": 0.5}


def shipped() -> dict[str, dict[str, Tensor]]:
    """Scene -> name -> planes (4, h, w) in [0, 1] units of ``before_after.zip``: scenes that no training saw.

    Each is there noisy, denoised by several denoisers, and clean.
    """
    with zipfile.ZipFile(HERE / "before_after.zip") as archive:
        return {
            label: {name: pictures.from_png16(archive.read(f"{scene}/{key}.png")) for key, name in NAMES.items()}
            for scene, label in SCENES.items()
        }


class BeforeAfter(anywidget.AnyWidget):
    """Two pictures of one scene left and right of a divider, with PSNR and SSIM of the visible part.

    The page receives the pictures as 16-bit PNG, exact to 1.6e-5, so that it measures the same values as
    :mod:`n2nf_core.metrics`. Without pictures the widget shows those of :func:`shipped`.

    Arguments:
        pictures: name -> planes (4, h, w) or one plane (h, w), all of one shape, in [0, 1] units. With noise, values
            may lie in [-0.5, 1.5).
        reference: name of the picture that the others are compared with.
        settings: initial values of scene (of the shipped ones), left, right, view ("picture", "difference" from the
            reference, or "removed", the first picture minus each), amplification of both, and divider in [0, 1].

    Errors: ValueError for pictures of different shapes, for values out of range, and for unknown names or settings.

    >>> import torch
    >>> clean = torch.rand(16, 24)
    >>> BeforeAfter({"noisy": clean + 0.1, "reference": clean}).settings["right"]
    'reference'
    """

    _esm = modules.joined("before_after.js")
    _css = modules.style("before_after.css")
    scenes = traitlets.List().tag(sync=True)
    reference = traitlets.Unicode().tag(sync=True)
    camera_from_srgb = traitlets.List().tag(sync=True)
    srgb_from_camera = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, pictures: Mapping[str, Tensor] | None = None, reference: str = "reference", **settings):
        scenes = {"": pictures or {}}
        if pictures is None:
            scenes, reference = shipped(), NAMES["reference"]
            settings = {"left": NAMES["noisy"], "right": NAMES["joint_pair_difference"]} | settings
        first = next(iter(scenes))
        names = list(scenes[first])
        start = {"scene": first, "left": names[0] if names else "", "right": names[-1] if names else ""}
        settings = SETTINGS | start | settings
        if settings["scene"] not in scenes:
            raise ValueError(f"there is no scene {settings['scene']!r}: choose from {', '.join(scenes)}")
        for shown in scenes.values():
            _check(shown, reference, settings)
        super().__init__(
            scenes=[{"id": s, "pictures": [_state(n, p) for n, p in shown.items()]} for s, shown in scenes.items()],
            reference=reference,
            camera_from_srgb=CAMERA_FROM_SRGB.tolist(),
            srgb_from_camera=np.linalg.inv(CAMERA_FROM_SRGB).tolist(),
            settings=settings,
        )


def _state(name: str, picture: Tensor) -> dict:
    planes = picture[None] if picture.dim() == 2 else picture
    return {"id": name, "planes": len(planes), "png": pictures.png16(planes)}


def _check(pictures: Mapping[str, Tensor], reference: str, settings: Mapping[str, object]) -> None:
    unknown = sorted(set(settings) - set(SETTINGS))
    if unknown:
        raise ValueError(f"there is no setting {', '.join(unknown)}: choose from {', '.join(SETTINGS)}")
    for name in (reference, settings["left"], settings["right"]):
        if name not in pictures:
            raise ValueError(f"there is no picture {name!r}: choose from {', '.join(pictures) or 'none'}")
    shapes = {tuple(picture.shape) for picture in pictures.values()}
    if len(shapes) > 1 or not all(len(shape) == 2 or len(shape) == 3 and shape[0] == 4 for shape in shapes):
        raise ValueError(f"pictures must all be (4, h, w) or all (h, w), and of one size, got {sorted(shapes)}")
