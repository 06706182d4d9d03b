"""Frames that stay on the device in one flat buffer, and patches cut from it by one gather, whatever their sizes.

Integer frames stay at 16 bits, bit for bit, and become numbers after the cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Places(NamedTuple):
    """Where N patches lie, (N,) long each: ``start`` of the frame in the buffer, its ``height`` and ``width`` in
    planes, first row ``top`` and column ``left``, mirrored ``vertical`` and ``horizontal`` (0 or 1)."""

    start: Tensor
    height: Tensor
    width: Tensor
    top: Tensor
    left: Tensor
    vertical: Tensor
    horizontal: Tensor


class Buffer:
    """Slots of frames (4, h, w) on ``device``; a frame may be smaller than its slot.

    slots: values per slot. dtype: uint16 or float32. ``held`` says by slot what was put there.
    """

    def __init__(self, slots: Sequence[int], dtype: np.dtype, device: torch.device):
        self.start = np.cumsum([0, *slots])
        self.integer = np.dtype(dtype) == np.uint16
        kind = torch.int16 if self.integer else torch.float32  # few operations know uint16
        self.values = torch.empty(int(self.start[-1]), dtype=kind, device=device)
        self.held: dict[int, object] = {}

    def on_host(self, frame: np.ndarray) -> Tensor:
        """``frame`` as this buffer holds it, flat; page-locked for a GPU, so that its copy waits for nothing."""
        frame = np.ascontiguousarray(frame, dtype=np.uint16 if self.integer else np.float32)
        flat = torch.from_numpy(np.require(frame.view(np.int16) if self.integer else frame, requirements="W")).flatten()
        return flat.pin_memory() if self.values.is_cuda else flat

    def put(self, slot: int, what: object, flat: Tensor) -> None:
        """Copy a frame from :meth:`on_host` into ``slot``, in the order of the device's other work."""
        start = int(self.start[slot])
        self.values[start : start + len(flat)].copy_(flat, non_blocking=True)
        self.held[slot] = what

    def cut(self, places: Places, size: int) -> Tensor:
        """Patches (N, 4, size, size) float32, in the numbers of the frames.

        A mirrored RGGB mosaic begins with the other colour; without its first row or column it is RGGB again, which in
        planes shifts the even rows (or columns) of the mosaic by one against the odd ones: where a patch as it is takes
        the rows top + r, a mirrored one takes top + size - parity - r. So a place needs one row and column more
        than the patch has. Rows stay rows: row noise keeps its structure.
        """
        start, height, width, top, left, vertical, horizontal = places
        device = self.values.device
        plane, row = torch.arange(4, device=device), torch.arange(size, device=device)
        parity = plane[:, None].div(2, rounding_mode="floor")
        flipped = torch.where(vertical[:, None, None] > 0, size - parity - row, row)  # (N, 4, size)
        column = left[:, None] + horizontal[:, None] * (1 - plane % 2)
        corner = start[:, None] + plane * (height * width)[:, None] + column
        first = corner[:, :, None] + (top[:, None, None] + flipped) * width[:, None, None]
        cut = self.values.unfold(0, size, 1)[first]  # whole rows at once: one index for each, not for each value
        cut = torch.where(horizontal[:, None, None, None] > 0, cut.flip(-1), cut)
        return (cut.to(torch.int32) & 0xFFFF).to(torch.float32) if self.integer else cut
