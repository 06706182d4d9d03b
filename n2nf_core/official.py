"""Loads the Noise2NoiseFlow checkpoint that its authors released into the modules of this package.

The file (Maleky et al., CVPR 2022) contains a DnCNN of 9 layers and a Noise Flow ``sdn, unc x4, gain, unc x4``. Batch
normalisation in evaluation mode is an affine map per channel. In the flow it is therefore included in the convolutions.
The authors order the planes clockwise, (0,0) (0,1) (1,1) (1,0), and this package in raster order. The first 1x1
convolution of the flow and the first and last layer of the denoiser are permuted accordingly.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from n2nf_core.denoisers import DnCNN
from n2nf_core.files import CheckpointError, check_weights, one_line
from n2nf_core.flow import AffineCoupling, Gain, InvertibleConv1x1, NoiseFlow, noise_flow

CAMERAS = ("IP", "GP", "S6", "N6", "G4")
ISOS = (100, 400, 800, 1600, 3200)
CLOCKWISE = (0, 1, 3, 2)  # raster position of each of the authors' planes; this permutation is its own inverse
BATCH_NORM_EPS = 1e-5


def load_official(path: str | Path) -> tuple[DnCNN, NoiseFlow]:
    """(denoiser, noise_model) from the released checkpoint, both in evaluation mode, with planes in raster order.

    Only tensors are read (``weights_only=True``), and no code in the file is executed. The base values z keep the
    authors' channel order. FileNotFoundError where there is no file, CheckpointError where it is not this checkpoint,
    and where it has NaN or infinite values or states larger tensors than it has.

    >>> denoiser, noise_model = load_official("best_model.pth")  # doctest: +SKIP
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}: give the path of the released file")
    try:
        with zipfile.ZipFile(path) as file:
            size = sum(member.file_size for member in file.infolist())
        if size > path.stat().st_size:  # the released file is not compressed
            raise ValueError(f"it states {size} bytes of tensors, more than it has")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers of ZIP and of tensors raise errors of many types
        raise CheckpointError(
            f"{path.name} is not a checkpoint of plain tensors; nothing in it was run ({one_line(error)})"
        ) from error
    state = content.get("state_dict") if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path.name} has no 'state_dict': give the released Noise2NoiseFlow checkpoint")
    try:
        for tensor in state.values():
            if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
                raise ValueError("it states a tensor that is larger than its values")
        check_weights(Path(path.name), state)
        return _denoiser(_below(state, "denoiser.dncnn")).eval(), _noise_flow(_below(state, "noise_flow.model")).eval()
    except CheckpointError:
        raise
    except Exception as error:  # whatever the entries of a stranger's file make of the modules
        raise CheckpointError(f"{path.name} does not hold the released Noise2NoiseFlow: {one_line(error)}") from error


def _below(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) + 1 :]: v.double() for k, v in state.items() if k.startswith(prefix + ".")}


def _denoiser(state: dict[str, Tensor]) -> DnCNN:
    denoiser = DnCNN(layers=9, features=64, norm=partial(nn.BatchNorm2d, eps=BATCH_NORM_EPS))
    first, last = "0.weight", "23.weight"
    state[first], state[last] = state[first][:, CLOCKWISE], state[last][CLOCKWISE, :]
    denoiser.body.load_state_dict(state)
    return denoiser


def _noise_flow(state: dict[str, Tensor]) -> NoiseFlow:
    flow = noise_flow(CAMERAS, ISOS)
    flow.start_from(_nlf(_below(state, "0._scale")))
    for index, layer in enumerate(flow.bijection.layers):
        part = _below(state, str(index))
        if isinstance(layer, InvertibleConv1x1):
            middle = part["l"].tril(-1) + torch.eye(4, dtype=torch.float64)
            weight = part["p"] @ middle @ (part["u"].triu(1) + torch.diag(part["sign_s"] * part["log_s"].exp()))
            layer.set_weight(weight[:, CLOCKWISE] if index == 1 else weight)
        elif isinstance(layer, AffineCoupling):
            _load_coupling(layer, _below(part, "_shift_and_log_scale"))
        elif isinstance(layer, Gain):
            layer.log_gain.data.copy_(part["scale"].log())
    return flow


def _nlf(scale: Mapping[str, Tensor]) -> dict[str, dict[float, tuple[float, float]]]:
    """sigma^2 = b1 x / g + b2, b1 = exp(beta1 e^c0), b2 = exp(beta2 e^c1), g = ISO exp(gain_iso e^c2)."""
    c0, c1, c2 = scale["cam_params"].exp()
    table: dict[str, dict[float, tuple[float, float]]] = {}
    for column, camera in enumerate(CAMERAS):
        b1, b2 = (scale["beta1"] * c0[column]).exp(), (scale["beta2"] * c1[column]).exp()
        gains = (scale["gain_params"] * c2[column]).exp()
        table[camera] = {iso: (float(b1 / (gain * iso)), float(b2)) for iso, gain in zip(ISOS, gains, strict=True)}
    return table


def _load_coupling(layer: AffineCoupling, part: Mapping[str, Tensor]) -> None:
    ours = layer.conditioner
    for conv, name, norm in ((ours.conv1, "conv2d_1", "net.1"), (ours.conv2, "conv2d_2", "net.4")):
        factor = part[f"{norm}.weight"] / (part[f"{norm}.running_var"] + BATCH_NORM_EPS).sqrt()
        conv.weight.data.copy_(part[f"{name}.weight"] * factor[:, None, None, None])
        shifted = part[f"{name}.bias"] - part[f"{norm}.running_mean"]
        conv.bias.data.copy_(shifted * factor + part[f"{norm}.bias"])
    ours.conv3.weight.data.copy_(part["conv2d_3.weight"])
    ours.conv3.bias.data.copy_(part["conv2d_3.bias"])
    ours.logs.data.copy_(part["logs"].flatten())
    layer.scale.data.copy_(part["scale"][0])
