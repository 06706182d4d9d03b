"""Parts of the lab in Node against the core: random numbers, the KL, the autocorrelation."""

import json
import math

import numpy as np
import pytest
import torch
from cases.node import SIGMAS, node

from n2nf_core import metrics


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
