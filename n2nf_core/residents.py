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

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


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

    slots: values per slot. dtype: uint16 or float32. ``held`` says by slot what was put there.
    """

    def __init__(self, slots: Sequence[int], dtype: np.dtype):
        self.start = np.cumsum([0, *slots])
        self.values = np.empty(int(self.start[-1]), dtype)
        self.held: dict[int, object] = {}

    def ready(self, frame: np.ndarray) -> np.ndarray:
        """``frame`` as :meth:`put` takes it; may be called in any thread."""
        return np.ascontiguousarray(frame, dtype=self.values.dtype).reshape(-1)

    def put(self, slot: int, what: object, ready: np.ndarray) -> None:
        """Copy a frame into ``slot``."""
        start = int(self.start[slot])
        self.values[start : start + len(ready)] = ready
        self.held[slot] = what

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
        self.held: dict[int, object] = {}

    def ready(self, frame: np.ndarray) -> Tensor:
        """``frame`` as :meth:`put` takes it, page-locked for a GPU; may be called in any thread."""
        frame = np.ascontiguousarray(frame, dtype=np.uint16 if self.integer else np.float32)
        return self._pinned(frame.view(np.int16) if self.integer else frame).flatten()

    def put(self, slot: int, what: object, ready: Tensor) -> None:
        """Copy a frame into ``slot``, in the order of the device's other work."""
        start = int(self.start[slot])
        self.values[start : start + len(ready)].copy_(ready, non_blocking=True)
        self.held[slot] = what

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
