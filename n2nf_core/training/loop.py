"""The loop of :func:`n2nf_core.training.fit`: steps, losses, checkpoints, and every way to stop."""

from __future__ import annotations

import inspect
import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from n2nf_core.files import CheckpointError, one_line, reason
from n2nf_core.losses import denoiser_loss
from n2nf_core.training import checkpoints
from n2nf_core.training.cuda_graph import Recorded, made_beside
from n2nf_core.training.processes import LostProcessError, Processes, Threads
from n2nf_core.training.progress import Progress
from n2nf_core.training.step import Loss, TrainingStep, on_device
from n2nf_core.types import NoisyPair, PairSource

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from n2nf_core.training.fitting import FitConfig

AGREE_EVERY = 10  # steps after which several processes ask one another whether to stop
APART = 1_000_003  # between the seeds of the processes' generators


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite; the message names the step, the batch's file and the last good checkpoint."""


@contextmanager
def stop_requested() -> Iterator[list[int]]:
    """A list that fills when SIGINT or SIGTERM arrives; the signal is raised again on leaving."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield received
        return
    stops = (signal.SIGINT, signal.SIGTERM)
    former = {s: signal.signal(s, lambda number, frame: received.append(number)) for s in stops}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    if received:
        signal.raise_signal(received[0])


@dataclass(frozen=True)
class Run:
    """What one training is made of.

    Arguments:
        fabric: launched; it knows the device and the processes.
        model: both models as one module. wrapped: the same, as Fabric has set it up.
        optimizer: as Fabric has set it up, with the learning rates that the schedule multiplies.
        config: numbers of steps, seed, and how often something is logged or kept.
        folder: receives checkpoints, TensorBoard events, and the batch of a loss that is not finite.
        loss: minimised after ``config.pretrain_steps``.
        schedule: share of the steps that are done -> factor on the learning rates.
        observe: figures that are added to every row of the history.
        stop: asked after every step with the history; true ends the training.
        fingerprint: what a checkpoint must agree with to be gone on from.
    """

    fabric: Fabric
    model: TrainingStep
    wrapped: nn.Module
    optimizer: torch.optim.Optimizer
    config: FitConfig
    folder: Path
    loss: Loss
    schedule: Callable[[float], float]
    observe: Callable[[], dict[str, float]]
    stop: Callable[[Sequence[Mapping[str, float]]], bool]
    fingerprint: Mapping[str, object]


class Loop:
    """The state of one training, from its newest checkpoint on if there is one."""

    def __init__(self, run: Run):
        self.run, self.config, self.model, self.optimizer = run, run.config, run.model, run.optimizer
        self.device = run.fabric.device
        self.processes = Processes(run.fabric)
        self.processes.share_gradients(run.wrapped)
        self.folder = run.folder / "checkpoints"
        first, events = run.fabric.is_global_zero, run.folder / "tensorboard"
        self.progress = Progress(events, self.config.steps, first, self.config.precision)
        self.rates = [group["lr"] for group in self.optimizer.param_groups]
        self.values: list[list[float]] = []  # losses since the last row of the history
        self.recent: list[tuple[Tensor, NoisyPair]] = []  # steps whose losses (3,) are still on the device
        self.last_pair: NoisyPair | None = None  # of the last losses that were read
        self.generator = torch.Generator(self.device)  # of losses that draw
        draws = "generator" in inspect.signature(run.loss).parameters
        loss = on_device(run.loss, self.device)
        self.loss = partial(loss, generator=self.generator) if draws else loss
        self.step = self._resume()
        on_one = self.device.type == "cuda" and self.processes.count == 1
        self.graph = self.config.cuda_graph and on_one and not draws
        self.update = self._recorded() if self.graph else self._update

    def _resume(self) -> int:
        """Put back the newest checkpoint, if there is one; the number of steps that are done."""
        torch.manual_seed(self.config.seed)
        seed = self.config.seed + APART * self.processes.rank
        self.generator.manual_seed(seed)
        found = checkpoints.find_checkpoints(self.folder)
        if not found:
            return 0
        tensors, state = checkpoints.read_checkpoint(found[-1])
        wanted = self.run.fingerprint
        other = sorted(k for k in wanted if state["config"].get(k) != wanted[k])
        if other:
            raise CheckpointError(
                f"{found[-1]} belongs to a run with another configuration (other {', '.join(other)}): "
                "choose another output folder, or delete it to start afresh"
            )
        checkpoints.restore_model(self.model, tensors, found[-1])
        checkpoints.restore_optimizer(self.optimizer, tensors)
        checkpoints.restore_random(tensors, self.generator)
        if self.processes.rank:  # the checkpoint holds the generator of the first process
            self.generator.manual_seed(seed + state["step"])
        self.progress.history, self.values = state["history"], state["values"]
        return state["step"]

    def _recorded(self) -> Recorded:
        """:meth:`_update` as a CUDA graph; the optimizer then reads its rates on the device."""
        for group in self.optimizer.param_groups:
            group |= {"lr": torch.tensor(group["lr"], device=self.device), "capturable": True}
        return Recorded(self._update)

    def train(self, pairs: PairSource) -> None:
        """Take the steps that are left, on ``pairs``; errors and stops as :func:`n2nf_core.training.fit` says."""
        batches = pairs.batches(self.step, self.device, self.processes.rank, self.processes.count)
        batches = made_beside(batches) if self.graph else batches
        self.progress.begin(self.step)
        try:
            with stop_requested() as signals, Threads(self.config.threads) as threads:
                stopped = self._steps(batches, signals, threads)
                self.progress.end()
        except LostProcessError as error:
            raise LostProcessError(
                f"{error} at step {self.step} ({one_line(error.__cause__)}): the same command goes on from the last "
                f"checkpoint, {self._last()}"
            ) from error
        if self.step < self.config.steps and not stopped:
            raise ValueError(f"the pairs ended after {self.step} of {self.config.steps} steps")

    def _steps(self, batches: Iterator[NoisyPair], signals: list[int], threads: Threads) -> bool:
        """All steps that are left, or those until a stop; whether there was one."""
        steps = self.config.steps
        for pair in islice(batches, steps - self.step):
            self._take_step(pair)
            threads.adapt()
            if self.step % self.config.log_every == 0 or self.step == steps:
                self._log()
            stopping = self._stopping(bool(signals))
            if self.step % self.config.checkpoint_every == 0 or self.step == steps or stopping:
                self._save()
            if stopping:
                self.progress.say(f"stopped at step {self.step} of {steps}; the same call goes on from there")
                return True
        return False

    def _stopping(self, signalled: bool) -> bool:
        """Whether to stop here: with several processes, all at the same step."""
        wanted = signalled or self.run.stop(self.progress.history)
        if self.processes.count > 1 and self.step % AGREE_EVERY and self.step < self.config.steps:
            return False
        return self.processes.any(wanted)

    def _take_step(self, pair: NoisyPair) -> None:
        factor = self.run.schedule(self.step / self.config.steps)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = group["lr"].fill_(rate * factor) if isinstance(group["lr"], Tensor) else rate * factor
        losses = self.update(denoiser_loss if self.step < self.config.pretrain_steps else self.loss, pair)
        self.step += 1
        self.recent.append((losses, pair))
        self.progress.advance(2 * len(pair.first) * self.processes.count)

    def _update(self, loss: Loss, pair: NoisyPair) -> Tensor:
        """One step of the optimizer; the loss and its parts, (3,), which stay on the device."""
        fabric, wrapped, limit = self.run.fabric, self.run.wrapped, self.config.clip_norm
        terms = wrapped(loss, pair)
        self.optimizer.zero_grad(set_to_none=True)
        fabric.backward(terms.total)
        if limit:  # whether the loss is finite is asked where losses are read: here it would wait for the device
            fabric.clip_gradients(wrapped, self.optimizer, max_norm=limit, error_if_nonfinite=False)
        self.optimizer.step()
        return torch.stack([term.detach() for term in terms])

    def _read(self) -> None:
        """Fetch the losses of the steps since the last look, and stop if one is not finite."""
        if not self.recent:
            return
        values = self.processes.mean(torch.stack([losses for losses, _ in self.recent])).tolist()
        bad = [position for position, row in enumerate(values) if not math.isfinite(row[0])]
        if bad:
            self._fail(bad[0])
        self.values += values
        self.last_pair = self.recent[-1][1]
        self.recent = []

    def _log(self) -> None:
        """Add a row to the history: means since the last row."""
        self._read()
        _, nll, mse = (sum(column) / len(column) for column in zip(*self.values, strict=True))
        row = {"step": self.step, "nll_nats_per_dim": None if math.isnan(nll) else nll, "mse": mse}
        self.progress.add(row | self.model.psnr(self.last_pair) | self.run.observe())
        self.values = []

    def _last(self) -> Path | str:
        return (checkpoints.find_checkpoints(self.folder) or ["none yet"])[-1]

    def _fail(self, position: int) -> None:
        step = self.step - len(self.recent) + position
        path = self.run.folder / f"failed-step-{step:08d}.safetensors"
        checkpoints.save_batch(path, self.recent[position][1])
        raise NonFiniteLossError(
            f"the loss is not finite at step {step}; its batch is in {path}, the last good checkpoint is "
            f"{self._last()}. Lower the learning rates, or look at the batch for pixels that are not numbers"
        )

    def _save(self) -> None:
        self._read()
        if self.run.fabric.is_global_zero:
            tensors = checkpoints.state_tensors(self.model, self.optimizer, self.generator)
            state = {"config": self.run.fingerprint, "history": self.progress.history, "values": self.values}
            try:
                checkpoints.save_checkpoint(self.folder, self.step, tensors, state)
            except OSError as error:
                raise CheckpointError(
                    f"{reason(error)}. It is the checkpoint of step {self.step}; earlier ones are untouched: "
                    "the same call goes on from the last"
                ) from error
        self.processes.wait()
