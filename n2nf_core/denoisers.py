"""Denoisers: DnCNN and the U-Net of Noise2Noise, for any even number of planes and any H and W."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from n2nf_core.types import NoisyPair


def _orthogonal(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.orthogonal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class LinearSkip(nn.Conv2d):
    """W * y with reflected border, an odd ``size``; ``scale`` (): the unit in which a network beside it sees y.

    The scale is the root mean square of the images that W was fitted to. Without it a network cannot learn from a scene
    in the dark: its first step moves biases by the learning rate, which is far more than the signal.
    """

    def __init__(self, channels: int = 4, size: int = 3):
        super().__init__(channels, channels, size, padding=size // 2, padding_mode="reflect", bias=False)
        self.register_buffer("scale", torch.ones(()))


def _fixed(skip: LinearSkip | None, last: nn.Conv2d) -> nn.Module:
    """The skip of a network, not trained; with one of its own, the network's last convolution starts at zero."""
    if skip is None:
        return nn.Identity()
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return skip.requires_grad_(False)


def _corrected(skip: nn.Module, residual: Callable[[Tensor], Tensor], noisy: Tensor) -> Tensor:
    """skip(y) - s f(y / s), s the skip's scale."""
    with torch.autocast(noisy.device.type, enabled=False):  # bfloat16 would round the image itself
        start = skip(noisy)
    if not isinstance(skip, LinearSkip):
        return start - residual(noisy).to(noisy.dtype)
    return start - skip.scale * residual(noisy / skip.scale).to(noisy.dtype)


