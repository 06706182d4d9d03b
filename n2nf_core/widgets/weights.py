"""Noise models as one safetensors buffer that the page can read without conversion.

Tensors are named ``<name>/<entry of the state dict>``. The metadata entry ``models`` is JSON: name -> kind, cameras and
ISO knots.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from n2nf_core.export.model_file import describe, rebuild
from n2nf_core.types import NoiseModel


def dump(models: Mapping[str, NoiseModel], metadata: Mapping[str, str] | None = None) -> bytes:
    """All ``models`` as one safetensors buffer that :func:`load` reads.

    Flows are stored in float32, and tables in float64.

    Arguments:
        models: name -> noise model.
        metadata: further entries of the buffer's metadata.

    Errors: ValueError for a model that the page cannot run.

    >>> from n2nf_core.baselines import camera_nlf
    >>> list(load(dump({"table": camera_nlf(["S6"])})))
    ['table']
    """
    from safetensors.torch import save

    about, tensors = {}, {}
    for name, model in models.items():
        about[name] = describe(model)
        if not about[name].keys() <= {"kind", "cameras", "isos"}:
            raise ValueError(
                f"{name}: the page can run a {about[name]['kind']} of the default sizes only: build it with these"
            )
        for key, tensor in model.state_dict().items():
            tensor = tensor if about[name]["kind"] == "gaussian" else tensor.float()
            tensors[f"{name}/{key}"] = tensor.detach().cpu().contiguous()
    return save(tensors, {**(metadata or {}), "models": json.dumps(about)})


def header(data: bytes) -> dict:
    """The JSON at the beginning of a safetensors buffer."""
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


def load(data: bytes) -> dict[str, NoiseModel]:
    """The models of a buffer that :func:`dump` wrote, in evaluation mode."""
    from safetensors.torch import load as tensors_of

    tensors = tensors_of(data)
    models = {}
    for name, about in json.loads(header(data)["__metadata__"]["models"]).items():
        state = {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}
        models[name] = rebuild(about, state)
    return models
