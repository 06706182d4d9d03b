"""The lab's requests in Node: one a frame of the screen, and no second one before a rough answer has been painted."""

from cases.node import node

START = """import { Requests } from "JS/requests.js";
const frames = []; globalThis.requestAnimationFrame = act => frames.push(act);
const frame = () => frames.splice(0).forEach(act => act());
const sent = [], completed = [];
const engine = { count: 2, to: (k, { settings }) => sent.push([k, settings.id, settings.rough, settings.jobs]) };
const wanted = () => ({ kinds: ["awgn", "noise_flow"], settings: {} });
const requests = new Requests(engine, { dataset: {} }, wanted, (id, rough) => completed.push([id, rough]));
const answer = (id, rough) => requests.answered({ id, rough, done: 1 });
"""


def test_requests_of_one_frame_are_one_and_all_workers_answer_it(tmp_path):
    script = """requests.ask(); requests.ask(); frame(); answer(2, false);
    const half = completed.length; answer(2, false);
    console.log(JSON.stringify([sent, half, completed]));"""
    sent, half, completed = node(START + script, tmp_path)
    assert sent == [[0, 2, False, ["true", "awgn", "floor"]], [1, 2, False, ["noise_flow"]]]
    assert half == 0 and completed == [[2, False]]


def test_the_next_request_waits_until_a_rough_answer_is_painted(tmp_path):
    script = """requests.ask(true); frame(); requests.ask(true); frame(); const waiting = sent.length;
    for (const k of [0, 1]) answer(1, true); const unpainted = sent.length;
    requests.shown(true); const painted = sent.length; requests.stop();
    console.log(JSON.stringify([waiting, unpainted, painted, sent.map(([, id, rough, jobs]) => [id, rough, jobs])]));"""
    waiting, unpainted, painted, sent = node(START + script, tmp_path)
    assert (waiting, unpainted, painted) == (2, 2, 4)
    assert [id_ for id_, *_ in sent] == [1, 1, 2, 2]
    assert not any("floor" in jobs for _, _, jobs in sent)
