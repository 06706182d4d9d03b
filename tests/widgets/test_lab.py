"""Parts of the lab in Node against the core: the physical sensor, the KL, Poisson numbers, the joined modules."""

import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from n2nf_core import metrics
from n2nf_core.simulation.sensor_stages import TukeyLambdaRead
from n2nf_core.widgets import modules, pictures
from n2nf_core.widgets.lab import NoiseLab, shipped_cameras, shipped_models
from n2nf_core.widgets.sensors import LAWS

SIGMAS = 5  # standard errors that a moment may be off by
JS = Path(modules.__file__).parent / "js"


def node(script: str, folder: Path):
    """What a module that prints JSON says; ``JS`` in it is the folder of the modules."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node: install Node.js 18 or newer to run the page's modules")
    path = folder / "script.mjs"
    path.write_text(script.replace("JS/", JS.as_uri() + "/"))
    return json.loads(subprocess.run([program, str(path)], capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("rate", [0.3, 5.0, 11.9, 12.1, 60.0, 3000.0])
def test_poisson_numbers_have_their_moments(rate, tmp_path):
    count = 40_000
    script = f"""import {{ Random }} from "JS/random.js"; const r = new Random(3);
    console.log(JSON.stringify(Array.from({{length: {count}}}, () => r.poisson({rate}))));"""
    values = np.array(node(script, tmp_path))
    assert values.min() >= 0 and (values == values.round()).all()
    assert abs(values.mean() - rate) < SIGMAS * math.sqrt(rate / count)
    assert abs(values.var() - rate) < SIGMAS * rate * math.sqrt((2 + 1 / rate) / count)
    third = ((values - rate) ** 3).mean()
    spread = math.sqrt((15 * rate**3 + 25 * rate**2 + rate) / count)  # of the third central moment, from above
    assert abs(third - rate) < SIGMAS * spread


def test_normal_numbers_have_their_moments(tmp_path):
    script = """import { Random } from "JS/random.js";
    console.log(JSON.stringify([...new Random(1).normals(new Float64Array(40001), 2)]));"""
    values = np.array(node(script, tmp_path)) / 2
    assert abs(values.mean()) < SIGMAS / math.sqrt(len(values))
    assert abs((values**2).mean() - 1) < SIGMAS * math.sqrt(2 / len(values))
    assert abs((values**4).mean() - 3) < SIGMAS * math.sqrt(96 / len(values))


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


def test_the_kl_is_that_of_the_core(tmp_path):
    real, model = (0.03 * torch.randn(2, 1, 4, 16, 16, generator=torch.Generator().manual_seed(0))).unbind()
    script = f"""import {{ kl, klCounts, PAPER_LIMIT }} from "JS/stats.js";
    const counts = values => klCounts(Float32Array.from(values), PAPER_LIMIT);
    const [real, model] = {json.dumps([real.flatten().tolist(), model.flatten().tolist()])};
    console.log(JSON.stringify(kl(counts(real), counts(model))));"""
    assert node(script, tmp_path) == pytest.approx(float(metrics.marginal_kl(real, model)), rel=1e-5)


def test_autocorrelation_of_rows_and_of_white_noise(tmp_path):
    script = """import { autocorrelation } from "JS/stats.js"; import { Random } from "JS/random.js";
    const white = new Random(1).normals(new Float64Array(4 * 64 * 64));
    const row = new Random(2).normals(new Float64Array(4 * 64));
    const both = white.map((value, i) => value + row[i >> 6]);
    console.log(JSON.stringify([white, both].map(noise => autocorrelation(noise, 64, 64, 8))));"""
    white, rows = (np.array(values) for values in node(script, tmp_path))
    assert abs(white).max() < SIGMAS / math.sqrt(4 * 64 * 56)
    assert abs(rows - 0.5).max() < SIGMAS * math.sqrt(2 / 256)  # the share of 256 row numbers in the variance


def test_pictures_come_back_from_the_page(tmp_path):
    planes = torch.rand(4, 5, 7, generator=torch.Generator().manual_seed(0))
    data = list(pictures.png(planes))
    script = f"""import {{ openScene }} from "JS/image.js";
    const found = await openScene(Uint8Array.from({data}));
    console.log(JSON.stringify({{...found, planes: [...found.planes]}}));"""
    found = node(script, tmp_path)
    assert (found["height"], found["width"]) == (5, 7)
    error = (torch.tensor(found["planes"]).view(4, 5, 7).sqrt() - planes.sqrt()).abs().max()
    assert float(error) <= 0.5 / 255 + 1e-6


def test_joined_modules_are_one_module(tmp_path):
    text = modules.widget("lab.js")
    assert not re.search(r"^(import|export (?!default))", text, re.MULTILINE)
    (tmp_path / "lab.mjs").write_text(text)
    program = shutil.which("node")
    if program is None:
        pytest.skip("no node: install Node.js 18 or newer to check the joined modules")
    subprocess.run([program, "--check", str(tmp_path / "lab.mjs")], check=True)


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
