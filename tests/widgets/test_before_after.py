"""The before/after widget: its metrics in Node against the core's, what it shows, what it refuses."""

import json

import pytest
import torch
from cases.node import node

from n2nf_core import metrics
from n2nf_core.widgets import before_after, pictures
from n2nf_core.widgets.anatomy import FlowAnatomy
from n2nf_core.widgets.before_after import BeforeAfter, shipped

TOLERANCE = 1e-4  # of PSNR in dB and of SSIM


REGIONS = ((0, 0, 30, 21), (3, 5, 11, 13), (7, 1, 12, 20), (19, 10, 11, 11))  # top, left, height, width


SCRIPT = """import { decodePng } from "JS/image.js"; import { psnr, ssim } from "JS/metrics.js";
const opened = async bytes => { const { width, height, data } = await decodePng(Uint8Array.from(bytes));
  return { values: data.map(share => share * 65535 / 32768 - 0.5), planes: PLANES, width, height: height / PLANES }; };
const [a, b] = await Promise.all(INPUT.map(opened));
const found = REGIONS.map(([top, left, height, width]) => {
  const region = { top, left, height, width }; return [psnr(a, b, region), ssim(a, b, region)]; });
console.log(JSON.stringify({ found, values: [...a.values] }));"""


@pytest.mark.parametrize("planes", [4, 1])
def test_psnr_and_ssim_are_those_of_the_core(planes, tmp_path):
    generator = torch.Generator().manual_seed(planes)
    clean = torch.rand(planes, 30, 21, generator=generator).cumsum(2) / 21
    noisy = clean + 0.05 * torch.randn(clean.shape, generator=generator)
    files = [pictures.png16(picture) for picture in (noisy, clean)]
    noisy, clean = (pictures.from_png16(file, planes) for file in files)  # the page has them rounded, too
    data = [list(file) for file in files]
    script = SCRIPT.replace("PLANES", str(planes)).replace("INPUT", json.dumps(data))
    answer = node(script.replace("REGIONS", json.dumps(REGIONS)), tmp_path)
    assert torch.tensor(answer["values"]).sub(noisy.flatten()).abs().max() < 1e-6
    for (top, left, height, width), (psnr, ssim) in zip(REGIONS, answer["found"], strict=True):
        part = [p[None, :, top : top + height, left : left + width] for p in (noisy, clean)]
        assert psnr == pytest.approx(float(metrics.psnr(*part, data_range=1.0)), abs=TOLERANCE)
        assert ssim == pytest.approx(float(metrics.ssim(*part, data_range=1.0)), abs=TOLERANCE)


def test_the_shipped_pictures_score_as_their_json_says():
    if not (before_after.HERE / "before_after.zip").exists():
        pytest.skip("no pictures: run data_scripts/make_before_after.py and copy its two files to n2nf_core/widgets")
    content = json.loads((before_after.HERE / "before_after.json").read_text())
    assert len(content["provenance"]["commit"]) == 40, "made from a working tree with changes"
    for scene, row in content["scenes"].items():
        found = {name: picture[None] for name, picture in shipped()[before_after.SCENES[scene]].items()}
        reference = found.pop("Reference")
        for key, score in row["denoisers"].items():
            picture = found.pop(before_after.NAMES[key])
            psnr = float(metrics.psnr(picture, reference, data_range=1.0))
            assert psnr == pytest.approx(score["psnr_db"], abs=1e-3)
            assert float(metrics.ssim(picture, reference, data_range=1.0)) == pytest.approx(score["ssim"], abs=1e-4)
        assert not found and min(reference.shape[-2:]) >= 256  # 512 pixels of a mosaic
        scores = {name: score["psnr_db"] for name, score in row["denoisers"].items()}
        assert min(scores, key=scores.get) == "noisy"


def test_what_it_refuses():
    clean = torch.rand(4, 12, 14)
    with pytest.raises(ValueError, match="no picture 'truth': choose from noisy, reference"):
        BeforeAfter({"noisy": clean, "reference": clean}, reference="truth")
    with pytest.raises(ValueError, match="no scene 'tea': choose from Coffee, in the dark, Portrait"):
        BeforeAfter(scene="tea")
    with pytest.raises(ValueError, match="of one size"):
        BeforeAfter({"noisy": clean[:, 1:], "reference": clean})
    with pytest.raises(ValueError, match="of one size"):
        BeforeAfter({"noisy": clean[:3], "reference": clean[:3]})
    with pytest.raises(ValueError, match="no setting zoom: choose from scene, left, right, view"):
        BeforeAfter({"reference": clean}, zoom=3)
    with pytest.raises(ValueError, match="no setting layer: choose from camera, model, iso"):
        FlowAnatomy(layer=3)
