"""Noise models as one safetensors buffer, which the page reads as it is.

Tensors are ``<name>/<entry of the state dict>``; the metadata's ``models`` is JSON: name -> kind, cameras, ISO knots.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch

from n2nf_core.baselines import GaussianNoise
from n2nf_core.cameras import NLF
from n2nf_core.flow import NoiseFlow, nlf_flow, noise_flow
from n2nf_core.types import NoiseModel

BUILDERS = {"nlf_flow": nlf_flow, "noise_flow": noise_flow}


def _kind(model: NoiseModel) -> str:
    """The builder that a model comes from, told by the entries of its state dict."""
    if isinstance(model, GaussianNoise):
        return "gaussian"
    shapes = {key: tensor.shape for key, tensor in model.state_dict().items()}
    for kind, build in BUILDERS.items():
        same = isinstance(model, NoiseFlow) and build(model.cameras, model.knots.isos).state_dict()
        if same and {key: tensor.shape for key, tensor in same.items()} == shapes:
            return kind
    raise ValueError("only Gaussian tables, nlf_flow() and noise_flow() with 4 channels and 4 steps run in a page")


def dump(models: Mapping[str, NoiseModel], metadata: Mapping[str, str] | None = None) -> bytes:
    """One safetensors buffer of all ``models``; :func:`load` gives them back. Flows in float32, tables in float64.

    Errors: ValueError for a model that a page cannot run.

    >>> from n2nf_core.baselines import camera_nlf
    >>> list(load(dump({"table": camera_nlf(["S6"])})))
    ['table']
    """
    from safetensors.torch import save

    about, tensors = {}, {}
    for name, model in models.items():
        about[name] = {"kind": _kind(model), "cameras": list(model.cameras), "isos": model.knots.isos}
        for key, tensor in model.state_dict().items():
            tensor = tensor if about[name]["kind"] == "gaussian" else tensor.float()
            tensors[f"{name}/{key}"] = tensor.detach().cpu().contiguous()
    return save(tensors, {**(metadata or {}), "models": json.dumps(about)})


def header(data: bytes) -> dict:
    """The JSON that a safetensors buffer begins with."""
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def load(data: bytes) -> dict[str, NoiseModel]:
    """The models of a buffer that :func:`dump` wrote, in evaluation mode."""
    from safetensors.torch import load as tensors_of

    tensors = tensors_of(data)
    models = {}
    for name, about in json.loads(header(data)["__metadata__"]["models"]).items():
        state = {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}
        if about["kind"] == "gaussian":
            models[name] = _gaussian(about["isos"], state["log_nlf"])
        else:
            models[name] = BUILDERS[about["kind"]](about["cameras"], about["isos"])
            models[name].load_state_dict(state)
        models[name].eval()
    return models


def _gaussian(isos: Mapping[str, list[float]], logs: torch.Tensor) -> GaussianNoise:
    shot, read = logs.exp().tolist()
    return GaussianNoise(
        {
            camera: {iso: NLF(shot[r][k], read[r][k]) for k, iso in enumerate(row)}
            for r, (camera, row) in enumerate(isos.items())
        }
    )
