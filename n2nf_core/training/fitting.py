"""Training a denoiser and a noise model together on noisy pairs, on Lightning Fabric.

Pre-training of the denoiser on the Noise2Noise term, then the joint loss; Adam; checkpoints to go on
from. The loop reads nothing back from the device except every ``log_every`` steps.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from n2nf_core.files import lock_of, locked
from n2nf_core.losses import joint_loss
from n2nf_core.pairs.iterable_pairs import IterablePairs
from n2nf_core.training import checkpoints
from n2nf_core.training import precision as precisions
from n2nf_core.training.cuda_graph import GraphWarning
from n2nf_core.training.loop import Loop, NonFiniteLossError, Run
from n2nf_core.training.processes import LostProcessError, strategy
from n2nf_core.training.step import CompileWarning, Loss, TrainingStep
from n2nf_core.types import NoisyPair, PairSource

__all__ = [
    "CompileWarning", "FitConfig", "FitResult", "GraphWarning", "LostProcessError", "Loss", "NonFiniteLossError",
    "constant", "cosine", "fit", "never",
]  # fmt: skip

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SMALL = 1e-15  # Adam's epsilon: gradients of squared errors in the dark are far below the usual 1e-8

Schedule = Callable[[float], float]
"""Share of all steps taken -> factor on the learning rates."""

Stop = Callable[[Sequence[Mapping[str, float]]], bool]
"""History so far -> whether to end the call."""


def constant(done: float) -> float:
    """Learning-rate factor 1."""
    return 1.0


def cosine(done: float) -> float:
    """Learning-rate factor (1 + cos(pi done)) / 2, done = share of all steps taken."""
    return (1 + math.cos(math.pi * done)) / 2


def never(history: Sequence[Mapping[str, float]]) -> bool:
    """A ``stop`` that lets training take all its steps."""
    return False


@dataclass(frozen=True)
class FitConfig:
    """Sizes of a training run; the paper's are noted.

    Arguments:
        steps: number of all steps.
        pretrain_steps: number of the first steps, which train the denoiser alone.
        denoiser_lr, noise_lr: Adam's learning rates (paper: 1e-4 for both, 1e-3 falling to 5e-5 in pre-training).
        clip_norm: limit of the norm of the gradient; 0 for no limit.
        device: an accelerator that Fabric knows; "auto" takes a GPU if there is one.
        precision: of the denoiser, "32-true", "bf16-mixed", or "auto" for the faster of the two on this machine
            (:mod:`n2nf_core.training.precision`); a run that goes on from a checkpoint keeps its own. The skip
            connection, the flow and the losses stay in float32.
        compile: whether the denoiser runs through torch.compile. Where that fails, a CompileWarning says why, and it
            runs uncompiled.
        cuda_graph: whether a step on one GPU is recorded as a CUDA graph and replayed, with the same results. Where
            that fails, a GraphWarning says why. A replay does not run Python code, so say False for a loss that changes
            from step to step other than through its tensors. A loss that draws is never recorded.
        threads: of PyTorch on a CPU; 0 for as many as it has, and fewer while other processes keep cores busy. Another
            number of threads changes sums in their last digits: give one where runs must agree to the bit.
        devices: number of processes on each machine; DDP if there is more than one in all.
        nodes: number of machines.
        seed: of PyTorch's random state, and of the generator that a loss which draws receives.
        log_every: steps between two rows of the history.
        checkpoint_every: steps between two checkpoints.
    """

    steps: int
    pretrain_steps: int = 0
    denoiser_lr: float = 1e-3
    noise_lr: float = 1e-2
    clip_norm: float = 0.0
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    cuda_graph: bool = True
    threads: int = 0
    devices: int = 1
    nodes: int = 1
    seed: int = 0
    log_every: int = 20
    checkpoint_every: int = 500

    def __post_init__(self):
        if not 0 <= self.pretrain_steps <= self.steps or self.steps < 1:
            raise ValueError(f"need 0 <= pretrain_steps ({self.pretrain_steps}) <= steps ({self.steps}), steps >= 1")
        if min(self.denoiser_lr, self.noise_lr, self.log_every, self.checkpoint_every) <= 0 or self.threads < 0:
            raise ValueError("learning rates, log_every and checkpoint_every must be positive, threads at least 0")
        known = ("auto", *precisions.PRECISIONS)
        if self.precision not in known:
            raise ValueError(f"precision must be one of {', '.join(known)}, got {self.precision!r}")


class FitResult(NamedTuple):
    """What a call of :func:`fit` did.

    Arguments:
        history: one row per ``log_every`` steps, of this call and of those before it.
        checkpoint: the folder of the last one.
        seconds: time of this call.
        images_per_second: of all processes, the median over the rows of this call, so that compilation and a slow
            moment do not count; nan where this call took no step.
        warm_up_seconds: how much longer than the median the first row took.
        precision: of the denoiser, "32-true" or "bf16-mixed".
    """

    history: list[dict[str, float]]
    checkpoint: Path
    seconds: float
    images_per_second: float
    warm_up_seconds: float
    precision: str


def fit(
    denoiser: nn.Module,
    noise_model: nn.Module,
    pairs: PairSource | Iterable[NoisyPair],
    config: FitConfig,
    out_dir: str | Path,
    *,
    loss: Loss = joint_loss,
    schedule: Schedule = cosine,
    observe: Callable[[], dict[str, float]] = dict,
    stop: Stop = never,
) -> FitResult:
    """Train both models in place on noisy pairs: denoiser_loss for ``pretrain_steps``, then ``loss``.

    Arguments:
        denoiser: (B, C, H, W) noisy -> the same shape.
        noise_model: a flow, or any noise model that is a module.
        pairs: a PairSource such as PatchPairs, which begins at any step and cuts on the training's device; or any
            iterable of NoisyPair, which is read again from its start. Each of several processes takes its rows
            [rank::world] of every batch, so that the gradient is that of one process on the whole batch (except for
            batch normalisation, whose statistics are of a share).
        config: numbers of steps, learning rates, seed.
        out_dir: receives checkpoints and TensorBoard events, from the first process only.
        loss: (denoiser, noise model, pair) -> LossTerms, for example joint_loss or a functools.partial of it. One with
            a parameter ``generator`` draws, and receives a generator of the training's own.
        schedule: share of the steps that are done -> factor on both learning rates.
        observe: called at every row of the history; its figures are added to the row.
        stop: asked after every step, with the history so far. True ends the call as a signal does; signals reach the
            main thread only.

    Where ``out_dir`` holds a checkpoint of the same configuration and data, training goes on from there, to the bit
    with as many threads, on any number of processes. SIGINT and SIGTERM stop it with a checkpoint, after this step or,
    with several processes, after the next one that all agree on. Both models end in evaluation mode, where they were.

    A second call with the same ``out_dir`` waits for the first. A checkpoint that cannot be read is set aside with a
    line on standard error, and training goes on from the one before it.

    Errors: CheckpointError for a checkpoint of another configuration or data; LostProcessError where another process
    has ended; NonFiniteLossError for a loss that is NaN or infinite; ValueError where the pairs end too soon.
    """
    from lightning_fabric import Fabric

    home, folder = next(denoiser.parameters()).device, Path(out_dir)
    together = strategy(config.devices * config.nodes)
    fabric = Fabric(accelerator=config.device, devices=config.devices, num_nodes=config.nodes, strategy=together)
    fabric.launch()
    pairs = pairs if isinstance(pairs, PairSource) else IterablePairs(pairs)
    with _alone(fabric, folder):
        config = _with_precision(config, denoiser, pairs, fabric, folder)
        model = TrainingStep(denoiser.train(), noise_model.train(), config.precision, config.compile)
        model.to(memory_format=torch.channels_last)
        wrapped, optimizer = fabric.setup(model, _adam(denoiser, noise_model, config))
        fingerprint = _fingerprint(config, loss, schedule, pairs)
        watch = {"observe": observe, "stop": stop, "fingerprint": fingerprint}
        loop = Loop(Run(fabric, model, wrapped, optimizer, config, folder, loss, schedule, **watch))
        started = time.perf_counter()
        try:
            loop.train(pairs)
        finally:
            model.eval().to(home)
        seconds, last = time.perf_counter() - started, checkpoints.find_checkpoints(loop.folder)[-1]
    return FitResult(loop.progress.history, last, seconds, *loop.progress.speed(), config.precision)


@contextmanager
def _alone(fabric: Fabric, folder: Path) -> Iterator[None]:
    """Hold the folder of a run while the body runs; what is damaged in it is set aside before any process reads it."""
    if not fabric.is_global_zero:
        fabric.barrier()
        yield
        return
    with locked(lock_of(folder), f"another process trains in {folder}; waiting for it"):
        checkpoints.set_damaged_aside(folder / "checkpoints")
        fabric.barrier()
        yield


def _adam(denoiser: nn.Module, noise_model: nn.Module, config: FitConfig) -> torch.optim.Adam:
    groups = [
        {"params": list(denoiser.parameters()), "lr": config.denoiser_lr},
        {"params": [p for p in noise_model.parameters() if p.requires_grad], "lr": config.noise_lr},
    ]
    return torch.optim.Adam([g for g in groups if g["params"]], eps=SMALL, fused=True)


def _with_precision(
    config: FitConfig, denoiser: nn.Module, pairs: PairSource, fabric: Fabric, folder: Path
) -> FitConfig:
    """``config`` with a precision in place of "auto": that of the run to go on with, else the faster one."""
    if (precision := config.precision) == "auto":
        found = checkpoints.find_checkpoints(folder / "checkpoints")
        if found:
            precision = checkpoints.read_checkpoint(found[-1])[1]["config"]["precision"]
        else:
            pair = next(pairs.batches(0, fabric.device, fabric.global_rank, fabric.world_size))
            precision = precisions.choose(denoiser, torch.cat((pair.first, pair.second)))
        precision = fabric.broadcast(precision)  # all processes take the choice of the first
    precisions.note(precision)
    return replace(config, precision=precision)


def _fingerprint(config: FitConfig, loss: Loss, schedule: Callable, pairs: PairSource) -> dict:
    """What the result of a run depends on; where and how it runs may change between calls."""
    free = {"device", "devices", "nodes", "threads", "compile", "cuda_graph", "log_every", "checkpoint_every"}
    found = {key: value for key, value in asdict(config).items() if key not in free}
    return found | {"loss": _name(loss), "schedule": _name(schedule), "data": pairs.fingerprint()}


def _name(function: Callable) -> str:
    if isinstance(function, partial):
        options = (f"{k}={_name(v) if callable(v) else v}" for k, v in sorted(function.keywords.items()))
        return f"{_name(function.func)}({', '.join(options)})"
    return getattr(function, "__name__", repr(function))
