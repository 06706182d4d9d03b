"""The authors' released Noise2NoiseFlow checkpoint in our modules.

Their file (Maleky et al., CVPR 2022) holds a DnCNN of 9 layers and a Noise Flow ``sdn, unc x4, gain, unc x4``.
Batch normalisation in evaluation mode is an affine map per channel, so in the flow it is folded into the
convolutions. Their planes run clockwise, (0,0) (0,1) (1,1) (1,0); ours in raster order, so the first 1x1
convolution of the flow and the first and last layers of the denoiser are permuted once, here.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from n2nf_core.cameras import NLF
from n2nf_core.denoisers import DnCNN
from n2nf_core.files import CheckpointError
from n2nf_core.flow import AffineCoupling, Gain, InvertibleConv1x1, NoiseFlow, noise_flow

CAMERAS = ("IP", "GP", "S6", "N6", "G4")
ISOS = (100, 400, 800, 1600, 3200)
CLOCKWISE = (0, 1, 3, 2)  # raster position of each of their planes; its own inverse
BATCH_NORM_EPS = 1e-5


def load_official(path: str | Path) -> tuple[DnCNN, NoiseFlow]:
    """Read the released checkpoint: (denoiser, noise_model), both in eval mode, planes in raster order.

    Only tensors are read (``weights_only=True``); nothing in the file is executed. Latents keep the authors'
    channel order. Raises FileNotFoundError, or CheckpointError with what is wrong.

    >>> denoiser, noise_model = load_official("best_model.pth")  # doctest: +SKIP
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path.name} is not a checkpoint of plain tensors; nothing in it was run") from error
    state = content.get("state_dict") if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping):
        raise CheckpointError(f"{path.name} has no 'state_dict'")
    try:
        return _denoiser(_below(state, "denoiser.dncnn")).eval(), _noise_flow(_below(state, "noise_flow.model")).eval()
    except (KeyError, RuntimeError) as error:
        raise CheckpointError(f"{path.name} does not hold the released Noise2NoiseFlow: {error}") from error


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


def _nlf(scale: Mapping[str, Tensor]) -> dict[str, dict[float, NLF]]:
    """sigma^2 = b1 x / g + b2, b1 = exp(beta1 e^c0), b2 = exp(beta2 e^c1), g = ISO exp(gain_iso e^c2)."""
    c0, c1, c2 = scale["cam_params"].exp()
    table: dict[str, dict[float, NLF]] = {}
    for column, camera in enumerate(CAMERAS):
        b1, b2 = (scale["beta1"] * c0[column]).exp(), (scale["beta2"] * c1[column]).exp()
        gains = (scale["gain_params"] * c2[column]).exp()
        table[camera] = {iso: NLF(float(b1 / (gain * iso)), float(b2)) for iso, gain in zip(ISOS, gains, strict=True)}
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
