"""The loop of :func:`n2nf_core.training.fit`: steps, rows of the history, checkpoints, and every way to stop."""

from __future__ import annotations

import math
import signal
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import torch
from torch import Tensor

from n2nf_core.files import CheckpointError, one_line
from n2nf_core.losses import denoiser_loss
from n2nf_core.training import checkpoints
from n2nf_core.training.cuda_graph import Recorded
from n2nf_core.training.step import Loss
from n2nf_core.types import NoisyPair, PairSource


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite; the message names the step, the batch's file and the last good checkpoint."""


class LostProcessError(RuntimeError):
    """Another process of a run on several devices is gone."""


AGREE_EVERY = 10  # steps after which several processes ask one another whether a signal came


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


class Loop:
    """The state of one training run, from its newest checkpoint on if there is one."""

    def __init__(self, fabric, model, wrapped, optimizer, config, out_dir, loss, schedule, observe, stop, fingerprint):
        self.fabric, self.model, self.wrapped, self.optimizer = fabric, model, wrapped, optimizer
        self.config, self.loss, self.schedule, self.observe, self.stop = config, loss, schedule, observe, stop
        self.folder, self.events = out_dir / "checkpoints", out_dir / "tensorboard"
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.history: list[dict[str, float]] = []
        self.rows: list[tuple[int, float]] = []  # images and seconds of every row
        self.values: list[list[float]] = []  # losses since the last row of the history
        self.recent: list[tuple[Tensor, NoisyPair]] = []  # steps whose losses (3,) are still on the device
        self.fingerprint = fingerprint  # what a checkpoint must agree with to be gone on from
        self.step = self._resume()
        self.update = self._recorded() if self._recordable() else self._update

    def _resume(self) -> int:
        torch.manual_seed(self.config.seed)
        found = checkpoints.find_checkpoints(self.folder)
        if not found:
            return 0
        tensors, state = checkpoints.read_checkpoint(found[-1])
        other = sorted(k for k in self.fingerprint if state["config"].get(k) != self.fingerprint[k])
        if other:
            raise CheckpointError(
                f"{found[-1]} belongs to a run with another configuration (other {', '.join(other)}): "
                "choose another output folder, or delete it to start afresh"
            )
        checkpoints.restore_model(self.model, tensors, found[-1])
        checkpoints.restore_optimizer(self.optimizer, tensors)
        checkpoints.restore_random(tensors)
        self.history, self.values = state["history"], state["values"]
        return state["step"]

    def _recordable(self) -> bool:
        return self.config.cuda_graph and self.fabric.device.type == "cuda" and self.fabric.world_size == 1

    def _recorded(self) -> Recorded:
        """:meth:`_update` as a CUDA graph; the optimizer then reads its rates on the device."""
        for group in self.optimizer.param_groups:
            group |= {"lr": torch.tensor(group["lr"], device=self.fabric.device), "capturable": True}
        return Recorded(self._update)

    def train(self, pairs: PairSource) -> None:
        from torch.utils.tensorboard import SummaryWriter
        from tqdm import tqdm

        steps, first = self.config.steps, self.step
        batches = self._batches(pairs)
        main = self.fabric.is_global_zero
        bar = tqdm(total=steps, initial=first, unit="step", mininterval=1.0, disable=not main or first == steps)
        writer = SummaryWriter(self.events, purge_step=first) if main and first < steps else None
        self.clock, self.images = time.perf_counter(), 0
        with stop_requested() as stop, self._in_company():
            for pair in islice(batches, steps - first):
                self._take_step(pair)
                bar.update()
                if self.step % self.config.log_every == 0 or self.step == steps:
                    self._log(writer, bar)
                stopping = self._agree(stop)
                if self.step % self.config.checkpoint_every == 0 or self.step == steps or stopping:
                    self._save()
                if stopping:
                    message = f"stopped at step {self.step} of {steps}; the same call goes on from there"
                    bar.write(message, file=sys.stderr)  # not buffered: SIGTERM ends the process at once
                    break
            bar.close()
            if writer:
                writer.close()
        if self.step < steps and not stopping:
            raise ValueError(f"the pairs ended after {self.step} of {steps} steps")

    def _batches(self, pairs: PairSource) -> Iterator[NoisyPair]:
        """This process's rows of every batch, from the present step on."""
        return pairs.batches(self.step, self.fabric.device, self.fabric.global_rank, self.fabric.world_size)

    def _agree(self, stop: list[int]) -> bool:
        """Whether to stop here: with several processes, all at the same step."""
        wanted = bool(stop) or self.stop(self.history)
        if self.fabric.world_size == 1:
            return wanted
        if self.step % AGREE_EVERY and self.step < self.config.steps:
            return False
        return bool(self.fabric.all_reduce(torch.tensor(float(wanted)), reduce_op="sum") > 0)

    def _take_step(self, pair: NoisyPair) -> None:
        factor = self.schedule(self.step / self.config.steps)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = group["lr"].fill_(rate * factor) if isinstance(group["lr"], Tensor) else rate * factor
        losses = self.update(denoiser_loss if self.step < self.config.pretrain_steps else self.loss, pair)
        self.step += 1
        self.images += 2 * len(pair.first) * self.fabric.world_size
        self.recent.append((losses, pair))

    def _update(self, loss: Loss, pair: NoisyPair) -> Tensor:
        """One step of the optimizer; the loss and its parts, (3,), which stay on the device."""
        terms = self.wrapped(loss, pair)
        self.optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(terms.total)
        if self.config.clip_norm:  # that the loss is finite is asked where losses are read: here it would stall
            limit = self.config.clip_norm
            self.fabric.clip_gradients(self.wrapped, self.optimizer, max_norm=limit, error_if_nonfinite=False)
        self.optimizer.step()
        return torch.stack([term.detach() for term in terms])

    @contextmanager
    def _in_company(self) -> Iterator[None]:
        """What a collective operation raises when another process is gone, in words."""
        try:
            yield
        except RuntimeError as error:
            gone = isinstance(error, torch.distributed.DistError) or "onnection" in str(error)
            if self.fabric.world_size == 1 or not gone:
                raise
            last = (checkpoints.find_checkpoints(self.folder) or ["none yet"])[-1]
            raise LostProcessError(
                f"process {self.fabric.global_rank} of {self.fabric.world_size} lost another one at step {self.step} "
                f"({one_line(error)}): the same command goes on from the last checkpoint, {last}"
            ) from error

    def _read(self) -> None:
        """Fetch the losses of the steps since the last look, and stop if one is not finite."""
        if not self.recent:
            return
        losses = torch.stack([losses for losses, _ in self.recent])
        values = self.fabric.all_reduce(losses, reduce_op="mean").tolist()
        bad = [position for position, row in enumerate(values) if not math.isfinite(row[0])]
        if bad:
            self._fail(bad[0])
        self.values += values
        self.last_pair = self.recent[-1][1]
        self.recent = []

    def _log(self, writer, bar) -> None:
        """Write a row of the history: means since the last row."""
        self._read()
        _, nll, mse = (sum(column) / len(column) for column in zip(*self.values, strict=True))
        row = {"step": self.step, "nll_nats_per_dim": None if math.isnan(nll) else nll, "mse": mse}
        row |= self._reference_psnr() | self.observe()
        for name, value in row.items():
            if writer and value is not None:
                writer.add_scalar(name, value, self.step)
        shown = {k: f"{row[k]:.4g}" for k in ("nll_nats_per_dim", "psnr_db") if row.get(k) is not None}
        now = time.perf_counter()
        self.rows.append((self.images, now - self.clock))
        bar.set_postfix(shown | {"images/s": f"{self.images / (now - self.clock):.0f}"})
        self.history.append(row)
        self.values, self.clock, self.images = [], now, 0

    def speed(self) -> tuple[float, float]:
        """Images per second, the median over rows, and how many seconds longer than that the first row took."""
        if not self.rows:
            return math.nan, 0.0
        rate = statistics.median(images / seconds for images, seconds in self.rows)
        images, seconds = self.rows[0]
        return rate, max(seconds - images / rate, 0.0)

    @torch.no_grad()
    def _reference_psnr(self) -> dict[str, float]:
        pair = self.last_pair
        if pair.clean is None:
            return {}
        self.model.eval()
        error = (self.model.denoise(pair.first) - pair.clean).square().mean()
        self.model.train()
        return {"psnr_db": -10 * math.log10(max(float(error), 1e-20))}

    def _fail(self, position: int) -> None:
        from safetensors.torch import save_file

        step = self.step - len(self.recent) + position
        path = self.folder.parent / f"failed-step-{step:08d}.safetensors"
        pair = self.recent[position][1]
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.cpu().contiguous() for k, v in pair._asdict().items() if v is not None}, path)
        last = (checkpoints.find_checkpoints(self.folder) or ["none yet"])[-1]
        raise NonFiniteLossError(
            f"the loss is not finite at step {step}; its batch is in {path}, the last good checkpoint is {last}. "
            "Lower the learning rates, or look at the batch for pixels that are not numbers"
        )

    def _save(self) -> None:
        self._read()
        if self.fabric.is_global_zero:
            state = {"config": self.fingerprint, "history": self.history, "values": self.values}
            try:
                checkpoints.save_checkpoint(self.folder, self.step, self.model, self.optimizer, state)
            except OSError as error:
                raise CheckpointError(
                    f"cannot write the checkpoint of step {self.step} below {self.folder} ({error}); "
                    "earlier checkpoints are untouched: make room, then call again to go on"
                ) from error
        self.fabric.barrier()
