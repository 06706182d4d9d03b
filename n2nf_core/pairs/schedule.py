"""Which frame pairs a batch is cut from, and where: pure functions of the seed and the number of the batch.

Each frame has a seat on the device. Where all frames fit, each keeps its own, and a batch draws from all pairs. Where
they do not, a window of pairs is resident and moves: every ``stay`` batches one pair comes in for the oldest. Bursts
come in rounds, each once per round in random order, and each shows all its frame pairs before it repeats one. With
P pixels per plane a pair stays until it has given reuse * P / patch^2 patches, so a batch costs on average
2 * frame bytes * batch * patch^2 / (reuse * P) of reading: 16 patch^2 / reuse bytes per patch of uint16.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np


@lru_cache(4096)
def _permutation(seed: int, purpose: int, first: int, second: int, count: int) -> list[int]:
    return np.random.default_rng([seed, purpose, first, second]).permutation(count).tolist()


class Seat(NamedTuple):
    """A place on the device and the frame that sits there."""

    slot: int
    burst: int
    frame: int


class Pair(NamedTuple):
    """Two frames of one burst; ``clean`` is the slot of the burst's reference."""

    first: Seat
    second: Seat
    clean: int


class Residents(Protocol):
    """Frame pairs that are on the device at a time.

    slots, clean_slots: values per slot, 4 h w, of frames and of references. settings: JSON-like, what draws depend on.
    """

    slots: list[int]
    clean_slots: list[int]
    settings: tuple

    def draw(self, step: int, uniform: np.ndarray) -> list[Pair]:
        """A pair for each of ``uniform`` (n, 2), in [0, 1): bursts weigh by their pixels."""


class AllPairs:
    """All pairs of all bursts, every frame in a seat of its own. pairs: (i, j) per burst. counts: T per burst."""

    def __init__(self, pairs: Sequence[Sequence[tuple[int, int]]], counts: Sequence[int], pixels: Sequence[int]):
        self.pairs, self.pixels = pairs, np.cumsum(pixels)
        self.start = np.cumsum([0, *counts]).tolist()
        self.slots = [4 * size for size, count in zip(pixels, counts, strict=True) for _ in range(count)]
        self.clean_slots = [4 * size for size in pixels]
        self.settings = ("all",)

    def draw(self, step: int, uniform: np.ndarray) -> list[Pair]:
        """A pair for each of ``uniform`` (n, 2), the same for every step."""
        bursts = np.searchsorted(self.pixels, uniform[:, 0] * self.pixels[-1], side="right")
        found = []
        for burst, u in zip(bursts.tolist(), uniform[:, 1].tolist(), strict=True):
            i, j = self.pairs[burst][int(u * len(self.pairs[burst]))]
            start = self.start[burst]
            found.append(Pair(Seat(start + i, burst, i), Seat(start + j, burst, j), burst))
        return found


class Window:
    """``count`` pairs at a time, one replaced every ``stay`` batches; ``seed`` fixes which."""

    def __init__(
        self, pairs: Sequence[Sequence[tuple[int, int]]], pixels: Sequence[int], count: int, stay: int, seed: int
    ):
        self.pairs, self.pixels, self.seed = pairs, np.asarray(pixels), seed
        self.count, self.stay = count, stay
        self.slots = [4 * max(pixels)] * (2 * count)
        self.clean_slots = [4 * max(pixels)] * count
        self.settings = ("window", count, stay)

    def visit(self, number: int) -> Pair:
        """The pair that comes in as number ``number``; the first ``count`` are there from the start."""
        lap, position = divmod(number, len(self.pairs))
        burst = _permutation(self.seed, 1, lap, 0, len(self.pairs))[position]
        again, which = divmod(lap, len(self.pairs[burst]))
        i, j = self.pairs[burst][_permutation(self.seed, 2, burst, again, len(self.pairs[burst]))[which]]
        slot = number % self.count
        return Pair(Seat(2 * slot, burst, i), Seat(2 * slot + 1, burst, j), slot)

    def draw(self, step: int, uniform: np.ndarray) -> list[Pair]:
        """A resident pair for each of ``uniform`` (n, 2)."""
        oldest = step // self.stay
        resident = [self.visit(oldest + k) for k in range(self.count)]
        weight = np.cumsum(self.pixels[[pair.first.burst for pair in resident]])
        chosen = np.searchsorted(weight, uniform[:, 0] * weight[-1], side="right")
        return [resident[k] for k in chosen.tolist()]


class Draw(NamedTuple):
    """Where the patches of a batch come from: ``pairs``, and per patch (B,) which of them, place and mirroring.

    swap, vertical, horizontal: 0 or 1; swap says that the later frame is the first of the patch pair.
    """

    pairs: list[Pair]
    pair: np.ndarray
    top: np.ndarray
    left: np.ndarray
    swap: np.ndarray
    vertical: np.ndarray
    horizontal: np.ndarray


def draw_batch(
    residents: Residents, shapes: Sequence[tuple[int, int]], seed: int, step: int, scenes: int, batch: int, patch: int
) -> Draw:
    """Batch number ``step``: ``scenes`` pairs, batch / scenes patches of each. shapes: (h, w) per burst."""
    rng = np.random.default_rng([seed, 0, step])
    pairs = residents.draw(step, rng.random((scenes, 2)))
    pair = np.repeat(np.arange(scenes), batch // scenes)
    room = np.array([shapes[p.first.burst] for p in pairs]) - patch
    top, left = (rng.integers(0, room[pair, axis]) for axis in (0, 1))
    return Draw(pairs, pair, top, left, *rng.integers(0, 2, (3, batch)))
