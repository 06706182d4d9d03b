"""Frames that stay on the device in one flat buffer, and patches cut from it whatever their sizes.

Integer frames stay at 16 bits, bit for bit, and become numbers after the cut. On a GPU a batch is one gather. On a CPU
it is a loop over patches that copies rows: a few times faster there than a gather, and it leaves the cores alone that
read ahead.

A mirrored RGGB mosaic begins with the other colour; without its first row or column it is RGGB again, which in planes
shifts the even rows (or columns) of the mosaic by one against the odd ones: where a patch as it is takes the rows
top + r, a mirrored one takes top + size - parity - r. So a place needs one row and column more than the patch has.
Rows stay rows: row noise keeps its structure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core.bursts import Burst, BurstError
from n2nf_core.pairs.prefetch import Prefetch
from n2nf_core.pairs.schedule import BatchPlan, FramePair, FrameSlot, PairsInMemory


class Places(NamedTuple):
    """Where N patches lie, (N,) integers each: ``start`` of the frame in the buffer, its ``height`` and ``width`` in
    planes, first row ``top`` and column ``left``, mirrored ``vertical`` and ``horizontal`` (0 or 1)."""

    start: np.ndarray
    height: np.ndarray
    width: np.ndarray
    top: np.ndarray
    left: np.ndarray
    vertical: np.ndarray
    horizontal: np.ndarray


class HostBuffer:
    """Slots of frames (4, h, w) in memory; a frame may be smaller than its slot.

    slots: values per slot. dtype: uint16 or float32. ``contents`` says by slot what was put there.
    """

    def __init__(self, slots: Sequence[int], dtype: np.dtype):
        self.start = np.cumsum([0, *slots])
        self.values = np.empty(int(self.start[-1]), dtype)
        self.contents: dict[int, object] = {}

    def ready(self, frame: np.ndarray) -> np.ndarray:
        """``frame`` as :meth:`put` takes it; may be called in any thread."""
        return np.ascontiguousarray(frame, dtype=self.values.dtype).reshape(-1)

    def put(self, slot: int, what: object, ready: np.ndarray) -> None:
        """Copy a frame into ``slot``."""
        start = int(self.start[slot])
        self.values[start : start + len(ready)] = ready
        self.contents[slot] = what

    def place(self, array: np.ndarray) -> np.ndarray:
        """``array`` where patches are: here, as it is."""
        return array

    def cut(self, places: Places, size: int) -> np.ndarray:
        """Patches (N, 4, size, size) float32, in the numbers of the frames."""
        out = np.empty((len(places.start), 4, size, size), self.values.dtype)
        numbers = zip(*(field.tolist() for field in places), strict=True)
        for k, (start, height, width, top, left, vertical, horizontal) in enumerate(numbers):
            frame = self.values[start : start + 4 * height * width].reshape(4, height, width)
            if not vertical and not horizontal:
                out[k] = frame[:, top : top + size, left : left + size]
                continue
            flip = slice(None, None, -1 if vertical else 1), slice(None, None, -1 if horizontal else 1)
            for plane in range(4):
                y, x = top + vertical * (1 - plane // 2), left + horizontal * (1 - plane % 2)
                out[k, plane] = frame[plane, y : y + size, x : x + size][flip]
        return out.astype(np.float32, copy=False)


class DeviceBuffer:
    """:class:`HostBuffer` on another device: the same patches, as tensors there, and nothing waits for the device."""

    def __init__(self, slots: Sequence[int], dtype: np.dtype, device: torch.device):
        self.start = np.cumsum([0, *slots])
        self.integer = np.dtype(dtype) == np.uint16
        kind = torch.int16 if self.integer else torch.float32  # few operations know uint16
        self.values = torch.empty(int(self.start[-1]), dtype=kind, device=device)
        self.contents: dict[int, object] = {}

    def ready(self, frame: np.ndarray) -> Tensor:
        """``frame`` as :meth:`put` takes it, page-locked for a GPU; may be called in any thread."""
        frame = np.ascontiguousarray(frame, dtype=np.uint16 if self.integer else np.float32)
        return self._pinned(frame.view(np.int16) if self.integer else frame).flatten()

    def put(self, slot: int, what: object, ready: Tensor) -> None:
        """Copy a frame into ``slot``, in the order of the device's other work."""
        start = int(self.start[slot])
        self.values[start : start + len(ready)].copy_(ready, non_blocking=True)
        self.contents[slot] = what

    def place(self, array: np.ndarray) -> Tensor:
        """``array`` where patches are: on the device."""
        return self._pinned(array).to(self.values.device, non_blocking=True)

    def _pinned(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.require(array, requirements=("C", "W")))
        return tensor.pin_memory() if self.values.is_cuda else tensor

    def cut(self, places: Places, size: int) -> Tensor:
        """Patches (N, 4, size, size) float32, in the numbers of the frames."""
        start, height, width, top, left, vertical, horizontal = places
        plane, row = np.arange(4), np.arange(size)
        down = np.where(vertical[:, None, None] > 0, size - plane[:, None] // 2 - row, row)  # (N, 4, size)
        column = left[:, None] + horizontal[:, None] * (1 - plane % 2)
        corner = start[:, None] + plane * (height * width)[:, None] + column
        first, mirrored = corner[:, :, None] + (top[:, None, None] + down) * width[:, None, None], horizontal > 0
        first, mirrored = self.place(first), self.place(mirrored)  # worked out here: there each operation has its price
        cut = self.values.unfold(0, size, 1)[first]  # whole rows at once: one index for each, not for each value
        cut = torch.where(mirrored[:, None, None, None], cut.flip(-1), cut)
        return (cut.to(torch.int32) & 0xFFFF).to(torch.float32) if self.integer else cut


def buffer(slots: Sequence[int], dtype: np.dtype, device: torch.device) -> HostBuffer | DeviceBuffer:
    """The buffer for ``device``."""
    return HostBuffer(slots, dtype) if device.type == "cpu" else DeviceBuffer(slots, dtype, device)


class FramesInMemory:
    """The frames of bursts that are in a device's memory, and their references: brought there as batches need them.

    Arguments:
        bursts: what to read from.
        in_memory: says which slots there are.
        device: where the memory is.
    """

    def __init__(self, bursts: Sequence[Burst], in_memory: PairsInMemory, device: torch.device):
        self.bursts = bursts
        dtype = np.result_type(*(burst.frames.dtype for burst in bursts))
        self.frames = buffer(in_memory.slots, dtype, device)
        self.references = buffer(in_memory.clean_slots, np.dtype(np.float32), device)

    def read(self, wanted: FrameSlot) -> np.ndarray | Tensor:
        """A frame as its slot takes it; may be called in any thread. BurstError names a frame that cannot be read."""
        burst = self.bursts[wanted.burst]
        try:
            return self.frames.ready(burst.frames[wanted.frame])
        except BurstError:
            raise
        except Exception as error:
            raise BurstError(f"{burst.scene}: frame {wanted.frame} cannot be read ({error})") from error

    def ask(self, pairs: Iterable[FramePair], contents: dict[int, object], reader: Prefetch) -> None:
        """Have ``reader`` read what ``pairs`` need and ``contents``, the memory as it will be then, lack; adds it."""
        for wanted in (frame for pair in pairs for frame in (pair.first, pair.second)):
            if contents.get(wanted.slot) != wanted:
                contents[wanted.slot] = wanted
                reader.ask(wanted)

    def bring(self, pairs: Iterable[FramePair], reader: Prefetch) -> None:
        """Bring the frames of ``pairs``, and their references, to the device."""
        for pair in pairs:
            for wanted in (pair.first, pair.second):
                if self.frames.contents.get(wanted.slot) != wanted:
                    self.frames.put(wanted.slot, wanted, reader.take(wanted))
                else:
                    reader.forget(wanted)
            number, slot = pair.first.burst, pair.clean_slot
            clean = self.bursts[number].clean
            if clean is not None and self.references.contents.get(slot) != number:
                self.references.put(slot, number, self.references.ready(clean))

    def cut(self, plan: BatchPlan, size: int) -> tuple[np.ndarray | Tensor, np.ndarray | Tensor, np.ndarray | None]:
        """Patches of ``plan``, whose frames are in memory: (burst (N,), patches (2, N, 4, s, s) in DN, references).

        The references are (N, 4, s, s), or None where a burst has none.
        """
        burst = np.array([pair.first.burst for pair in plan.pairs])[plan.pair]
        slots = np.array([[pair.first.slot, pair.second.slot] for pair in plan.pairs])[plan.pair]
        start = self.frames.start[np.where(plan.swap[:, None], slots[:, ::-1], slots)]
        height, width = np.array([self.bursts[number].shape[2:] for number in burst]).T
        place = (height, width, plan.top, plan.left, plan.vertical, plan.horizontal)
        both = Places(start.T.reshape(-1), *(np.tile(rows, 2) for rows in place))
        patches = self.frames.cut(both, size).reshape(2, len(burst), 4, size, size)
        if any(self.bursts[pair.first.burst].clean is None for pair in plan.pairs):
            return burst, patches, None
        clean = self.references.start[[pair.clean_slot for pair in plan.pairs]][plan.pair]
        return burst, patches, self.references.cut(Places(clean, *place), size)
