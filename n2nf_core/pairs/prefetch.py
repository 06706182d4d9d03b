"""Read ahead: a few threads read what will be needed soon, and a limited number of results waits in memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Prefetch(Generic[Key, Value]):
    """Calls ``read(key)`` in threads, in the order in which keys are requested.

    It is a context manager. Leaving it cancels the calls that have not begun and ends the threads.

    Arguments:
        read: key -> result.
        workers: number of threads. With 0, ``read`` is called when a result is taken.
        ahead: largest number of results that are being read or waiting.

    >>> with Prefetch(lambda key: key + 1, workers=2, ahead=4) as reader:
    ...     reader.ask(1), reader.ask(2)
    ...     reader.take(2), reader.take(1), reader.take(7)
    (None, None)
    (3, 2, 8)
    """

    def __init__(self, read: Callable[[Key], Value], workers: int, ahead: int):
        self._read, self._ahead = read, ahead
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch") if workers else None
        self._wanted: dict[Key, None] = {}  # a dictionary keeps the order and removes a key quickly
        self._pending: dict[Key, Future] = {}

    def __enter__(self) -> Prefetch[Key, Value]:
        return self

    def __exit__(self, *_) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, key: Key) -> None:
        """Announce that the result for ``key`` will be taken."""
        if self._pool:
            self._wanted[key] = None
            self._fill()

    def take(self, key: Key) -> Value:
        """Return the result for ``key``, or raise the exception that ``read`` raised.

        It waits until the result is there.
        """
        future = self._drop(key)
        try:
            return future.result() if future else self._read(key)
        finally:
            self._fill()

    def forget(self, key: Key) -> None:
        """Withdraw the announcement of ``key``: its result is not needed any more."""
        if self._drop(key):
            self._fill()

    def _drop(self, key: Key) -> Future | None:
        self._wanted.pop(key, None)
        return self._pending.pop(key, None)

    def _fill(self) -> None:
        while self._wanted and len(self._pending) < self._ahead:
            key = next(iter(self._wanted))
            del self._wanted[key]
            self._pending[key] = self._pool.submit(self._read, key)
