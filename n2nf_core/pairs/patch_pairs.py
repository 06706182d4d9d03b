"""From bursts to noisy pairs: which frames go together, patches on a grid, and the batches that feed training."""

from __future__ import annotations

import copy
import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from n2nf_core.bursts import Burst, BurstError, LazyFrames
from n2nf_core.cameras import camera_index
from n2nf_core.pairs.frame_buffers import DeviceBuffer, HostBuffer, Places, buffer
from n2nf_core.pairs.prefetch import ReadAhead
from n2nf_core.pairs.schedule import AllPairs, Draw, Residents, Seat, Window, draw_batch
from n2nf_core.types import NoisyPair

LOOK_AHEAD = 256
"""Batches whose frames are asked for in advance; how many frames wait is bounded apart, by ``ahead``."""


def frame_pairs(count: int, lag: int = 1) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j <= i + lag, of ``count`` frames: consecutive by default, all with lag = count - 1.

    >>> frame_pairs(3), frame_pairs(3, lag=2)
    ([(0, 1), (1, 2)], [(0, 1), (0, 2), (1, 2)])
    """
    if count < 2 or lag < 1:
        raise ValueError(f"a pair needs at least 2 frames and a lag of at least 1, got {count} and {lag}")
    return [(i, j) for i in range(count) for j in range(i + 1, min(i + lag, count - 1) + 1)]


def grid_patches(planes: Tensor, size: int) -> Tensor:
    """Non-overlapping patches of (N, C, H, W): (N * rows * columns, C, size, size), image by image.

    What is left at the bottom and right is not used. ValueError where not one patch fits.
    """
    count, channels, height, width = planes.shape
    rows, columns = height // size, width // size
    if not rows or not columns:
        raise ValueError(f"no {size}x{size} patch fits into planes of {height}x{width}")
    cut = planes[:, :, : rows * size, : columns * size].unflatten(2, (rows, size)).unflatten(4, (columns, size))
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, size, size)


class PatchPairs:
    """Batches of patch pairs at random places of random frame pairs: an endless iterable of NoisyPair.

    Batch number k depends on ``seed`` and k alone, so a resumed run sees what an unbroken one would. Frames lie on the
    device as they are stored, and a batch is cut there from ``scenes`` frame pairs, batch / scenes patches each,
    mirrored at random, in units of [0, 1] after the cut. Bursts count by their number of pixels.

    Frames that fit into ``cache_bytes`` together are read once and stay. Otherwise as many pairs as fit are resident,
    and one makes room for another as soon as, on average, ``reuse`` patches were cut over each of its pixels (see
    :mod:`n2nf_core.pairs.schedule`): then the window, and with it the batches, depends on ``cache_bytes`` and
    ``reuse`` too, and :meth:`fingerprint` says so. :meth:`from_step` reads ahead in ``workers`` threads, ``ahead``
    frames at most beside those (0 workers: in the caller's thread, the same batches).

    bursts: at least one of two frames. cameras: the names that ``camera`` indexes. patch: side in planes.
    batch: patches. scenes: a divisor of batch, by default the largest up to 8. lag: largest distance of the two
    frames. Raises ValueError, UnknownCameraError; BurstError, naming the burst, for a frame that cannot be read.
    """

    def __init__(
        self,
        bursts: Sequence[Burst],
        cameras: Sequence[str],
        *,
        patch: int = 32,
        batch: int = 32,
        scenes: int | None = None,
        lag: int = 1,
        seed: int = 0,
        device: str | torch.device = "cpu",
        cache_bytes: int = 4 << 30,
        reuse: float = 4.0,
        workers: int | None = None,
        ahead: int = 8,
    ):
        if not bursts:
            raise ValueError("no bursts to take pairs from")
        scenes = scenes or next(n for n in range(8, 0, -1) if batch % n == 0)
        if batch % scenes:
            raise ValueError(f"batch ({batch}) must be a multiple of scenes ({scenes})")
        for burst in bursts:
            if min(burst.shape[2:]) <= patch:
                raise ValueError(
                    f"{burst.scene}: planes of {burst.shape[2]}x{burst.shape[3]} are too small for patches of "
                    f"{patch}x{patch}, which need one row and column more"
                )
        self.bursts, self.patch, self.batch_size, self.scenes = list(bursts), patch, batch, scenes
        self.pairs = [frame_pairs(len(burst), lag) for burst in bursts]
        self.camera = [camera_index(burst.camera, cameras) for burst in bursts]
        self.seed, self.device, self.ahead = seed, torch.device(device), ahead
        self.workers = min(4, os.cpu_count() or 1) if workers is None else workers
        self.shapes = [tuple(burst.shape[2:]) for burst in bursts]
        self.dtype = np.result_type(*(burst.frames.dtype for burst in bursts))
        self.residents = self._residents(cache_bytes, reuse)

    def _residents(self, cache_bytes: int, reuse: float) -> Residents:
        """Every frame where ``cache_bytes`` hold them all, otherwise the window that they hold."""
        pixels = [height * width for height, width in self.shapes]
        clean = [burst.clean is not None for burst in self.bursts]
        value = self.dtype.itemsize
        everything = AllPairs(self.pairs, [len(burst) for burst in self.bursts], pixels)
        if sum(everything.slots) * value + any(clean) * 4 * sum(everything.clean_slots) <= cache_bytes:
            return everything
        count = cache_bytes // (4 * max(pixels) * (2 * value + 4 * any(clean)))
        stay = reuse * sum(pixels) / len(pixels) / (self.patch**2 * self.batch_size)
        return Window(self.pairs, pixels, max(int(count), 1), max(round(stay), 1), self.seed)

    def __iter__(self) -> Iterator[NoisyPair]:
        return self.from_step(0)

    def on(self, device: str | torch.device) -> PatchPairs:
        """The same batches on ``device``: this object if it cuts there already, else a copy with frames of its own."""
        if torch.device(device) == self.device:
            return self
        other = copy.copy(self)
        other.device = torch.device(device)
        for name in ("_frames", "_clean", "_tables"):
            other.__dict__.pop(name, None)
        return other

    def from_step(self, step: int, rank: int = 0, world: int = 1) -> Iterator[NoisyPair]:
        """The batches from number ``step`` on, or of each its rows [rank::world]; frames are read ahead."""
        with ReadAhead(self._read, self.workers, self.ahead) as reader:
            for draw in self._coming(step, reader):
                self._seat(draw, reader)
                yield self._cut(draw, rank, world)

    def batch(self, step: int, rank: int = 0, world: int = 1) -> NoisyPair:
        """Batch number ``step``, or its rows [rank::world]."""
        draw = self._draw(step)
        self._seat(draw, ReadAhead(self._read, workers=0, ahead=0))
        return self._cut(draw, rank, world)

    def fingerprint(self) -> str:
        """A checksum of the bursts (names, settings, stored checksum or first frame) and of how pairs are drawn."""
        drawn = (self.patch, self.batch_size, self.scenes, self.pairs, self.seed, self.residents.settings)
        digest = hashlib.sha256(repr(drawn).encode())
        for burst, camera in zip(self.bursts, self.camera, strict=True):
            digest.update(repr((burst.scene, camera, burst.iso, burst.shape, burst.black, burst.white)).encode())
            stored = burst.provenance.get("frames_sha256") if isinstance(burst.frames, LazyFrames) else None
            window = burst.provenance.get("window")
            digest.update(repr((stored, window)).encode() if stored else np.ascontiguousarray(burst.frames[0]))
        return digest.hexdigest()

    def _draw(self, step: int) -> Draw:
        return draw_batch(self.residents, self.shapes, self.seed, step, self.scenes, self.batch_size, self.patch)

    def _coming(self, step: int, reader: ReadAhead[Seat, np.ndarray | Tensor]) -> Iterator[Draw]:
        """The draws from number ``step`` on, after the frames that they need were asked for."""
        held = dict(self._frames.held)
        coming: deque[Draw] = deque()
        while True:
            while not coming or (self.workers and len(coming) < LOOK_AHEAD):
                coming.append(self._draw(step))
                step += 1
                for seat in (seat for pair in coming[-1].pairs for seat in pair[:2]):
                    if held.get(seat.slot) != seat:
                        held[seat.slot] = seat
                        reader.ask(seat)
            yield coming.popleft()

    def _read(self, seat: Seat) -> np.ndarray | Tensor:
        burst = self.bursts[seat.burst]
        try:
            return self._frames.ready(burst.frames[seat.frame])
        except BurstError:
            raise
        except Exception as error:
            raise BurstError(f"{burst.scene}: frame {seat.frame} cannot be read ({error})") from error

    @cached_property
    def _frames(self) -> HostBuffer | DeviceBuffer:
        return buffer(self.residents.slots, self.dtype, self.device)

    @cached_property
    def _clean(self) -> HostBuffer | DeviceBuffer:
        return buffer(self.residents.clean_slots, np.dtype(np.float32), self.device)

    def _seat(self, draw: Draw, reader: ReadAhead[Seat, np.ndarray | Tensor]) -> None:
        """Bring the frames of ``draw``, and their references, to the device."""
        for first, second, slot in draw.pairs:
            for seat in (first, second):
                if self._frames.held.get(seat.slot) != seat:
                    self._frames.put(seat.slot, seat, reader.take(seat))
                else:
                    reader.forget(seat)
            clean = self.bursts[first.burst].clean
            if clean is not None and self._clean.held.get(slot) != first.burst:
                self._clean.put(slot, first.burst, self._clean.ready(clean))

    def _cut(self, draw: Draw, rank: int, world: int) -> NoisyPair:
        """The rows [rank::world] of a batch whose frames are on the device."""
        pair, swap, *place = (rows[rank::world] for rows in (draw.pair, draw.swap, *draw[2:4], *draw[5:]))
        burst = np.array([p.first.burst for p in draw.pairs])[pair]
        start = self._frames.start[[[p.first.slot, p.second.slot] for p in draw.pairs]][pair]
        start = np.where(swap[:, None], start[:, ::-1], start)
        place = *np.array(self.shapes)[burst].T, *place
        both = Places(start.T.reshape(-1), *(np.tile(rows, 2) for rows in place))
        row = self._frames.place(burst)
        camera, iso, black, span = (table[row] for table in self._tables)
        patches = self._frames.cut(both, self.patch).reshape(2, len(burst), 4, self.patch, self.patch)
        patches -= black
        patches /= span
        clean = None
        if all(self.bursts[p.first.burst].clean is not None for p in draw.pairs):
            reference = self._clean.start[[p.clean for p in draw.pairs]][pair]
            clean = torch.as_tensor(self._clean.cut(Places(reference, *place), self.patch))
        return NoisyPair(*map(torch.as_tensor, (*patches, camera, iso)), clean)

    @cached_property
    def _tables(self) -> tuple[np.ndarray | Tensor, ...]:
        """By burst, where patches are: camera (n,), ISO (n,), black level and white - black (n, 4, 1, 1)."""
        black = np.array([burst.black for burst in self.bursts], np.float32)[:, :, None, None]
        span = np.array([burst.white for burst in self.bursts], np.float32)[:, None, None, None] - black
        iso = np.array([burst.iso for burst in self.bursts], np.float32)
        return tuple(map(self._frames.place, (np.array(self.camera, np.int64), iso, black, span)))
