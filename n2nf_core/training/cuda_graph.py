"""How training keeps a GPU busy: a step recorded once as a CUDA graph and then replayed, and batches made beside it.

A step of Noise Flow is more than a thousand small operations on the GPU, and starting each of them from Python takes
longer than the operation itself. A recording starts all of them at once. Most of them leave a part of the GPU free, in
which the next batch is cut on a stream of its own.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.types import NoisyPair

EAGER_STEPS = 3
"""Steps that run as they are before one of their kind is recorded: libraries set themselves up in them."""
MOST = 4
"""Recordings that are kept: each one holds the memory of a step. Batches of further shapes run as they are."""

Step = Callable[[Hashable, NoisyPair], Tensor]
"""(what to do, batch) -> losses. May not wait for the device, and may depend on nothing but its arguments and tensors
that stay where they are: a replay repeats the operations, not the Python code around them."""


def made_beside(batches: Iterator[NoisyPair]) -> Iterator[NoisyPair]:
    """The same batches, each made on a stream of its own while the GPU still works on the step before."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    while True:
        with torch.cuda.stream(stream):
            pair = next(batches, None)
        if pair is None:
            return
        current = torch.cuda.current_stream()
        current.wait_stream(stream)
        for field in pair:
            if field is not None:
                field.record_stream(current)  # its memory is not given to another batch before the step has read it
        yield pair


class GraphWarning(UserWarning):
    """A step could not be recorded as a CUDA graph; training goes on without it."""


class Recording(NamedTuple):
    """A recorded step.

    graph: its operations. batch: the tensors that it reads. losses: the tensor that it writes, (3,).
    """

    graph: torch.cuda.CUDAGraph
    batch: NoisyPair
    losses: Tensor

    def replay(self, pair: NoisyPair) -> Tensor:
        """The step on another batch of the same shapes."""
        for mine, given in zip(self.batch, pair, strict=True):
            if mine is not None:
                mine.copy_(given)
        self.graph.replay()
        return self.losses.clone()


class Recorded:
    """``step`` with the same results: recorded at its fourth call with the same first argument and shapes."""

    def __init__(self, step: Step):
        self._step, self._stream = step, torch.cuda.Stream()
        self._calls: Counter[Hashable] = Counter()
        self._recordings: dict[Hashable, Recording] = {}
        self._most = MOST

    def __call__(self, what: Hashable, pair: NoisyPair) -> Tensor:
        kind = (what, *(None if field is None else (field.shape, field.dtype) for field in pair))
        self._calls[kind] += 1
        if kind not in self._recordings and self._calls[kind] > EAGER_STEPS and len(self._recordings) < self._most:
            self._record(kind, what, pair)
        if kind in self._recordings:
            return self._recordings[kind].replay(pair)
        with self._aside():
            return self._step(what, pair)

    def _record(self, kind: Hashable, what: Hashable, pair: NoisyPair) -> None:
        graph, batch = torch.cuda.CUDAGraph(), NoisyPair(*(None if f is None else f.clone() for f in pair))
        try:  # thread_local: meanwhile other threads may lock pages for the frames that they read
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
                losses = self._step(what, batch)
        except RuntimeError as error:
            self._most = 0
            reason = str(error).strip().splitlines()[0]
            message = f"the training step cannot be a CUDA graph, training goes on without it: {reason}"
            warnings.warn(message, GraphWarning, stacklevel=2)
            return
        self._recordings[kind] = Recording(graph, batch, losses)

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """On the stream of the recordings, as the gradients of a parameter must all be."""
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            yield
        torch.cuda.current_stream().wait_stream(self._stream)
