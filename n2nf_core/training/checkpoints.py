"""Checkpoints as safetensors + JSON: a folder per step, complete or absent.

    step-00000500/tensors.safetensors   model, optimizer and random state
    step-00000500/state.json            step, configuration, history

An interrupted write leaves the former checkpoints. Nothing is pickled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from n2nf_core.files import CheckpointError, durable_replace, remove
from n2nf_core.types import NoisyPair

KEEP = 2  # the newest, and the one before it


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's state, flat: ``optimizer.<parameter number>.<name>``."""
    return {
        f"optimizer.{number}.{name}": torch.as_tensor(value)
        for number, state in optimizer.state_dict()["state"].items()
        for name, value in state.items()
    }


def state_tensors(
    model: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> dict[str, Tensor]:
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
    from safetensors.torch import save_file

    fields = {name: field for name, field in pair._asdict().items() if field is not None}
    with durable_replace(path) as new:
        save_file({name: field.cpu().contiguous() for name, field in fields.items()}, new)


def save_checkpoint(folder: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping) -> Path:
    """Write ``folder/step-<step>``, whole or not at all, and remove all but the newest two; returns its path.

    Arguments:
        folder: of the run's checkpoints.
        step: number of steps that are done.
        tensors: what :func:`state_tensors` gives.
        state: JSON values that belong to it: configuration, history.
    """
    from safetensors.torch import save_file

    target = folder / f"step-{step:08d}"
    with durable_replace(target) as new:
        new.mkdir()
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, new / "tensors.safetensors")
        (new / "state.json").write_text(json.dumps({"step": step, **state}, indent=1))
    for old in find_checkpoints(folder)[:-KEEP]:
        remove(old)
    return target


def find_checkpoints(folder: Path) -> list[Path]:
    """Complete checkpoints below ``folder``, oldest first."""
    return sorted(p.parent for p in Path(folder).glob("step-*/state.json"))


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and state of one checkpoint; CheckpointError names a file that cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path / "tensors.safetensors"), json.loads((path / "state.json").read_text())
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise CheckpointError(f"checkpoint {path} cannot be read ({error}); delete it to go on without it") from error


def restore_model(model: nn.Module, tensors: Mapping[str, Tensor], source: Path) -> None:
    """Copy the ``model.`` tensors into a model.

    Arguments:
        model: receives them.
        tensors: of a checkpoint.
        source: the checkpoint, for the message.

    CheckpointError where names or shapes differ.
    """
    weights = {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
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
