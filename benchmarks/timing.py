"""Interleaved timing: what is compared runs in the same minutes, in turns, so that other load strikes all alike."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
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
    before = kilobytes(status, "VmRSS")
    function()
    return max(kilobytes(status, "VmHWM") - before, 0) * 1024


def kilobytes(status: Path, key: str) -> int:
    """A figure of a process from its file ``status`` in /proc."""
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(key))


KINDS = {  # of processors, by what PyTorch, oneDNN and Numba may use; the newer ones have everything of the older ones
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2,+f16c",
    },
    "AVX-512": {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"},
    "AVX-512 with bfloat16": {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"},
}  # fmt: skip


def processor() -> str:
    """The kind of processor, by what it can compute: one of :data:`KINDS`, "AMX", or the architecture's name.

    Elsewhere than on Linux it is the architecture alone.
    """
    about = Path("/proc/cpuinfo")
    flags = set(about.read_text().split()) if about.exists() else set()
    kinds = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 with bfloat16", "avx512f": "AVX-512", "avx2": "AVX2"}
    return next((kind for flag, kind in kinds.items() if flag in flags), platform.machine())


def on_every_kind(*arguments: str) -> dict[str, dict]:
    """What ``python ARGUMENTS`` prints in its last line as JSON, for every kind of processor up to this one.

    A lesser processor is this one with the newer instructions forbidden, in a process of its own.
    """
    names, here, found = list(KINDS), processor(), {}
    for kind in names[: names.index(here) + 1] if here in names else [here]:
        with tempfile.TemporaryDirectory() as cache:  # code that was compiled for one kind may crash on another
            caches = {"TORCHINDUCTOR_CACHE_DIR": f"{cache}/inductor", "NUMBA_CACHE_DIR": f"{cache}/numba"}
            environment = os.environ | KINDS.get(kind, {}) | caches
            command = [sys.executable, *arguments]
            printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
        found[kind] = json.loads(printed.splitlines()[-1])
    return found
