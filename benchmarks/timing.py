"""Interleaved timing: what is compared runs in the same minutes, in turns, so that other load strikes all alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def interleaved(
    functions: dict[str, Callable[[], object]], repeats: int = 5, warm_up: bool = True
) -> dict[str, list[float]]:
    """Seconds of every call of every function: one warm-up each, then ``repeats`` rounds in rotating order.

    A function whose work goes on after it returns (on a GPU) waits for its end itself.

    >>> found = interleaved({"a": lambda: sum(range(100)), "b": lambda: None}, repeats=3)
    >>> [(name, len(seconds)) for name, seconds in found.items()]
    [('a', 3), ('b', 3)]
    """
    for function in functions.values() if warm_up else ():
        function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    names = list(functions)
    for k in range(repeats):
        first = k % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            functions[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def peak_bytes(function: Callable[[], object]) -> int:
    """Memory that one call takes at its peak beyond what the process held before: resident, or of the GPU.

    0 where the system does not tell (Linux does).
    """
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return torch.cuda.max_memory_allocated() - before
    status = Path("/proc/self/status")
    try:
        Path("/proc/self/clear_refs").write_text("5")  # starts the high-water mark anew
    except OSError:
        function()
        return 0
    before = _kilobytes(status, "VmRSS")
    function()
    return max(_kilobytes(status, "VmHWM") - before, 0) * 1024


def _kilobytes(status: Path, key: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(key))


def processor() -> str:
    """The kind of processor, by what it can compute: "AVX2", "AVX-512", "AVX-512 with bfloat16", "AMX", or its name.

    Elsewhere than on Linux it is the machine's architecture alone.
    """
    import platform

    about = Path("/proc/cpuinfo")
    flags = set(about.read_text().split()) if about.exists() else set()
    kinds = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 with bfloat16", "avx512f": "AVX-512", "avx2": "AVX2"}
    return next((kind for flag, kind in kinds.items() if flag in flags), platform.machine())
