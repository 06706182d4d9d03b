"""The lab's engine in Node: shares of workers, quarters, tables of the mixture, telegraph noise, the floor."""

import json
import math

import numpy as np
import pytest
from cases.node import SIGMAS, node

from n2nf_core.simulation.sensor_laws import telegraph_noise
from n2nf_core.widgets import weights
from n2nf_core.widgets.lab import shipped_cameras, shipped_models

SIDE = 24  # plane pixels
START = f"""import {{ readFileSync }} from "node:fs"; import {{ Engine, KINDS, shares, quartered }} from "JS/engine.js";
import {{ readModels }} from "JS/models.js"; import {{ Random }} from "JS/random.js";
import {{ telegraphNoise }} from "JS/telegraph.js";
const side = {SIDE}, weights = readFileSync("WEIGHTS"), random = new Random(4);
const planes = new Float32Array(4 * side * side).map(() => 0.5 * random.uniform());
const scene = {{ planes, height: side, width: side }};
const engine = new Engine({{ weights, cameras: CAMERAS }}); engine.show(scene);
const settings = {{ camera: "banded", iso: 800, exposure: 0.25, seed: 1, temperature: 1, rough: false }};
"""


@pytest.fixture(scope="module")
def page_engine(tmp_path_factory):
    """run(script) -> what it prints, after START."""
    folder = tmp_path_factory.mktemp("engine")
    (folder / "weights").write_bytes(weights.dump(shipped_models()))
    start = START.replace("WEIGHTS", str(folder / "weights")).replace("CAMERAS", json.dumps(shipped_cameras()))
    return lambda script: node(start + script, folder)


def test_shares_of_workers_hold_every_model_once_and_the_slow_ones_apart(page_engine):
    found = page_engine("console.log(JSON.stringify([1, 2, 3].map(count => shares(KINDS, count))));")
    for count, lists in enumerate(found, 1):
        assert len(lists) == count and lists[0][0] == "true"
        assert [jobs[-1] for jobs in lists if "floor" in jobs] == ["floor"]
        jobs = [job for jobs in lists for job in jobs]
        assert len(jobs) == len(set(jobs)) == 9
    slow = [
        [[job for job in jobs if job in ("noise_flow", "sensor_flow", "floor")] for jobs in lists] for lists in found
    ]
    assert slow[0] == [["sensor_flow", "noise_flow", "floor"]]
    assert slow[1] == [["noise_flow"], ["sensor_flow", "floor"]]
    assert slow[2] == [["floor"], ["sensor_flow"], ["noise_flow"]]


def test_a_quarter_has_every_second_cell(page_engine):
    script = """const numbers = { planes: Float32Array.from({ length: 60 }, (_, k) => k), height: 3, width: 5 };
    const { planes: out, height, width } = quartered(numbers);
    console.log(JSON.stringify([height, width, [...out]]));"""
    height, width, out = page_engine(script)
    whole = np.arange(60).reshape(4, 3, 5)
    assert (height, width) == (1, 2) and out == whole[:, ::2, ::2][:, :1, :2].flatten().tolist()


def test_a_tabulated_mixture_is_the_exact_one(page_engine):
    script = """const found = ["banded", "telegraph", "phones"].map(group => {
      const [exact, quick] = [0, 1].map(() => readModels(weights)[`${group}/sensor_flow`]); quick.quicken();
      const camera = exact.cameras[0];
      const context = { clean: planes.map(x => x / 8), height: side, width: side, camera, iso: 700 };
      const eps = random.normals(new Float64Array(planes.length), 1.5);
      const [a, b] = [exact, quick].map(model => model.first[1].inverse(eps, context));
      const [c, d] = [exact, quick].map(model => model.first[1].forward(a.values, context));
      const off = (left, right) => Math.max(...left.values.map((value, i) => Math.abs(value - right.values[i])));
      const per = (left, right) => Math.abs(left.ladj - right.ladj) / eps.length;
      return [off(a, b), per(a, b), off(c, d), per(c, d)]; }); console.log(JSON.stringify(found));"""
    for inverse, inverse_ladj, forward, forward_ladj in page_engine(script):
        assert inverse < 1e-2 and forward < 1e-2 and inverse_ladj < 1e-4 and forward_ladj < 1e-4


def test_the_tabulated_tail_is_the_exact_one(page_engine):
    script = """import { logTail } from "JS/normal.js"; import { quickLogTail } from "JS/mixture_table.js";
    const places = Array.from({ length: 997 }, (_, k) => -12 + 0.0723 * k);
    console.log(JSON.stringify(places.map(x => [x, logTail(x), quickLogTail(x)])));"""
    x, exact, quick = np.array(page_engine(script)).T
    error = abs(quick - exact) / np.maximum(abs(exact), 1)
    assert error.max() < 1e-6