class DnCNN(nn.Module):
    """D(y) = skip(y) - s f(y / s), f a plain stack of 3x3 convolutions  (Zhang et al., TIP 2017: skip is y, s is 1).

    layers convolutions of ``features`` channels with ReLU between them and ``norm(features)`` after each but
    the first and last; orthogonal initialisation. skip: a map of the input that f corrects, and its scale s, fixed in
    training; :func:`linear_skip` fits one to pairs, which at low signal-to-noise ratio saves f from having to reproduce
    the noise. Then f starts at zero. (B, C, H, W) -> (B, C, H, W), in [0, 1] units, not clipped.

    >>> DnCNN(layers=3, features=8)(torch.rand(2, 4, 7, 10)).shape
    torch.Size([2, 4, 7, 10])
    """

    def __init__(
        self,
        channels: int = 4,
        layers: int = 9,
        features: int = 64,
        norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
        skip: LinearSkip | None = None,
    ):
        super().__init__()
        if layers < 2:
            raise ValueError(f"DnCNN needs at least 2 layers, got {layers}")
        body: list[nn.Module] = [nn.Conv2d(channels, features, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(layers - 2):
            after = norm(features)
            plain = isinstance(after, nn.Identity)  # without a norm the convolution carries the bias
            body += [nn.Conv2d(features, features, 3, padding=1, bias=plain), after, nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*body, nn.Conv2d(features, channels, 3, padding=1, bias=False))
        self.apply(_orthogonal)
        self.skip = _fixed(skip, self.body[-1])
        self.margin = layers + (0 if skip is None else max(skip.kernel_size) // 2)  # pixels that one depends on
        self.multiple = 1

    def forward(self, noisy: Tensor) -> Tensor:
        return _corrected(self.skip, self.body, noisy)


def linear_skip(pairs: Iterable[NoisyPair], size: int = 3) -> LinearSkip:
    """The best linear denoiser that pairs allow, in closed form: W = argmin sum w |W * y1 - y2|^2, both directions.

    The linear case of Noise2Noise: it tends to a Wiener filter where noise is strong and to the identity where it is
    weak. Images weigh w = 1 / mean (y1 - y2)^2, so that quiet cameras count as much as noisy ones. pairs: a finite
    number of batches. size: odd side of the filter, which sees all channels. Its scale is the images' root mean square.
    """
    gram = target = None
    squares: list[Tensor] = []
    for pair in pairs:
        squares.append((pair.first.square().mean() + pair.second.square().mean()) / 2)
        weight = 1 / (pair.first - pair.second).square().mean((1, 2, 3), keepdim=True).clamp(min=1e-20)
        for y1, y2 in ((pair.first, pair.second), (pair.second, pair.first)):
            columns = F.unfold(y1 * weight.sqrt(), size).transpose(1, 2).flatten(0, 1).double()
            inner = (y2 * weight.sqrt())[..., size // 2 : -(size // 2) or None, size // 2 : -(size // 2) or None]
            goal = inner.flatten(2).transpose(1, 2).flatten(0, 1).double()
            gram = columns.T @ columns + (0 if gram is None else gram)
            target = columns.T @ goal + (0 if target is None else target)
    if gram is None:
        raise ValueError("linear_skip needs at least one batch of pairs")
    ridge = 1e-6 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    with torch.random.fork_rng(devices=[]):  # its first weights are drawn, and not kept
        conv = LinearSkip(target.shape[1], size)
    conv.weight.data.copy_(torch.linalg.solve(gram + ridge, target).T.view_as(conv.weight))
    conv.scale.copy_(torch.stack(squares).mean().sqrt().clamp(min=1e-12))
    return conv


class UNet(nn.Module):
    """D(y) = skip(y) - s f(y / s), f the U-Net of Noise2Noise (Lehtinen et al., ICML 2018, Appendix).

    ``depth`` halvings with ``features`` channels going down, 2 * features going up, nearest upsampling, leaky
    ReLU of slope 0.1. Any H and W: the input is padded by reflection (edge values where it is too small) to a
    multiple of 2^depth and cropped back. The residual form is ours: raw noise is small against the signal. skip: as
    in :class:`DnCNN`, by default y.
    """

    def __init__(self, channels: int = 4, features: int = 48, depth: int = 5, skip: LinearSkip | None = None):
        super().__init__()
        self.depth = depth
        self.multiple = 2**depth  # tiles that start elsewhere would be pooled otherwise
        # 4 * 2^depth - 1 pixels through all convolutions, and one pooling cell; a linear skip sees less
        self.margin = 5 * self.multiple
        self.stem = nn.Conv2d(channels, features, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(features, features, 3, padding=1) for _ in range(depth + 1))
        up = []
        for level in range(depth):
            inputs = features if level == 0 else 2 * features
            beside = channels if level == depth - 1 else features
            up.append(
                nn.Sequential(
                    nn.Conv2d(inputs + beside, 2 * features, 3, padding=1),
                    nn.LeakyReLU(0.1),
                    nn.Conv2d(2 * features, 2 * features, 3, padding=1),
                    nn.LeakyReLU(0.1),
                )
            )
        self.up = nn.ModuleList(up)
        self.head = nn.Conv2d(2 * features if depth else features, channels, 3, padding=1)
        self.apply(_orthogonal)
        self.skip = _fixed(skip, self.head)

    def forward(self, noisy: Tensor) -> Tensor:
        height, width = noisy.shape[2:]
        tall, wide = -height % 2**self.depth, -width % 2**self.depth
        mode = "reflect" if tall < height and wide < width else "replicate"

        def residual(y: Tensor) -> Tensor:
            return self._residual(F.pad(y, (0, wide, 0, tall), mode=mode))[..., :height, :width]

        return _corrected(self.skip, residual, noisy)

    def _residual(self, x: Tensor) -> Tensor:
        skips = [x]
        x = F.leaky_relu(self.stem(x), 0.1)
        for conv in self.down[:-1]:
            x = F.max_pool2d(F.leaky_relu(conv(x), 0.1), 2)
            skips.append(x)
        skips.pop()
        x = F.leaky_relu(self.down[-1](x), 0.1)
        for block in self.up:
            x = block(torch.cat((F.interpolate(x, scale_factor=2, mode="nearest"), skips.pop()), 1))
        return self.head(x)
