"""Work on each of several items in a process of its own, so that an item whose process crashes ends no other.

The processes of one call can claim names, each of which only one of them gets.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing.connection import wait
from pathlib import Path
from typing import TypeVar

from n2nf_core.bursts import BurstError
from n2nf_core.files import make_folder, reason, remove, show_warning

# A process that is forked from this one would inherit the locks of threads.
START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int
) -> Iterator[tuple[Item, Result | BurstError]]:
    """Yield each item with the result of ``work`` for it, or its error in one line, as they complete.

    Arguments:
        work: what is done with an item. It, the items and its results can be pickled.
        items: the items.
        processes: how many work at the same time.
    """
    context, running = multiprocessing.get_context(START), set()
    if START == "forkserver":
        context.set_forkserver_preload(["zarr.codecs", "n2nf_core.importers"])

    def one(item: Item) -> Result | BurstError:
        answer, sender = context.Pipe(duplex=False)
        process = context.Process(target=_answer, args=(sender, work, item), daemon=True)
        process.start()
        running.add(process)
        sender.close()
        try:
            result, told = answer.recv()
            for message in told:
                show_warning(message)
            return result
        except EOFError:
            process.join()
            return BurstError(
                f"the process that read it crashed ({_end(process)}): the file is damaged, or memory ran out"
            )
        finally:
            process.join()
            running.discard(process)

    with ThreadPoolExecutor(max(processes, 1)) as threads:
        futures = {threads.submit(one, item): item for item in items}
        try:
            yield from ((futures[future], future.result()) for future in as_completed(futures))
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            for process in list(running):
                process.kill()
            raise


def _end(process: multiprocessing.Process) -> str:
    code = process.exitcode or 0
    return signal.Signals(-code).name if code < 0 else f"exit status {code}"


def _answer(sender, work: Callable[[Item], Result], item: Item) -> None:
    """Send the parent the result or the error of ``work``, and its warnings; ends with it, in whatever way it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    told: list[str] = []
    warnings.showwarning = lambda message, *_, **__: told.append(str(message))
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (wait([parent.sentinel]), os._exit(1)), daemon=True).start()
    try:
        result = work(item)
    except Exception as error:  # decoders raise errors of every kind, and some of them cannot be sent
        result = BurstError(reason(error))
    sender.send((result, told))


@contextmanager
def claims(folder: Path) -> Iterator[Path]:
    """A new folder for the names that are claimed; one that is there is of a call that was killed, and is removed."""
    remove(folder)
    make_folder(folder)
    try:
        yield folder
    finally:
        remove(folder)


def claim(folder: Path, name: str) -> bool:
    """Claim a name; False if another process of the call has it."""
    try:
        (folder / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
