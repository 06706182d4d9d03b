"""Which precision the denoiser trains in: bfloat16 only where this machine runs the very network faster in it.

Processors without bfloat16 arithmetic emulate it, and a step then takes several times as long as in float32; those with
it take half as long. So the choice is made by a short measurement on a CPU, and by what the card reports on a GPU.
"""

from __future__ import annotations

import copy
import time

import torch
from torch import Tensor, nn

PRECISIONS = ("32-true", "bf16-mixed")
REPEATS = 3
FASTER = 0.95  # bfloat16 must take at most this share of the time in float32
HOPELESS = 3.0  # the first step in bfloat16 that takes this many times as long as in float32 is the last

_measured: dict[tuple, str] = {}
_used: set[str] = set()


def choose(denoiser: nn.Module, images: Tensor) -> str:
    """The faster of ``PRECISIONS`` for training a denoiser on such images.

    Arguments:
        denoiser: the network; it stays as it is.
        images: a batch as training passes it, (B, C, H, W), on the device of the training.

    On a CPU both are measured, once for a network, shape and number of threads in a process.
    """
    device = images.device
    if device.type == "cuda":
        return PRECISIONS[torch.cuda.is_bf16_supported(including_emulation=False)]
    sizes = tuple(parameter.shape for parameter in denoiser.parameters())
    key = (type(denoiser), sizes, tuple(images.shape), device.type, torch.get_num_threads())
    if key not in _measured:
        _measured[key] = _faster(denoiser, images)
    return _measured[key]


def note(precision: str) -> None:
    """Remember that this process trains in ``precision``."""
    _used.add(precision)


def used() -> list[str]:
    """The precisions in which this process has trained."""
    return sorted(_used)


def _faster(denoiser: nn.Module, images: Tensor) -> str:
    network = copy.deepcopy(denoiser).to(images.device, memory_format=torch.channels_last).train()
    images = images.detach().contiguous(memory_format=torch.channels_last)
    seconds = {precision: [_step(network, images, precision)] for precision in PRECISIONS}
    single, half = PRECISIONS
    if seconds[half][0] > HOPELESS * _step(network, images, single):
        return single
    for _ in range(REPEATS):
        for precision in PRECISIONS:
            seconds[precision].append(_step(network, images, precision))
    return half if min(seconds[half][1:]) < FASTER * min(seconds[single][1:]) else single


def _step(network: nn.Module, images: Tensor, precision: str) -> float:
    """Seconds of a forward and a backward pass."""
    start = time.perf_counter()
    with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bf16-mixed"):
        loss = network(images).float().square().mean()
    loss.backward()
    if images.device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter() - start
