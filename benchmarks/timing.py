"""Interleaved timing: what is compared runs in the same minutes, in turns, so that other load strikes all alike."""

from __future__ import annotations

import time
from collections.abc import Callable


def interleaved(functions: dict[str, Callable[[], object]], repeats: int = 5) -> dict[str, list[float]]:
    """Seconds of every call of every function: one warm-up each, then ``repeats`` rounds in rotating order.

    A function whose work goes on after it returns (on a GPU) waits for its end itself.

    >>> found = interleaved({"a": lambda: sum(range(100)), "b": lambda: None}, repeats=3)
    >>> [(name, len(seconds)) for name, seconds in found.items()]
    [('a', 3), ('b', 3)]
    """
    for function in functions.values():
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
