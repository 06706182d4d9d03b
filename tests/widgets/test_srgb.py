"""The page's sRGB curve is the core's."""

import json

import numpy as np
import pytest
from cases.node import node

from n2nf_core import raw

VALUES = np.concatenate([np.linspace(0, 1, 1001), [0.0031308, 0.0031309, 0.04045, 0.040451]])  # the thresholds, too


def test_the_pages_srgb_curve_is_that_of_the_core(tmp_path):
    script = f"""import {{ linearFromSrgb, srgbFromLinear }} from "JS/srgb.js";
    const values = {json.dumps(VALUES.tolist())};
    console.log(JSON.stringify([values.map(linearFromSrgb), values.map(srgbFromLinear)]));"""
    light, srgb = node(script, tmp_path)
    assert light == pytest.approx(raw.linear_from_srgb(VALUES), abs=1e-12)
    assert srgb == pytest.approx(raw.srgb_from_linear(VALUES), abs=1e-12)


def test_a_picture_of_the_readers_own_becomes_linear_by_that_curve(tmp_path):
    script = """import { linearRgb } from "JS/image.js";
    const data = Float32Array.from({ length: 12 }, (_, i) => i / 11);
    console.log(JSON.stringify([...linearRgb({ width: 2, height: 2, channels: 3, data }, 2).rgb]));"""
    values = (np.arange(12) / 11).reshape(4, 3).T.ravel()
    assert node(script, tmp_path) == pytest.approx(raw.linear_from_srgb(values), abs=1e-6)
