"""Every noise model, of two cameras and three ISO values."""

import torch

from n2nf_core.baselines import (
    PerPlane,
    calibrated_pg,
    camera_nlf,
    fit_awgn,
    fit_mixture,
    fit_photon_transfer,
)
from n2nf_core.flow import nlf_flow, noise_flow, sensor_flow

CAMERAS, ISOS = ("GP", "S6"), (100, 400, 3200)


def perturbed_flow(build):
    torch.manual_seed(3)
    flow = build(CAMERAS, ISOS)
    for name, parameter in flow.named_parameters():
        if "log_shot" not in name and "log_read" not in name:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return flow


def recordings():
    generator = torch.Generator().manual_seed(5)
    truth, clean = camera_nlf(CAMERAS), torch.linspace(0, 0.8, 4 * 64 * 64).view(1, 4, 64, 64)
    for camera in CAMERAS:
        for iso in ISOS:
            context = truth.context(clean, camera, iso)
            yield camera, iso, torch.cat([clean + truth.sample(context, generator=generator) for _ in range(4)])


MODELS = {
    "awgn": lambda: fit_awgn(recordings()),
    "camera_nlf": lambda: camera_nlf(CAMERAS),
    "calibrated_pg": lambda: calibrated_pg(CAMERAS),
    "per_plane": lambda: PerPlane([camera_nlf(CAMERAS), *[calibrated_pg(CAMERAS)] * 3]),
    "photon_transfer": lambda: fit_photon_transfer(recordings())[0],
    "mixture": lambda: fit_mixture(recordings())[0],
    "nlf_flow": lambda: perturbed_flow(nlf_flow),
    "noise_flow": lambda: perturbed_flow(noise_flow),
    "sensor_flow": lambda: perturbed_flow(sensor_flow),
}


def context_of(model, count, height=1, width=1):
    """A mixed batch: cameras and ISO values alternate, the signal runs from dark to bright."""
    clean = torch.linspace(0.02, 0.9, 4 * height * width, dtype=torch.float64).view(1, 4, height, width)
    names = [CAMERAS[i % 2] for i in range(count)]
    return model.context(clean.expand(count, -1, -1, -1), names, [(100.0, 250.0, 3200.0)[i % 3] for i in range(count)])
