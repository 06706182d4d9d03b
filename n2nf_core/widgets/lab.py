"""The noise lab: noise drawn live from every model, in JupyterLab, on a static page and in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from torch import Tensor

from n2nf_core.baselines import GaussianNoise, calibrated_pg, camera_nlf
from n2nf_core.simulation.calibrations import BLACK_LEVEL, WHITE_LEVEL
from n2nf_core.simulation.optics import CAMERA_FROM_SRGB
from n2nf_core.simulation.sensor_laws import ISOS, LAWS, SensorLaw, telegraph_noise
from n2nf_core.simulation.sensor_stages import TukeyLambdaRead
from n2nf_core.types import NoiseModel
from n2nf_core.widgets import modules, pictures, weights

HERE = Path(__file__).parent
PHONES = {"S6": "Samsung Galaxy S6", "GP": "Google Pixel", "IP": "iPhone 7"}
SENSORS = {"banded": "Banded (made up)", "Canon 70D": "Canon 70D (ELD)"}
TELEGRAPH = "telegraph"
START = {
    "camera": "banded",
    "scene": "Coffee",
    "iso": 1600.0,
    "exposure": -3.0,
    "amplification": 1.0,
    "temperature": 1.0,
    "seed": 1,
    "view": "picture",
    "models": [],
}


def shipped_models() -> dict[str, NoiseModel]:
    """ "<group>/<kind>" -> model: the fitted models of ``lab.safetensors`` and the published tables of the phones."""
    tables = {"camera_nlf": camera_nlf(list(PHONES)), "calibrated_pg": calibrated_pg(list(PHONES))}
    fitted = weights.load((HERE / "lab.safetensors").read_bytes())
    telegraph = {f"{TELEGRAPH}/true": GaussianNoise(telegraph_noise().table)}  # the page makes it jump
    return {f"phones/{kind}": table for kind, table in tables.items()} | telegraph | fitted


def law_state(law: SensorLaw) -> dict:
    """A physical sensor in the form that the page reads."""
    return {
        "gain": law.gain,
        "read": law.read[:2],
        "row": law.row[:2],
        "shape": law.shape,
        "readVariance": TukeyLambdaRead(1.0, law.shape).variance(),
        "white": WHITE_LEVEL,
        "black": BLACK_LEVEL,
    }


def _kinds(group: str, *kinds: str) -> dict[str, str]:
    return {kind: f"{group}/{kind}" for kind in kinds}


def shipped_cameras() -> list[dict]:
    """The cameras that the page offers: id, label, ISO range, models, and the source of the true noise."""
    fitted = ("awgn", "photon_transfer", "nlf_flow", "noise_flow", "sensor_flow")
    phone = _kinds("phones", "awgn", "camera_nlf", "calibrated_pg", *fitted[2:])
    known = camera_nlf().table
    sensors = [
        {
            "id": name,
            "label": label,
            "isos": [ISOS[0], ISOS[-1]],
            "sensor": law_state(LAWS[name]),
            "models": _kinds(name, *fitted),
        }
        for name, label in SENSORS.items()
    ]
    phones = [
        {"id": name, "label": label, "isos": [min(known[name]), max(known[name])], "models": phone}
        | {"truth": "phones/camera_nlf"}
        for name, label in PHONES.items()
    ]
    jumps = telegraph_noise().law
    telegraph = {
        "id": TELEGRAPH,
        "label": "Telegraph (made up)",
        "isos": [ISOS[0], ISOS[-1]],
        "models": _kinds(TELEGRAPH, *fitted),
        "truth": f"{TELEGRAPH}/true",
        "telegraph": {"share": jumps.share, "jump": jumps.jump},
    }
    return [*sensors, telegraph, *phones]


class NoiseLab(anywidget.AnyWidget):
    """Noise of every shipped model beside the true noise, for a chosen picture, camera, ISO and exposure.

    The mathematics runs in the page, so the widget works without a kernel and without a network. ``settings`` holds
    what the reader chose.

    Arguments:
        pictures: name -> clean planes (4, h, w) in [0, 1], in addition to the shipped ones.
        settings: initial values of settings, by name. ``models`` are the kinds of models that are drawn, in that order;
            without them, or with none that the camera has, all of them are.

    Errors: ValueError for an unknown setting.

    >>> lab = NoiseLab()
    >>> lab.settings["camera"]
    'banded'
    """

    _esm = modules.widget("lab.js")
    _css = modules.style("lab.css")
    weights = traitlets.Bytes().tag(sync=True)
    cameras = traitlets.List().tag(sync=True)
    scenes = traitlets.List().tag(sync=True)
    camera_from_srgb = traitlets.List().tag(sync=True)
    srgb_from_camera = traitlets.List().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, pictures: Mapping[str, Tensor] | None = None, **settings):
        unknown = sorted(set(settings) - set(START))
        if unknown:
            raise ValueError(f"there is no setting {', '.join(unknown)}: choose from {', '.join(START)}")
        super().__init__(
            weights=weights.dump(shipped_models()),
            cameras=shipped_cameras(),
            scenes=_scenes(pictures or {}),
            camera_from_srgb=CAMERA_FROM_SRGB.tolist(),
            srgb_from_camera=np.linalg.inv(CAMERA_FROM_SRGB).tolist(),
            settings=START | settings,
        )


def _scenes(own: Mapping[str, Tensor]) -> list[dict]:
    return [{"id": n, "label": n, "png": pictures.png(p)} for n, p in {**own, **pictures.shipped()}.items()]
