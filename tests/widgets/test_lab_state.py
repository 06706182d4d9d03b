"""The lab's settings in an address, its scores at the edges, and its steps of ISO, in Node."""

from cases.node import node

FIRST = """const first = { camera: "banded", iso: 1600, exposure: -3, scene: "Coffee", models: [], view: "picture" };
globalThis.document = { body: { dataset: {} } }; """


def test_an_address_holds_what_differs_from_the_start_and_gives_it_back(tmp_path):
    script = """import { addressOf, fromAddress } from "JS/lab_state.js";""" + FIRST
    script += """const changed = { ...first, iso: 812.345678, camera: "Canon 70D", seed: 4,
      models: ["awgn", "noise_flow"] };
    const address = addressOf(changed, first);
    console.log(JSON.stringify([address, fromAddress(first, address), addressOf(first, first),
      fromAddress(first, "#top"), fromAddress(first, "#lab:rows").view,
      fromAddress(first, "#lab:iso=many&what=3&exposure=-1")]));"""
    address, back, none, other, preset, wrong = node(script, tmp_path)
    assert address == "#lab:camera=Canon+70D&iso=812.35&models=awgn%2Cnoise_flow"
    first = {"camera": "banded", "iso": 1600, "exposure": -3, "scene": "Coffee", "models": [], "view": "picture"}
    assert back == first | {"iso": 812.35, "camera": "Canon 70D", "models": ["awgn", "noise_flow"]}
    assert none == "" and other is None and preset == "noise" and wrong == first | {"exposure": -1}


def test_steps_of_iso_are_those_that_cameras_have(tmp_path):
    script = """import { stepIso } from "JS/controls.js";
    console.log(JSON.stringify([[1600, 1], [1600, -1], [1700, 1], [1700, -1], [100, 3], [6400, -3]].map(
      ([iso, step]) => stepIso(iso, step))));"""
    assert node(script, tmp_path) == [2000, 1250, 2000, 1600, 200, 3200]


def test_scores_say_at_the_floor_and_a_dash_for_what_is_none(tmp_path):
    script = """import { scores } from "JS/lab_scores.js";
    const stats = (kl, nll, correlation) => ({ kl, nll, sigma: 0.01, correlation: [correlation] });
    const frames = { true: { stats: stats(undefined, undefined, 0.2) }, awgn: { stats: stats(0.1, -2, NaN) },
      noise_flow: { stats: stats(0.0012, -3, 0.1) }, nlf_flow: { stats: stats(0.003, undefined, 0) } };
    console.log(JSON.stringify([scores(frames, [0.001, 0.002]), scores(frames, null)]));"""
    with_floor, without = node(script, tmp_path)
    assert "0.0010 to 0.0020 <small>floor" in with_floor and with_floor.count("at the floor") == 1
    assert "0.1000" in with_floor and "NaN" not in with_floor + without and "undefined" not in with_floor + without
    assert "0.0012" in without and "at the floor" not in without and '<td class="best">−3.000</td>' in with_floor


def test_the_barrier_of_the_valley_is_where_the_slope_is_none(tmp_path):
    script = """import { barrierOf, heightOf, slopeOf } from "JS/sweep.js";
    const { valley, barrier } = barrierOf(3); const step = 1e-6;
    const rise = (loss, a) => (heightOf(loss, a + step, 3) - heightOf(loss, a - step, 3)) / (2 * step);
    console.log(JSON.stringify({ low: barrierOf(1.99), ends: [valley, barrier].map(a => slopeOf("self_sample", a, 3)),
      slopes: ["self_sample", "cross_sample"].map(loss => rise(loss, 0.3) - slopeOf(loss, 0.3, 3)),
      valley, barrier }));"""
    found = node(script, tmp_path)
    assert found["low"] is None and max(map(abs, found["ends"])) < 1e-9 and max(map(abs, found["slopes"])) < 1e-6
    assert abs(found["valley"] * (1 - found["valley"]) - 1 / 6) < 1e-12 and found["valley"] < 0.5 < found["barrier"]
