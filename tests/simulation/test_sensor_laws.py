"""Sensors with a variable ISO: the laws at their centre, and the invented sensor with telegraph noise."""

import math

import torch

from n2nf_core.simulation import CALIBRATIONS
from n2nf_core.simulation.sensor_laws import ISOS, LAWS, telegraph_noise


def test_a_law_is_the_centre_of_its_calibration():
    for iso in ISOS:
        sensor, calibration = LAWS["Canon 70D"].at(iso), CALIBRATIONS["Canon 70D"]
        gain = calibration.gain[0] * iso / 100
        assert math.isclose(sensor.shot.gain, gain)
        for scale, law in ((sensor.read.scale, calibration.tukey), (sensor.row.scale, calibration.row)):
            assert math.isclose(scale, gain**law.slope * math.exp(law.bias))


def test_telegraph_noise_has_its_variance_and_its_tails():
    model = telegraph_noise()
    context = model.context(torch.full((1, 4, 64, 64), 0.01), "telegraph", 400.0)
    noise = model.sample(context, generator=torch.Generator().manual_seed(0))
    u = (noise / model.variance(context).sqrt()).double()
    fourth = (3 + 0.03 * (6 * 5**2 + 5**4)) / (1 + 0.03 * 5**2) ** 2
    sixth = (15 + 0.03 * (15 * 3 * 5**2 + 15 * 5**4 + 5**6)) / (1 + 0.03 * 5**2) ** 3
    eighth = (105 + 0.03 * (28 * 15 * 5**2 + 70 * 3 * 5**4 + 28 * 5**6 + 5**8)) / (1 + 0.03 * 5**2) ** 4
    assert abs(float((u**2).mean()) - 1) < 5 * math.sqrt((fourth - 1) / u.numel())
    assert abs(float((u**4).mean()) - fourth) < 5 * math.sqrt((eighth - fourth**2) / u.numel()) and sixth > fourth
