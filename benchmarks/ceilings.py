"""What the machine can do, measured then and there through PyTorch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from benchmarks.timing import interleaved

SHAPES = ((64, 64, 32), (64, 16, 32), (128, 32, 32), (256, 16, 32), (64, 1, 256))
"""Channels, images and side of 3x3 convolutions large enough to show what the arithmetic units give."""


def wait(device: torch.device) -> None:
    """The end of everything that was asked of the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def convolution(device: torch.device, dtype: torch.dtype, shapes: Sequence[tuple[int, int, int]] = SHAPES) -> float:
    """The best rate of 3x3 convolutions of these shapes, forward, channels last: floating-point operations a second."""

    def case(channels: int, images: int, side: int):
        options = {"device": device, "dtype": dtype}
        weight = torch.randn(channels, channels, 3, 3, **options).contiguous(memory_format=torch.channels_last)
        x = torch.randn(images, channels, side, side, **options).contiguous(memory_format=torch.channels_last)

        def run() -> None:
            F.conv2d(x, weight, padding=1)
            wait(device)

        return run

    with torch.no_grad():
        seconds = interleaved({shape: case(*shape) for shape in shapes}, 9)
    return max(18 * c * c * n * side * side / min(seconds[c, n, side]) for c, n, side in shapes)


def matrix_product(device: torch.device, dtype: torch.dtype, size: int = 2048) -> float:
    """A square matrix product: floating-point operations per second."""
    a = torch.randn(size, size, device=device, dtype=dtype)

    def run() -> None:
        a @ a
        wait(device)

    return 2 * size**3 / min(interleaved({"mm": run}, 7)["mm"])


def copy(device: torch.device, megabytes: int = 192) -> float:
    """Bytes read and written per second by a large copy into memory that is there already."""
    source = torch.ones(megabytes * 2**18, device=device)
    target = torch.empty_like(source)
    target.copy_(source)

    def run() -> None:
        target.copy_(source)
        wait(device)

    return 2 * source.nbytes / min(interleaved({"copy": run}, 9)["copy"])
