"""Which frame pairs a batch is cut from, and where: pure functions of the seed and the number of the batch.

Every frame lies in a slot of the device's memory. If all frames fit, each has its own slot, and a batch chooses from
all pairs (:class:`AllPairs`). If they do not fit, a window of pairs is in memory, and it moves (:class:`Window`): every
``batches_per_pair`` batches one new pair replaces the oldest. Bursts are chosen in rounds. Every round contains each
burst once, in random order, and a burst uses all its frame pairs before it repeats one.

With P pixels per plane, a pair is replaced after it has given reuse * P / patch^2 patches. A batch therefore reads on
average 2 * frame bytes * batch * patch^2 / (reuse * P) bytes, which is 16 patch^2 / reuse bytes per patch of uint16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np


@dataclass(frozen=True)
class Sampling:
    """How patch pairs are chosen.

    Arguments:
        patch: side of a patch, in pixels of a plane.
        batch: number of patch pairs in a batch.
        frame_pairs: number of frame pairs that a batch is cut from. It divides ``batch``. With 0 it is the largest
            divisor up to 8.
        lag: largest distance in time between the two frames of a pair, in frames.
        seed: fixes all choices.

    Errors: ValueError for numbers out of range, and for a batch that ``frame_pairs`` does not divide.
    """

    patch: int = 32
    batch: int = 32
    frame_pairs: int = 0
    lag: int = 1
    seed: int = 0

    def __post_init__(self):
        if self.patch < 1 or self.batch < 1 or self.frame_pairs < 0:
            raise ValueError(f"patch and batch must be at least 1, and frame_pairs at least 0, got {self}")
        if not self.frame_pairs:
            object.__setattr__(self, "frame_pairs", next(n for n in range(8, 0, -1) if self.batch % n == 0))
        if self.batch % self.frame_pairs:
            raise ValueError(f"batch ({self.batch}) must be a multiple of frame_pairs ({self.frame_pairs})")


def frame_pairs(count: int, lag: int = 1) -> list[tuple[int, int]]:
    """Pairs (i, j) of frame numbers with i < j <= i + lag.

    By default they are consecutive; lag = count - 1 gives all pairs.

    Arguments:
        count: number of frames, at least 2.
        lag: largest distance in time between the two frames of a pair, in frames.

    Errors: ValueError for less than 2 frames or a lag below 1.

    >>> frame_pairs(3), frame_pairs(3, lag=2)
    ([(0, 1), (1, 2)], [(0, 1), (0, 2), (1, 2)])
    """
    if count < 2 or lag < 1:
        raise ValueError(f"a pair needs at least 2 frames and a lag of at least 1, got {count} frames, lag {lag}")
    return [(i, j) for i in range(count) for j in range(i + 1, min(i + lag, count - 1) + 1)]


class FrameSlot(NamedTuple):
    """A slot of the device's memory and the frame that lies in it.

    Arguments:
        slot: number of the slot.
        burst: number of the burst.
        frame: number of the frame in its burst.
    """

    slot: int
    burst: int
    frame: int


class FramePair(NamedTuple):
    """Two frames of one burst, each with its slot.

    Arguments:
        first: the earlier frame.
        second: the later frame.
        clean_slot: number of the slot of the burst's clean reference.
    """

    first: FrameSlot
    second: FrameSlot
    clean_slot: int


class PairsInMemory(Protocol):
    """The frame pairs that are in memory at a given step.

    Arguments:
        slots: size of every slot for frames, in values (4 h w).
        clean_slots: size of every slot for clean references, in values (4 h w).
        settings: what the choices depend on, of types that JSON can hold.
    """

    slots: list[int]
    clean_slots: list[int]
    settings: tuple

    def choose(self, step: int, uniform: np.ndarray) -> list[FramePair]:
        """One pair per row of ``uniform`` (n, 2) in [0, 1). A burst is chosen in proportion to its number of pixels."""


class AllPairs:
    """All pairs of all bursts. Every frame has its own slot.

    Arguments:
        pairs: for every burst, its frame pairs (i, j).
        counts: for every burst, the number of frames.
        pixels: for every burst, the number of pixels of a plane.
    """

    def __init__(self, pairs: Sequence[Sequence[tuple[int, int]]], counts: Sequence[int], pixels: Sequence[int]):
        self.pairs, self.pixels = pairs, np.cumsum(pixels)
        self.start = np.cumsum([0, *counts]).tolist()
        self.slots = [4 * size for size, count in zip(pixels, counts, strict=True) for _ in range(count)]
        self.clean_slots = [4 * size for size in pixels]
        self.settings = ("all",)

    def choose(self, step: int, uniform: np.ndarray) -> list[FramePair]:
        """One pair per row of ``uniform`` (n, 2) in [0, 1). The choice does not depend on the step."""
        bursts = np.searchsorted(self.pixels, uniform[:, 0] * self.pixels[-1], side="right")
        found = []
        for burst, u in zip(bursts.tolist(), uniform[:, 1].tolist(), strict=True):
            i, j = self.pairs[burst][int(u * len(self.pairs[burst]))]
            start = self.start[burst]
            found.append(FramePair(FrameSlot(start + i, burst, i), FrameSlot(start + j, burst, j), burst))
        return found


@lru_cache(4096)
def _permutation(seed: int, purpose: int, first: int, second: int, count: int) -> list[int]:
    return np.random.default_rng([seed, purpose, first, second]).permutation(count).tolist()


class Window:
    """Some of the pairs. One of them is replaced after every few batches.

    Arguments:
        pairs: for every burst, its frame pairs (i, j).
        pixels: for every burst, the number of pixels of a plane.
        count: number of pairs in memory.
        batches_per_pair: number of batches after which a new pair replaces the oldest.
        seed: fixes the order of the pairs.
    """

    def __init__(
        self,
        pairs: Sequence[Sequence[tuple[int, int]]],
        pixels: Sequence[int],
        count: int,
        batches_per_pair: int,
        seed: int,
    ):
        self.pairs, self.pixels, self.seed = pairs, np.asarray(pixels), seed
        self.count, self.batches_per_pair = count, batches_per_pair
        self.slots = [4 * max(pixels)] * (2 * count)
        self.clean_slots = [4 * max(pixels)] * count
        self.settings = ("window", count, batches_per_pair)

    def pair(self, number: int) -> FramePair:
        """The pair with this number in the order in which pairs enter.

        The first ``count`` are in memory from the start.
        """
        lap, position = divmod(number, len(self.pairs))
        burst = _permutation(self.seed, 1, lap, 0, len(self.pairs))[position]
        again, which = divmod(lap, len(self.pairs[burst]))
        i, j = self.pairs[burst][_permutation(self.seed, 2, burst, again, len(self.pairs[burst]))[which]]
        slot = number % self.count
        return FramePair(FrameSlot(2 * slot, burst, i), FrameSlot(2 * slot + 1, burst, j), slot)

    def choose(self, step: int, uniform: np.ndarray) -> list[FramePair]:
        """One of the pairs in memory per row of ``uniform`` (n, 2) in [0, 1)."""
        oldest = step // self.batches_per_pair
        present = [self.pair(oldest + k) for k in range(self.count)]
        weight = np.cumsum(self.pixels[[pair.first.burst for pair in present]])
        chosen = np.searchsorted(weight, uniform[:, 0] * weight[-1], side="right")
        return [present[k] for k in chosen.tolist()]


class BatchPlan(NamedTuple):
    """Where the patches of a batch come from. Every field but the first holds (B,) integers, one per patch.

    Arguments:
        pairs: the frame pairs of the batch.
        pair: which of ``pairs`` the patch is cut from.
        top: first row of the patch, in pixels of a plane.
        left: first column of the patch, in pixels of a plane.
        swap: 1 if the later frame gives the first patch of the pair, else 0.
        vertical: 1 if the patch is mirrored top to bottom, else 0.
        horizontal: 1 if the patch is mirrored left to right, else 0.
    """

    pairs: list[FramePair]
    pair: np.ndarray
    top: np.ndarray
    left: np.ndarray
    swap: np.ndarray
    vertical: np.ndarray
    horizontal: np.ndarray

    def share(self, rank: int, world: int) -> BatchPlan:
        """The patches ``[rank::world]`` of the batch: the share of process number ``rank`` of ``world``."""
        rows = {name: field[rank::world] for name, field in self._asdict().items() if name != "pairs"}
        return self._replace(**rows)


class SamplingPlan:
    """Plans of batches.

    The plan of batch number k is chosen by :class:`Sampling` from the pairs that are in memory then. The corner of a
    patch is uniform in a range that reaches half a patch beyond the plane on every side, and is then moved inside. So a
    pixel at an edge is seen at least half as often as one in the middle, and not once where that is seen patch^2 times.

    Arguments:
        in_memory: the pairs to choose from.
        shapes: for every burst, (h, w) of a plane. Each burst is larger than a patch by at least one row and one
            column.
        sampling: how to choose.
    """

    def __init__(self, in_memory: PairsInMemory, shapes: Sequence[tuple[int, int]], sampling: Sampling):
        self.in_memory, self.shapes, self.sampling = in_memory, np.asarray(shapes), sampling

    def choose(self, step: int) -> BatchPlan:
        """The plan of batch number ``step``. It is the same in every process and on every machine."""
        how = self.sampling
        rng = np.random.default_rng([how.seed, 0, step])
        pairs = self.in_memory.choose(step, rng.random((how.frame_pairs, 2)))
        pair = np.repeat(np.arange(how.frame_pairs), how.batch // how.frame_pairs)
        room = self.shapes[[p.first.burst for p in pairs]] - how.patch
        beyond = how.patch // 2
        top, left = (rng.integers(-beyond, room[pair, axis] + beyond) for axis in (0, 1))
        top, left = (corner.clip(0, room[pair, axis] - 1) for axis, corner in enumerate((top, left)))
        swap, vertical, horizontal = rng.integers(0, 2, (3, how.batch))
        return BatchPlan(pairs, pair, top, left, swap, vertical, horizontal)
