"""Affine coupling with the convolutional conditioner of Noise Flow."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from n2nf_core.flow.bijections import Bijection
from n2nf_core.types import Context


class Conditioner(nn.Module):
    """(shift, r) = CNN(a): 3x3 conv, ReLU, 1x1 conv, ReLU, 3x3 conv with a border channel, times exp(3 logs).

    The input a is (B, C/2, H, W); shift and r are (B, C/2, H, W) each. The last convolution also sees an indicator
    channel, which is 1 on the frame of one pixel that pads the image and 0 inside. It tells the convolution which
    pixels are padding. The output starts at zero. Source: Noise Flow (Abdelhamed et al., ICCV 2019), but without its
    batch normalisation. With batch statistics, the value for one image would depend on the other images in the batch,
    so it would not be a density. In evaluation mode batch normalisation is an affine map, which the convolutions can
    express.

    Arguments:
        channels: number of planes C, even.
        width: channels of the hidden layers.
        norm: makes a normalisation layer for ``width`` channels, before each ReLU; none by default. ``nn.BatchNorm2d``
            gives the original conditioner, for comparison.
    """

    def __init__(self, channels: int, width: int = 4, norm: Callable[[int], nn.Module] = nn.Identity):
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Conv2d(half, width, 3, padding=1)
        self.norm1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 1)
        self.norm2 = norm(width)
        self.conv3 = nn.Conv2d(width + 1, channels, 3)
        self.logs = nn.Parameter(torch.zeros(channels))
        nn.init.zeros_(self.conv3.weight)
        nn.init.zeros_(self.conv3.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.norm1(self.conv1(x)))
        hidden = F.relu(self.norm2(self.conv2(hidden)))
        # the indicator is the same for every image, so its share of the output is computed once
        border = F.pad(x.new_zeros(1, 1, *x.shape[2:]), (1, 1, 1, 1), value=1.0)
        weight, edge_weight = self.conv3.weight[:, :-1], self.conv3.weight[:, -1:]
        out = F.conv2d(hidden, weight, padding=1) + F.conv2d(border, edge_weight, self.conv3.bias)
        return (out * torch.exp(3 * self.logs)[:, None, None]).chunk(2, 1)


class AffineCoupling(Bijection):
    """z_a = x_a, z_b = x_b * exp(l(x_a)) + t(x_a), l = scale * tanh(r), ladj = sum l  (RealNVP; Noise Flow).

    The first half of the channels (a) is not changed; shift t and log-scale l of the second half (b) are computed from
    it. ``scale`` is a learned scalar. The conditioner's output starts at zero, so the layer starts as the identity.
    ValueError for an odd number of channels.

    Arguments:
        channels: number of planes C, even.
        width: channels of the conditioner's hidden layers.
        norm: the conditioner's normalisation, see :class:`Conditioner`.
    """

    margin = 2  # two 3x3 convolutions

    def __init__(self, channels: int, width: int = 4, norm: Callable[[int], nn.Module] = nn.Identity):
        super().__init__()
        if channels % 2:
            raise ValueError(f"an affine coupling needs an even number of channels, got {channels}")
        self.conditioner = Conditioner(channels, width, norm)
        self.scale = nn.Parameter(torch.tensor(1e-4))

    def _parts(self, first: Tensor) -> tuple[Tensor, Tensor]:
        shift, raw = self.conditioner(first)
        return shift, self.scale * torch.tanh(raw)

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        first, second = x.chunk(2, 1)
        shift, log_scale = self._parts(first)
        z = torch.cat((first, second * torch.exp(log_scale) + shift), 1)
        return z, log_scale.flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        first, second = z.chunk(2, 1)
        shift, log_scale = self._parts(first)
        return torch.cat((first, (second - shift) * torch.exp(-log_scale)), 1)
