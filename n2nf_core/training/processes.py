"""What the processes of one run do together: share gradients, average losses, agree to stop, wait for one another.

And how a run lives beside the other processes of a machine: with fewer threads while they keep cores busy.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class LostProcessError(RuntimeError):
    """Another process of a run on several devices has ended or no longer answers."""


def strategy(processes: int) -> object:
    """Fabric's strategy for so many processes: "auto" for one, DDP for more.

    Pre-training leaves the noise model without gradients, so DDP looks for unused parameters. The statistics of batch
    normalisation are each process's own; checkpoints hold those of the first.
    """
    if processes == 1:
        return "auto"
    from lightning_fabric.strategies import DDPStrategy
    from torch.nn.parallel import DistributedDataParallel

    known = inspect.signature(DistributedDataParallel).parameters  # the name has changed in torch 2.13
    buffers = "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
    return DDPStrategy(find_unused_parameters=True, **{buffers: False})


class Processes:
    """This process among those of a run; alone, nothing waits for anything.

    Every operation raises LostProcessError where another process is gone: the backend's own exception is a plain
    RuntimeError, so it is told from others by the place where it is raised.
    """

    def __init__(self, fabric: Fabric):
        self.fabric, self.rank, self.count = fabric, fabric.global_rank, fabric.world_size

    @contextmanager
    def _together(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise LostProcessError(f"process {self.rank} of {self.count} lost another one") from error

    def share_gradients(self, wrapped: torch.nn.Module) -> None:
        """Average the gradients of ``wrapped``, which Fabric has set up, over the processes in every backward pass."""
        if self.count == 1:
            return

        def average(_, bucket):  # DDP refuses annotations that are texts
            with self._together():
                torch.distributed.all_reduce(bucket.buffer())
            done = torch.futures.Future()
            done.set_result(bucket.buffer().div_(self.count))
            return done

        wrapped._forward_module.register_comm_hook(None, average)

    def mean(self, values: Tensor) -> Tensor:
        """The mean of ``values``, of any shape, over the processes."""
        with self._together():
            return self.fabric.all_reduce(values, reduce_op="mean")

    def any(self, wish: bool) -> bool:
        """Whether at least one process wishes it."""
        if self.count == 1:
            return wish
        with self._together():
            return bool(self.fabric.all_reduce(torch.tensor(float(wish)), reduce_op="sum") > 0)

    def wait(self) -> None:
        """Until every process is here."""
        with self._together():
            self.fabric.barrier()


class Threads:
    """PyTorch's threads on a CPU during a training: as many as it had, or as many as others leave cores for.

    The threads of one operation wait for one another. On a core that another process uses as well, one of them comes
    late, the others wait, and a step takes many times as long instead of twice. About once a second the time that other
    processes took on the cores of this one is read from Linux's accounts (/proc/stat); elsewhere nothing changes. As a
    context manager it gives PyTorch its threads back.

    fixed: a number to keep, or 0 for what is said above.
    """

    EVERY = 1.0  # seconds between two looks
    MARGIN = 0.6  # cores, more than half of one: threads do not come and go with every small job

    def __init__(self, fixed: int = 0):
        self.before = torch.get_num_threads()
        self.watching = fixed == 0 and self.before > 1 and Path("/proc/stat").exists()
        self.most = fixed or self.before
        self.seen = self._accounts() if self.watching else (0.0, 0.0, 0.0)

    def __enter__(self) -> Threads:
        torch.set_num_threads(self.most)
        return self

    def __exit__(self, *_) -> None:
        torch.set_num_threads(self.before)

    def adapt(self) -> None:
        """Take or give back threads, where the last look is long enough ago."""
        if self.watching and time.perf_counter() - self.seen[0] >= self.EVERY:
            before, self.seen = self.seen, self._accounts()
            seconds, busy, own = (now - then for now, then in zip(self.seen, before, strict=True))
            others = max(busy - own, 0.0) / seconds
            torch.set_num_threads(wanted(torch.get_num_threads(), len(os.sched_getaffinity(0)) - others, self.most))

    @staticmethod
    def _accounts() -> tuple[float, float, float]:
        """Seconds: of the clock, of work on this process's cores by anybody, of this process's own work."""
        cores = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        rows = [line.split() for line in Path("/proc/stat").read_text().splitlines() if line.startswith("cpu")]
        working = (1, 2, 3, 6, 7, 8)  # the columns of time that was not idle, nor waiting for a disk
        worked = sum(int(row[k]) for row in rows if row[0] in cores for k in working)
        return time.perf_counter(), worked / os.sysconf("SC_CLK_TCK"), time.process_time()


def wanted(threads: int, free: float, most: int) -> int:
    """How many threads to have.

    Arguments:
        threads: how many there are now.
        free: how many cores other processes leave.
        most: the largest number.

    >>> wanted(2, 1.1, 2), wanted(2, 1.7, 2), wanted(1, 1.1, 2), wanted(1, 1.9, 2), wanted(8, 0.2, 8)
    (1, 2, 1, 2, 1)
    """
    if abs(free - threads) <= Threads.MARGIN:
        return threads
    return min(max(round(free), 1), most)
