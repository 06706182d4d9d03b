"""The noise lab offers cameras that have their models, and names its settings."""

import pytest
import torch

from n2nf_core.widgets.lab import NoiseLab, shipped_cameras, shipped_models


def test_the_labs_cameras_have_their_models():
    models = shipped_models()
    for camera in shipped_cameras():
        for name in [*camera["models"].values(), *filter(None, [camera.get("truth")])]:
            assert camera["id"] in models[name].cameras
            known = models[name].knots.isos[camera["id"]]
            assert known[0] <= camera["isos"][0] and camera["isos"][1] <= known[-1] or name.endswith("calibrated_pg")


def test_the_lab_says_which_settings_there_are():
    with pytest.raises(ValueError, match="no setting gain: choose from camera, scene, iso"):
        NoiseLab(gain=3)
    lab = NoiseLab({"mine": torch.rand(4, 8, 8)}, iso=400.0)
    assert lab.scenes[0]["id"] == "mine" and lab.settings["iso"] == 400.0
