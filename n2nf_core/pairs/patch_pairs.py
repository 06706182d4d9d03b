"""Batches of noisy patch pairs for training, and patches on a grid for evaluation."""

from __future__ import annotations

import copy
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from n2nf_core.bursts import Burst, LazyFrames
from n2nf_core.cameras import camera_index
from n2nf_core.pairs.frame_buffers import FramesInMemory
from n2nf_core.pairs.prefetch import Prefetch
from n2nf_core.pairs.schedule import (
    AllPairs,
    BatchPlan,
    PairsInMemory,
    Sampling,
    SamplingPlan,
    Window,
    frame_pairs,
)  # fmt: skip
from n2nf_core.types import NoisyPair

LOOK_AHEAD = 256
"""Number of batches whose frames are requested in advance. ``Reading.ahead`` limits how many frames wait in memory."""


def grid_patches(planes: Tensor, size: int) -> Tensor:
    """Non-overlapping patches, image by image: (N, C, H, W) -> (N * rows * columns, C, size, size).

    Pixels that are left over at the bottom and on the right are not used.

    Arguments:
        planes: (N, C, H, W), any unit.
        size: side of a patch, in pixels of a plane.

    Errors: ValueError if no patch fits.

    >>> grid_patches(torch.zeros(2, 4, 9, 16), 8).shape
    torch.Size([4, 4, 8, 8])
    """
    count, channels, height, width = planes.shape
    rows, columns = height // size, width // size
    if not rows or not columns:
        raise ValueError(f"no {size}x{size} patch fits into planes of {height}x{width}: use a smaller patch")
    cut = planes[:, :, : rows * size, : columns * size].unflatten(2, (rows, size)).unflatten(4, (columns, size))
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, size, size)


@dataclass(frozen=True)
class Reading:
    """How frames are brought into memory.

    Arguments:
        cache_bytes: memory for frames and clean references, in bytes. If all frames fit, each is read once and kept.
        reuse: if the frames do not fit, how many patches cover each pixel of a frame pair, on average, before another
            pair replaces it.
        workers: threads that read ahead. None uses one per core, up to 4. With 0 frames are read when they are needed.
        ahead: largest number of frames that have been read and not yet used.
    """

    cache_bytes: int = 4 << 30
    reuse: float = 4.0
    workers: int | None = None
    ahead: int = 8


