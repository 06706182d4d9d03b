"""The plain way: what everything is measured against. Eager, float32, NCHW, one layer and one map at a time.

The same mathematics with the same parameters as the core's models, written as one writes it first: a denoiser
call for every frame, conditioning as maps of the image's size, the border channel concatenated, a histogram in a loop.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from n2nf_core.flow import Gain, InvertibleConv1x1, NoiseFlow, SignalDependentScale
from n2nf_core.types import Context, NoisyPair


def sigma_map(layer: SignalDependentScale, context: Context) -> Tensor:
    """The deviation of every pixel, from shot and read maps."""
    ones = torch.ones_like(context.clean)
    shot = layer.knots(layer.log_shot, context.camera, context.iso).exp()[:, None, None, None] * ones
    read = layer.knots(layer.log_read, context.camera, context.iso).exp()[:, None, None, None] * ones
    return torch.sqrt(shot * context.clean.clamp(min=0) + read)


def shift_and_scale(layer: nn.Module, first: Tensor) -> tuple[Tensor, Tensor]:
    """The conditioner of a coupling, its border channel concatenated."""
    net = layer.conditioner
    hidden = F.relu(net.conv2(F.relu(net.conv1(first))))
    hidden = F.pad(hidden, (1, 1, 1, 1))
    border = F.pad(torch.zeros_like(first[:, :1]), (1, 1, 1, 1), value=1.0)
    out = net.conv3(torch.cat((hidden, border), 1)) * torch.exp(3 * net.logs)[:, None, None]
    shift, raw = out.chunk(2, 1)
    return shift, layer.scale * torch.tanh(raw)


def log_prob(flow: NoiseFlow, noise: Tensor, context: Context) -> Tensor:
    """log p(noise | context), (B,) nats."""
    x, total = noise, noise.new_zeros(len(noise))
    for layer in flow.bijection.layers:
        if isinstance(layer, (SignalDependentScale, Gain)):
            scale = sigma_map(layer, context) if isinstance(layer, SignalDependentScale) else layer.log_gain.exp()
            scale = scale * torch.ones_like(x)
            x, total = x / scale, total - scale.log().sum((1, 2, 3))
        elif isinstance(layer, InvertibleConv1x1):
            x = F.conv2d(x, layer.weight()[:, :, None, None])
            total = total + layer.log_s.sum() * x.shape[2] * x.shape[3]
        else:
            first, second = x.chunk(2, 1)
            shift, log_scale = shift_and_scale(layer, first)
            x, total = torch.cat((first, second * log_scale.exp() + shift), 1), total + log_scale.sum((1, 2, 3))
    return total - 0.5 * (x.square() + math.log(2 * math.pi)).sum((1, 2, 3))


@torch.no_grad()
def sample(flow: NoiseFlow, context: Context) -> Tensor:
    """One draw, (B, C, H, W)."""
    x = torch.randn_like(context.clean)
    for layer in reversed(flow.bijection.layers):
        if isinstance(layer, (SignalDependentScale, Gain)):
            scale = sigma_map(layer, context) if isinstance(layer, SignalDependentScale) else layer.log_gain.exp()
            x = x * (scale * torch.ones_like(x))
        elif isinstance(layer, InvertibleConv1x1):
            x = F.conv2d(x, layer.weight().inverse()[:, :, None, None])
        else:
            first, second = x.chunk(2, 1)
            shift, log_scale = shift_and_scale(layer, first)
            x = torch.cat((first, (second - shift) * torch.exp(-log_scale)), 1)
    return x


def joint_loss(denoiser: nn.Module, flow: NoiseFlow, pair: NoisyPair, mse_weight: float = 2.0**18) -> Tensor:
    """Eq. 4 and 5 of the paper, one frame after the other."""
    first, second = denoiser(pair.first), denoiser(pair.second)
    clean1, clean2 = first.clamp(0, 1), second.clamp(0, 1)
    nll = -(
        log_prob(flow, pair.first - clean2, pair.context(clean2)).mean()
        + log_prob(flow, pair.second - clean1, pair.context(clean1)).mean()
    )
    mse = F.mse_loss(first, pair.second) + F.mse_loss(second, pair.first)
    return nll / (2 * pair.first[0].numel()) + mse_weight * mse / 2


def denoiser_loss(denoiser: nn.Module, pair: NoisyPair) -> Tensor:
    """Eq. 5 alone."""
    return (F.mse_loss(denoiser(pair.first), pair.second) + F.mse_loss(denoiser(pair.second), pair.first)) / 2


def marginal_kl(real: np.ndarray, model: np.ndarray) -> np.ndarray:
    """One numpy.histogram per patch."""
    edges = np.concatenate(([-1000.0], np.arange(-32, 33) / 320, [1000.0]))
    found = []
    for one, other in zip(real, model, strict=True):
        p, q = ((np.histogram(values, edges)[0] + 1) / (values.size + 66) for values in (one, other))
        found.append((p * np.log(p / q)).sum())
    return np.array(found)