def test_a_value_beyond_the_nodes_is_transformed_without_them(page_engine):
    script = """const [exact, quick] = [0, 1].map(() => readModels(weights)["banded/sensor_flow"]); quick.quicken();
      const context = { clean: new Float32Array(4).fill(0.02), height: 1, width: 1, camera: "banded", iso: 700 };
      const found = [exact, quick].map(model => model.first[1].forward([-14, -9.99, 9.99, 14], context));
      console.log(JSON.stringify(found.map(({ values, ladj }) => [...values, ladj])));"""
    exact, quick = page_engine(script)
    assert quick == pytest.approx(exact, rel=1e-2, abs=2e-2)


def test_samples_are_kept_while_only_the_signal_and_the_iso_change(page_engine):
    script = """const draw = more => [...engine.draw({ ...settings, jobs: ["true", "sensor_flow"], ...more })];
    const noise = messages => [...messages.find(({ frame }) => frame?.kind === "sensor_flow").frame.noise];
    const first = noise(draw()); let blends = 0;
    const model = engine.models["banded/sensor_flow"]; const blend = model.blend;
    model.blend = (...given) => { blends++; return blend.apply(model, given); };
    draw({ iso: 400 }); draw({ exposure: 0.5 }); const kept = blends;
    const again = noise(draw()); draw({ seed: 2 }); draw({ seed: 2, temperature: 0.5 });
    console.log(JSON.stringify([kept, blends, Math.max(...first.map((v, i) => Math.abs(v - again[i])))]));"""
    kept, blends, change = page_engine(script)
    assert kept == 0 and blends == 2 and change == 0


def test_the_draws_of_a_true_frame_are_kept_while_only_the_signal_and_the_iso_change(page_engine):
    script = """const kept = more => {
      const messages = [...engine.draw({ ...settings, exposure: 1e-9, jobs: ["true"], ...more })];
      return [engine.kept["true 1 false"].value, [...messages[0].frame.noise]]; };
    const [first, noise] = kept({}); const [other, weaker] = kept({ iso: 400 }); const [, again] = kept({});
    const [next] = kept({ seed: 2 });
    console.log(JSON.stringify([first === other, first === next, noise, weaker, again]));"""
    same, new, noise, weaker, again = page_engine(script)
    assert same and not new and noise == again
    assert np.std(weaker) < 0.8 * np.std(noise) and np.corrcoef(noise, weaker)[0, 1] > 0.95


def test_a_quarter_and_the_whole_are_kept_side_by_side(page_engine):
    script = """let blends = 0; const model = engine.models["banded/noise_flow"]; const blend = model.blend;
    model.blend = (...given) => { blends++; return blend.apply(model, given); };
    for (const rough of [false, true, false, true]) [...engine.draw({ ...settings, rough, jobs: ["noise_flow"] })];
    engine.show(scene); [...engine.draw({ ...settings, jobs: ["noise_flow"] })];
    console.log(JSON.stringify(blends));"""
    assert page_engine(script) == 3


def test_the_floor_is_a_range_and_temperature_zero_has_no_noise(page_engine):
    script = """const run = jobs => [...engine.draw({ ...settings, temperature: 0, jobs })].filter(Boolean);
    const floor = run(["floor"])[0].floor; const [{ frame }, { nll }] = run(["awgn"]);
    console.log(JSON.stringify({ floor, sigma: frame.stats.sigma, correlation: frame.stats.correlation[0], nll,
      kl: frame.stats.kl }));"""
    found = page_engine(script)
    low, high = found["floor"]
    assert 0 < low < high < found["kl"]
    assert found["sigma"] == 0 and found["correlation"] is None and math.isfinite(found["nll"])


def test_telegraph_noise_is_that_of_the_core(page_engine):
    law = telegraph_noise().law
    script = f"""console.log(JSON.stringify([...telegraphNoise(new Random(1), new Float64Array(60000),
      {{ share: {law.share}, jump: {law.jump} }})]));"""
    values = np.array(page_engine(script))
    moment = {2: 1 + law.share * law.jump**2, 4: 3 + law.share * (6 * law.jump**2 + law.jump**4)}
    fourth = moment[4] / moment[2] ** 2
    assert abs((values**2).mean() - 1) < SIGMAS * math.sqrt((fourth - 1) / len(values))
    assert abs((values**4).mean() - fourth) < SIGMAS * (values**4).std() / math.sqrt(len(values))
