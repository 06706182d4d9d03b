"""Frames in one flat buffer in the memory of a device, and patches that are cut from it, for frames of any sizes.

Integer frames are kept as 16-bit integers and become float32 only after the cut. On a GPU a batch is cut with one
gather operation. On a CPU it is cut in a loop over patches that copies rows. There, the loop is a few times faster
than a gather, and it does not occupy the cores of the threads that read ahead.

A patch is mirrored so that it keeps the Bayer pattern. A mirrored RGGB mosaic begins with the other colour. Without
its first row or column it is RGGB again. In packed planes this shifts the even rows (or columns) of the mosaic by one
against the odd ones: a patch that is not mirrored takes the rows top + r, and a mirrored one takes the rows
top + size - parity - r. A place therefore needs one row and one column more than the patch has. Rows stay rows, so row
noise keeps its structure.
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
    """Where N patches lie in a buffer. Every field holds (N,) integers.

    Arguments:
        start: index in the buffer at which the frame begins.
        height: rows of the frame's planes.
        width: columns of the frame's planes.
        top: first row of the patch, in pixels of a plane.
        left: first column of the patch, in pixels of a plane.
        vertical: 1 if the patch is mirrored top to bottom, else 0.
        horizontal: 1 if the patch is mirrored left to right, else 0.
    """

    start: np.ndarray
    height: np.ndarray
    width: np.ndarray
    top: np.ndarray
    left: np.ndarray
    vertical: np.ndarray
    horizontal: np.ndarray


class HostBuffer:
    """Slots of frames (4, h, w) in the memory of the CPU. A frame may be smaller than its slot.

    ``contents`` maps a slot to what was put there.

    Arguments:
        slots: size of every slot, in values.
        dtype: uint16 or float32.
    """

    def __init__(self, slots: Sequence[int], dtype: np.dtype):
        self.start = np.cumsum([0, *slots])
        self.values = np.empty(int(self.start[-1]), dtype)
        self.contents: dict[int, object] = {}

    def ready(self, frame: np.ndarray) -> np.ndarray:
        """``frame`` (4, h, w) in the form that :meth:`put` takes. It may be called in any thread."""
        return np.ascontiguousarray(frame, dtype=self.values.dtype).reshape(-1)

    def put(self, slot: int, what: object, ready: np.ndarray) -> None:
        """Copy a frame into a slot.

        Arguments:
            slot: number of the slot.
            what: a name of the frame, stored in ``contents``.
            ready: the frame, as :meth:`ready` returns it.
        """
        start = int(self.start[slot])
        self.values[start : start + len(ready)] = ready
        self.contents[slot] = what

    def place(self, array: np.ndarray) -> np.ndarray:
        """``array`` on the device where patches are: here it is returned unchanged."""
        return array

    def cut(self, places: Places, size: int) -> np.ndarray:
        """Patches (N, 4, size, size) float32, in the unit of the frames; ``size`` is in pixels of a plane."""
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
    """:class:`HostBuffer` in the memory of another device. It cuts the same patches, as tensors on that device.

    No call waits for the device.

    Arguments:
        slots: size of every slot, in values.
        dtype: uint16 or float32.
        device: where the memory is.
    """

    def __init__(self, slots: Sequence[int], dtype: np.dtype, device: torch.device):
        self.start = np.cumsum([0, *slots])
        self.integer = np.dtype(dtype) == np.uint16
        kind = torch.int16 if self.integer else torch.float32  # few operations of PyTorch support uint16
        self.values = torch.empty(int(self.start[-1]), dtype=kind, device=device)
        self.contents: dict[int, object] = {}

    def ready(self, frame: np.ndarray) -> Tensor:
        """``frame`` (4, h, w) in the form that :meth:`put` takes, in page-locked memory if the device is a GPU.

        It may be called in any thread.
        """
        frame = np.ascontiguousarray(frame, dtype=np.uint16 if self.integer else np.float32)
        return self._pinned(frame.view(np.int16) if self.integer else frame).flatten()

    def put(self, slot: int, what: object, ready: Tensor) -> None:
        """Copy a frame into a slot, in sequence with the other work of the device.

        Arguments:
            slot: number of the slot.
            what: a name of the frame, stored in ``contents``.
            ready: the frame, as :meth:`ready` returns it.
        """
        start = int(self.start[slot])
        self.values[start : start + len(ready)].copy_(ready, non_blocking=True)
        self.contents[slot] = what

    def place(self, array: np.ndarray) -> Tensor:
        """``array`` as a tensor on the device where patches are."""
        return self._pinned(array).to(self.values.device, non_blocking=True)

    def _pinned(self, array: np.ndarray) -> Tensor:
        tensor = torch.from_numpy(np.require(array, requirements=("C", "W")))
        return tensor.pin_memory() if self.values.is_cuda else tensor

    def cut(self, places: Places, size: int) -> Tensor:
        """Patches (N, 4, size, size) float32, in the unit of the frames; ``size`` is in pixels of a plane."""
        start, height, width, top, left, vertical, horizontal = places
        plane, row = np.arange(4), np.arange(size)
        down = np.where(vertical[:, None, None] > 0, size - plane[:, None] // 2 - row, row)  # (N, 4, size)
        right = np.where(horizontal[:, None] > 0, size - plane % 2, 0)  # (N, 4), of a patch's first column
        step = 1 - 2 * horizontal  # (N,), from one column to the next: to the right, or to the left if mirrored
        corner = start[:, None] + plane * (height * width)[:, None] + left[:, None] + right
        first = corner[:, :, None] + (top[:, None, None] + down) * width[:, None, None]
        # Computed on the CPU and sent at once, since every operation on the device takes time to start.
        sent = self.place(np.concatenate((first.reshape(len(start), -1), step[:, None]), 1))
        first, step = sent[:, :-1].reshape(-1, 4, size, 1), sent[:, -1].reshape(-1, 1, 1, 1)
        cut = self.values[torch.addcmul(first, step, torch.arange(size, device=sent.device))]
        return (cut.to(torch.int32) & 0xFFFF).to(torch.float32) if self.integer else cut


def buffer(slots: Sequence[int], dtype: np.dtype, device: torch.device) -> HostBuffer | DeviceBuffer:
    """A :class:`HostBuffer` for the CPU, and a :class:`DeviceBuffer` for every other device.

    Arguments:
        slots: size of every slot, in values.
        dtype: uint16 or float32.
        device: where the memory is.
    """
    return HostBuffer(slots, dtype) if device.type == "cpu" else DeviceBuffer(slots, dtype, device)


class FramesInMemory:
    """The frames and clean references of bursts that are in the memory of a device.

    They are copied when batches need them.

    Arguments:
        bursts: the bursts to read frames from.
        in_memory: lists the slots and their sizes.
        device: where the memory is.
    """

    def __init__(self, bursts: Sequence[Burst], in_memory: PairsInMemory, device: torch.device):
        self.bursts = bursts
        dtype = np.result_type(*(burst.frames.dtype for burst in bursts))
        self.frames = buffer(in_memory.slots, dtype, device)
        self.references = buffer(in_memory.clean_slots, np.dtype(np.float32), device)

    def read(self, wanted: FrameSlot) -> np.ndarray | Tensor:
        """A frame in the form that its slot takes. It may be called in any thread.

        Errors: BurstError, which names a frame that cannot be read.
        """
        burst = self.bursts[wanted.burst]
        try:
            return self.frames.ready(burst.frames[wanted.frame])
        except BurstError:
            raise
        except Exception as error:
            raise BurstError(f"{burst.scene}: frame {wanted.frame} cannot be read ({error})") from error

    def ask(self, pairs: Iterable[FramePair], contents: dict[int, object], reader: Prefetch) -> None:
        """Let ``reader`` read the frames of ``pairs`` that are missing from ``contents``, and add them to it.

        Arguments:
            pairs: frame pairs of a coming batch.
            contents: what every slot will hold when that batch is cut.
            reader: reads frames ahead of their use.
        """
        for wanted in (frame for pair in pairs for frame in (pair.first, pair.second)):
            if contents.get(wanted.slot) != wanted:
                contents[wanted.slot] = wanted
                reader.ask(wanted)

    def bring(self, pairs: Iterable[FramePair], reader: Prefetch) -> None:
        """Copy the frames of ``pairs`` and their clean references to the device, if they are not there yet."""
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
        """The patches of ``plan``, whose frames must be in memory, of ``size`` pixels of a plane.

        Returns the number of the burst (N,), the patches (2, N, 4, size, size) in DN, and the clean references
        (N, 4, size, size), or None if a burst has none.
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
