"""Checkpoints as safetensors + JSON: a folder per step, complete or absent.

    step-00000500/tensors.safetensors   model, optimizer and random state
    step-00000500/state.json            step, configuration, history, SHA-256 of the tensors' file

An interrupted write leaves the former checkpoints. A checkpoint that was damaged later is set aside, and the run goes
on from the one before it. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from n2nf_core.files import CheckpointError, check_weights, clear_leftovers, durable_replace, one_line, remove
from n2nf_core.types import NoisyPair

KEEP = 2  # the newest, and the one before it


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state, flat: ``optimizer.<parameter number>.<name>``."""
    return {
        f"optimizer.{number}.{name}": torch.as_tensor(value)
        for number, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def state_tensors(model: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator) -> dict[str, Tensor]:
    """Everything that a run goes on from, by name.

    Arguments:
        model: both models, as ``model.<entry of the state dict>``.
        optimizer: as :func:`optimizer_tensors`.
        generator: of losses that draw, as ``random.loss``; PyTorch's own generators are added.
    """
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()} | optimizer_tensors(optimizer)
    tensors |= {"random.cpu": torch.get_rng_state(), "random.loss": generator.get_state()}
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    return tensors


def save_batch(path: Path, pair: NoisyPair) -> None:
    """Write a batch, whose fields become tensors of the same names."""
    fields = {name: field for name, field in pair._asdict().items() if field is not None}
    with durable_replace(path) as new:
        new.write_bytes(_bytes(fields))


def _bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """The content of a safetensors file. Its library's own writer makes files that only their owner can read."""
    from safetensors.torch import save

    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping) -> Path:
    """Write ``folder/step-<step>``, whole or not at all, and remove all but the newest two; returns its path.

    Arguments:
        folder: of the run's checkpoints.
        step: number of steps that are done.
        tensors: what :func:`state_tensors` gives.
        state: JSON values that belong to it: configuration, history.
    """
    target = folder / f"step-{step:08d}"
    data = _bytes(tensors)
    record = {"step": step, "tensors_sha256": hashlib.sha256(data).hexdigest(), **state}
    with durable_replace(target) as new:
        new.mkdir()
        (new / "tensors.safetensors").write_bytes(data)
        (new / "state.json").write_text(json.dumps(record, indent=1))
    for old in find_checkpoints(folder)[:-KEEP]:
        remove(old)
    return target


def find_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints below ``folder``, oldest first."""
    return sorted(Path(folder).glob("step-*"))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and state of one checkpoint; CheckpointError names one that cannot be read or whose content changed."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        state = json.loads((path / "state.json").read_text())
        data = (path / "tensors.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != state.get("tensors_sha256", hashlib.sha256(data).hexdigest()):
            raise ValueError("its tensors do not match their checksum")
        state["config"], state["history"], state["step"]  # noqa: B018 (a state that lacks them is damaged)
        return load(data), state
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"checkpoint {path} cannot be read ({one_line(error)})") from error


def set_damaged_aside(folder: Path) -> None:
    """Rename checkpoints that cannot be read to ``damaged-step-...``, from the newest back to the first that reads.

    What an ended process left unfinished is removed. The caller holds the lock of the run.
    """
    clear_leftovers(folder)
    for path in reversed(find_checkpoints(folder)):
        try:
            read_checkpoint(path)
            return
        except CheckpointError as error:
            aside = path.with_name(f"damaged-{path.name}")
            print(f"{error}; it becomes {aside.name}, and the run goes on without it", file=sys.stderr)
            remove(aside)
            os.replace(path, aside)


def restore_model(model: nn.Module, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Copy the ``model.`` tensors into a model.

    Arguments:
        model: receives them.
        tensors: of a checkpoint.
        source: the checkpoint, for the message.

    CheckpointError where names or shapes differ, and for values that are NaN or infinite.
    """
    weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    check_weights(source, weights)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"checkpoint {source} is of another model: {error}") from error


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`optimizer_tensors` gave, in the memory layout of the parameters.

    A fused optimizer walks through parameter and state as they lie in memory, so both must lie alike.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".", 2)
            like = parameters[int(number)]
            same = value.shape == like.shape and value.dim() > 0
            state.setdefault(int(number), {})[name] = torch.empty_like(like).copy_(value) if same else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def restore_random(tensors: Mapping[str, Tensor], generator: torch.Generator) -> None:
    """Put back the random state of PyTorch and of ``generator``; what the checkpoint lacks stays as it is."""
    if "random.loss" in tensors:
        generator.set_state(tensors["random.loss"])
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
