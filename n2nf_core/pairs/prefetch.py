"""Reads what will be needed before it is needed: a few threads, a bounded number of results waiting."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Prefetch(Generic[Key, Value]):
    """``read(key)`` in ``workers`` threads, at most ``ahead`` results under way or waiting, in the order asked for.

    A context manager: leaving it cancels what has not begun and ends the threads. Without workers ``read`` is called
    when a result is taken.

    >>> with Prefetch(lambda key: key + 1, workers=2, ahead=4) as reader:
    ...     reader.ask(1), reader.ask(2)
    ...     reader.take(2), reader.take(1), reader.take(7)
    (None, None)
    (3, 2, 8)
    """

    def __init__(self, read: Callable[[Key], Value], workers: int, ahead: int):
        self._read, self._ahead = read, ahead
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch") if workers else None
        self._wanted: dict[Key, None] = {}  # in order, and quick to leave
        self._pending: dict[Key, Future] = {}

    def __enter__(self) -> Prefetch[Key, Value]:
        return self

    def __exit__(self, *_) -> None:
        if self._pool:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, key: Key) -> None:
        """``key`` will be taken."""
        if self._pool:
            self._wanted[key] = None
            self._fill()

    def take(self, key: Key) -> Value:
        """The result for ``key``, or the exception that ``read`` raised; waits where it must."""
        future = self._drop(key)
        try:
            return future.result() if future else self._read(key)
        finally:
            self._fill()

    def forget(self, key: Key) -> None:
        """``key`` was had elsewhere."""
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
