"""The page's sensor is the physical sensor."""

import json
import math

import numpy as np
import pytest
import torch
from cases.node import SIGMAS, node

from n2nf_core.simulation.sensor_laws import LAWS
from n2nf_core.simulation.sensor_stages import TukeyLambdaRead
from n2nf_core.widgets.lab import shipped_cameras


@pytest.mark.parametrize("camera", LAWS)
@pytest.mark.parametrize("iso", [100, 900])
def test_the_pages_sensor_is_the_physical_sensor(camera, iso, tmp_path):
    law = next(c["sensor"] for c in shipped_cameras() if c["id"] == camera)
    level, side = 0.02, 96
    script = f"""import {{ sensorAt, sensorLine, sensorNoise }} from "JS/sensor.js";
    const sensor = sensorAt({json.dumps(law)}, {iso});
    const clean = new Float32Array(4 * {side} * {side}).fill({level});
    const noise = sensorNoise(sensor, {{clean, height: {side}, width: {side}}}, 7, 1);
    console.log(JSON.stringify({{sensor, line: sensorLine(sensor), noise: [...noise]}}));"""
    found = node(script, tmp_path)
    sensor = LAWS[camera].at(iso)
    assert found["sensor"]["gain"] == pytest.approx(sensor.shot.gain)
    assert found["sensor"]["read"] == pytest.approx(sensor.read.scale)
    assert found["sensor"]["row"] == pytest.approx(sensor.row.scale)
    assert found["line"] == pytest.approx({"shot": sensor.nlf.shot, "read": sensor.nlf.read})
    noise = torch.tensor(found["noise"], dtype=torch.float64).view(4, side, side)
    dn = sensor.to_dn(noise + float(np.float32(level)))
    assert float((dn - dn.round()).abs().max()) < 1e-6
    rows = noise.unflatten(0, (2, 2)).mean((1, 3)) * (sensor.white - sensor.black)  # (2, side): mosaic rows
    inside = (sensor.shot.gain * level * (sensor.white - sensor.black) + sensor.read.variance()) / (2 * side)
    expected = sensor.row.variance() + inside
    assert abs(float(rows.var()) - expected) < SIGMAS * expected * math.sqrt(2 / rows.numel())
    within = noise.unflatten(0, (2, 2)) - noise.unflatten(0, (2, 2)).mean((1, 3), keepdim=True)
    target = float(sensor.variance(torch.full((4, 1, 1), level))[0, 0, 0]) - sensor.row.variance() / 15583**2
    spread = target * math.sqrt(10 / noise.numel())  # a kurtosis of 11 is more than that of these sensors
    lost = target / side  # to the mean of the rows
    assert abs(float(within.square().mean()) - target) < SIGMAS * spread + lost


def test_tukey_lambda_is_that_of_the_core(tmp_path):
    script = """import { tukeyLambda } from "JS/sensor.js";
    console.log(JSON.stringify([0.09, -0.05].map(l => [0.001, 0.3, 0.999].map(u => tukeyLambda(u, l)))));"""
    for shape, row in zip((0.09, -0.05), node(script, tmp_path), strict=True):
        assert row == pytest.approx([(u**shape - (1 - u) ** shape) / shape for u in (0.001, 0.3, 0.999)])
    assert shipped_cameras()[0]["sensor"]["readVariance"] == TukeyLambdaRead(1.0, LAWS["banded"].shape).variance()
