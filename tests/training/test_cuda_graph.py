"""When a step is recorded and when it is replayed, on a made-up card; tests/test_device.py records on a real one."""

import contextlib
import warnings

import pytest
import torch

from n2nf_core.training import GraphWarning, cuda_graph
from n2nf_core.types import NoisyPair


@pytest.fixture
def card(monkeypatch):
    """torch.cuda with graphs that repeat nothing; ``broken`` in it lets a recording fail."""
    state = {"replays": 0, "recorded": 0, "broken": False}

    class Graph:
        def replay(self):
            state["replays"] += 1

    class Stream:
        def wait_stream(self, other): ...

    @contextlib.contextmanager
    def graph(made, **how):
        if state["broken"]:
            raise RuntimeError("operation not permitted when stream is capturing\nmore of it")
        state["recorded"] += 1
        yield

    made = {"CUDAGraph": Graph, "Stream": Stream, "graph": graph, "current_stream": Stream}
    for name, thing in (made | {"stream": lambda stream: contextlib.nullcontext()}).items():
        monkeypatch.setattr(torch.cuda, name, thing)
    return state


def pair(value, count=2):
    images = torch.full((2, count, 4, 3, 3), float(value))
    return NoisyPair(*images, torch.zeros(count, dtype=torch.long), torch.full((count,), 100.0))


def counting(calls):
    def step(what, batch):
        calls.append((what, batch))
        return batch.first.mean().repeat(3)

    return step


def test_a_step_is_recorded_after_some_and_then_replayed_on_the_batch_that_is_given(card):
    calls = []
    step = cuda_graph.Recorded(counting(calls))
    for number in range(cuda_graph.EAGER_STEPS):
        assert torch.equal(step("joint", pair(number)), torch.full((3,), float(number)))
    assert card == {"replays": 0, "recorded": 0, "broken": False}
    step("joint", pair(7))
    step("joint", pair(9))
    assert card["recorded"] == 1 and card["replays"] == 2
    assert len(calls) == cuda_graph.EAGER_STEPS + 1, "Python runs once more, for the recording"
    assert torch.equal(calls[-1][1].first, pair(9).first), "the recording's own batch holds what was given last"


def test_other_tasks_and_shapes_have_recordings_of_their_own_up_to_a_number(card):
    step = cuda_graph.Recorded(counting([]))
    kinds = [("joint", 2), ("alone", 2), ("joint", 3), ("joint", 4), ("joint", 5)]
    assert len(kinds) == cuda_graph.MOST + 1
    for what, count in kinds:
        for _ in range(cuda_graph.EAGER_STEPS + 1):
            step(what, pair(1, count))
    assert card["recorded"] == cuda_graph.MOST


def test_what_cannot_be_recorded_is_told_once_and_runs_as_it_is(card):
    card["broken"], calls = True, []
    step = cuda_graph.Recorded(counting(calls))
    with pytest.warns(GraphWarning, match="goes on without it: operation not permitted when stream is capturing$"):
        found = [step("joint", pair(number)) for number in range(cuda_graph.EAGER_STEPS + 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found.append(step("joint", pair(cuda_graph.EAGER_STEPS + 1)))
    assert [float(value[0]) for value in found] == list(range(cuda_graph.EAGER_STEPS + 2))
    assert len(calls) == cuda_graph.EAGER_STEPS + 2 and card["replays"] == 0


def test_batches_made_beside_the_step_are_the_batches_and_wait_for_what_is_under_way(monkeypatch):
    log = []

    class Stream:
        def __init__(self, name="side"):
            self.name = name

        def wait_stream(self, other):
            log.append(f"{self.name} waits for {other.name}")

    @contextlib.contextmanager
    def on(stream):
        log.append(f"on {stream.name}")
        yield
        log.append("off")

    main = Stream("main")
    for name, thing in {"Stream": Stream, "stream": on, "current_stream": lambda: main}.items():
        monkeypatch.setattr(torch.cuda, name, thing)
    monkeypatch.setattr(torch.Tensor, "record_stream", lambda tensor, stream: log.append(f"kept for {stream.name}"))

    def batches():
        for value in range(2):
            log.append("made")
            yield pair(value)

    found = [float(batch.first.mean()) for batch in cuda_graph.made_beside(batches())]
    one = ["on side", "made", "off", "main waits for side", *["kept for main"] * 4]  # there is no clean reference
    assert found == [0, 1] and log == ["side waits for main", *one, *one, "on side", "off"]
