"""What the processes of one run do together: share gradients, average losses, agree to stop, wait for one another."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
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