class PatchPairs:
    """Batches of patch pairs at random places of random frame pairs: an endless iterable of NoisyPair.

    Batch number k depends on ``sampling`` and k only, so a resumed run sees the same batches as an unbroken one. Frames
    are kept on the device as they are stored. A batch is cut there from ``sampling.frame_pairs`` frame pairs, with
    equally many patches from each, and patches are mirrored at random. After the cut they are converted to [0, 1]
    units. A burst is chosen in proportion to its number of pixels. If the frames do not fit into
    ``reading.cache_bytes`` (see :mod:`n2nf_core.pairs.schedule`), the batches also depend on that limit and on
    ``reading.reuse``, and :meth:`fingerprint` includes both.

    Arguments:
        bursts: at least one burst; each has two frames or more.
        cameras: the camera names that the numbers in ``NoisyPair.camera`` refer to.
        sampling: how patches are chosen.
        reading: how frames are brought into memory.
        device: where batches are cut.

    Errors: ValueError for no bursts, and for frames that are too few or too small; UnknownCameraError for a camera that
    is not among ``cameras``; BurstError, which names the burst, for a frame that cannot be read.
    """

    def __init__(
        self,
        bursts: Sequence[Burst],
        cameras: Sequence[str],
        sampling: Sampling = Sampling(),
        reading: Reading = Reading(),
        device: str | torch.device = "cpu",
    ):
        if not bursts:
            raise ValueError("there are no bursts to take pairs from: give at least one burst of two frames")
        for burst in bursts:
            if min(burst.shape[2:]) <= sampling.patch:
                raise ValueError(
                    f"{burst.scene}: planes of {burst.shape[2]}x{burst.shape[3]} are too small for patches of "
                    f"{sampling.patch}x{sampling.patch}, which need one row and one column more: use a smaller patch"
                )
        self.bursts, self.sampling, self.reading, self.device = list(bursts), sampling, reading, torch.device(device)
        self.camera = [camera_index(burst.camera, cameras) for burst in bursts]
        self.pairs = [frame_pairs(len(burst), sampling.lag) for burst in bursts]
        self.in_memory = pairs_in_memory(self.bursts, self.pairs, sampling, reading)
        self.plan = SamplingPlan(self.in_memory, [burst.shape[2:] for burst in bursts], sampling)

    def __iter__(self) -> Iterator[NoisyPair]:
        return self.batches(0, self.device)

    def on(self, device: str | torch.device) -> PatchPairs:
        """The same batches on ``device``: this object if it cuts there already, else a copy with its own memory."""
        if torch.device(device) == self.device:
            return self
        other = copy.copy(self)
        other.device = torch.device(device)
        for name in ("_memory", "_tables"):
            other.__dict__.pop(name, None)
        return other

    def batches(self, step: int, device: str | torch.device, rank: int = 0, world: int = 1) -> Iterator[NoisyPair]:
        """The batches from number ``step`` on. Frames are read ahead.

        Arguments:
            step: number of the first batch.
            device: where the batches are cut.
            rank: number of this process among those that share a batch. It receives the rows ``[rank::world]``.
            world: number of processes that share a batch.

        Errors: ValueError if the processes cannot share a batch evenly.
        """
        if self.sampling.batch % world:
            raise ValueError(
                f"a batch of {self.sampling.batch} pairs cannot be shared evenly by {world} processes: "
                f"choose a multiple of {world}"
            )
        return self.on(device)._batches(step, rank, world)

    def _batches(self, step: int, rank: int, world: int) -> Iterator[NoisyPair]:
        workers = self.reading.workers
        workers = min(4, os.cpu_count() or 1) if workers is None else workers
        with Prefetch(self._memory.read, workers, self.reading.ahead) as reader:
            for plan in self._coming(step, reader, LOOK_AHEAD if workers else 1):
                self._memory.bring(plan.pairs, reader)
                yield self._cut(plan.share(rank, world))

    def batch(self, step: int, rank: int = 0, world: int = 1) -> NoisyPair:
        """One batch.

        Arguments:
            step: number of the batch.
            rank: number of this process among those that share a batch. It receives the rows ``[rank::world]``.
            world: number of processes that share a batch.
        """
        plan = self.plan.choose(step)
        self._memory.bring(plan.pairs, Prefetch(self._memory.read, workers=0, ahead=0))
        return self._cut(plan.share(rank, world))

    def fingerprint(self) -> str:
        """A checksum of the bursts and of how pairs are chosen.

        Of a burst it includes name, settings and the stored checksum of the frames, or else the first frame.
        """
        how = self.sampling
        chosen = (how.patch, how.batch, how.frame_pairs, self.pairs, how.seed, self.in_memory.settings)
        digest = hashlib.sha256(repr(chosen).encode())
        for burst, camera in zip(self.bursts, self.camera, strict=True):
            digest.update(repr((burst.scene, camera, burst.iso, burst.shape, burst.black, burst.white)).encode())
            stored = burst.provenance.get("frames_sha256") if isinstance(burst.frames, LazyFrames) else None
            window = burst.provenance.get("window")
            digest.update(repr((stored, window)).encode() if stored else np.ascontiguousarray(burst.frames[0]))
        return digest.hexdigest()

    def _coming(self, step: int, reader: Prefetch, look_ahead: int) -> Iterator[BatchPlan]:
        """The plans from number ``step`` on. The frames that a plan needs are requested before it is yielded."""
        contents = dict(self._memory.frames.contents)
        coming: deque[BatchPlan] = deque()
        while True:
            while len(coming) < look_ahead:
                coming.append(self.plan.choose(step))
                step += 1
                self._memory.ask(coming[-1].pairs, contents, reader)
            yield coming.popleft()

    @cached_property
    def _memory(self) -> FramesInMemory:
        return FramesInMemory(self.bursts, self.in_memory, self.device)

    def _cut(self, plan: BatchPlan) -> NoisyPair:
        """The patches of ``plan``, whose frames must be in memory."""
        burst, patches, clean = self._memory.cut(plan, self.sampling.patch)
        row = self._memory.frames.place(burst)
        camera, iso, black, span = (table[row] for table in self._tables)
        patches -= black
        patches /= span
        first, second, camera, iso = map(torch.as_tensor, (*patches, camera, iso))
        return NoisyPair(first, second, camera, iso, None if clean is None else torch.as_tensor(clean))

    @cached_property
    def _tables(self) -> tuple[np.ndarray | Tensor, ...]:
        """One row per burst, on the device: camera (n,), ISO (n,), black level and white - black (n, 4, 1, 1) in DN."""
        black = np.array([burst.black for burst in self.bursts], np.float32)[:, :, None, None]
        span = np.array([burst.white for burst in self.bursts], np.float32)[:, None, None, None] - black
        iso = np.array([burst.iso for burst in self.bursts], np.float32)
        return tuple(map(self._memory.frames.place, (np.array(self.camera, np.int64), iso, black, span)))


def pairs_in_memory(
    bursts: Sequence[Burst], pairs: Sequence[Sequence[tuple[int, int]]], sampling: Sampling, reading: Reading
) -> PairsInMemory:
    """All frame pairs if their frames fit into ``reading.cache_bytes``, else a window of as many pairs as fit.

    Arguments:
        bursts: the bursts, with frames and clean references.
        pairs: for every burst, its frame pairs (i, j).
        sampling: how many patches of which size are cut from a pair.
        reading: the memory, and how often a pixel is used before another pair replaces its own.
    """
    pixels = [height * width for height, width in (burst.shape[2:] for burst in bursts)]
    clean = any(burst.clean is not None for burst in bursts)
    value = np.result_type(*(burst.frames.dtype for burst in bursts)).itemsize
    everything = AllPairs(pairs, [len(burst) for burst in bursts], pixels)
    if sum(everything.slots) * value + clean * 4 * sum(everything.clean_slots) <= reading.cache_bytes:
        return everything
    count = reading.cache_bytes // (4 * max(pixels) * (2 * value + 4 * clean))
    batches_per_pair = reading.reuse * sum(pixels) / len(pixels) / (sampling.patch**2 * sampling.batch)
    return Window(pairs, pixels, max(int(count), 1), max(round(batches_per_pair), 1), sampling.seed)
