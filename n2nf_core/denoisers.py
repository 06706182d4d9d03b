"""Denoisers: DnCNN, the U-Net of Noise2Noise and a linear filter, for images of any height and width."""

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
    """D(y) = W * y: one linear filter over all planes, with reflected borders.

    The buffer ``scale``, a scalar, is the root mean square of the images that W was fitted to. A network that uses this
    filter as its skip divides its input by the scale. Without that, a network cannot learn from a dark scene, because
    the first training step already changes the biases by far more than the signal.

    channels: number of planes C. size: odd side of the filter in pixels.
    """

    def __init__(self, channels: int = 4, size: int = 3):
        super().__init__(channels, channels, size, padding=size // 2, padding_mode="reflect", bias=False)
        self.register_buffer("scale", torch.ones(()))


def _fixed(skip: LinearSkip | None, last: nn.Conv2d) -> nn.Module:
    """The skip of a network, which is not trained. With a given skip, the network's last convolution starts at zero."""
    if skip is None:
        return nn.Identity()
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return skip.requires_grad_(False)


def _corrected(skip: nn.Module, residual: Callable[[Tensor], Tensor], noisy: Tensor) -> Tensor:
    """skip(y) - s f(y / s), where s is the skip's scale."""
    with torch.autocast(noisy.device.type, enabled=False):  # bfloat16 would round the image
        start = skip(noisy)
    if not isinstance(skip, LinearSkip):
        return start - residual(noisy).to(noisy.dtype)
    return start - skip.scale * residual(noisy / skip.scale).to(noisy.dtype)


class DnCNN(nn.Module):
    """D(y) = skip(y) - s f(y / s), where f is a stack of 3x3 convolutions with ReLU between them.

    Input and output are (B, C, H, W) in [0, 1] units; the output is not clipped. Without ``skip``, D(y) = y - f(y) as
    in DnCNN (Zhang et al., TIP 2017). The weights start orthogonal. ValueError for fewer than 2 layers.

    Arguments:
        channels: number of planes C.
        layers: number of convolutions, at least 2.
        features: channels of the hidden layers.
        norm: makes the normalisation layer for ``features`` channels, after every convolution but the first and last.
        skip: a linear filter with its scale s, fitted by :func:`linear_skip`. It is not trained further, and f starts
            at zero. With it, f need not reproduce the noise, which helps at a low signal-to-noise ratio.

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
            raise ValueError(f"DnCNN needs at least 2 layers, got {layers}: the first and the last convolution")
        body: list[nn.Module] = [nn.Conv2d(channels, features, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(layers - 2):
            after = norm(features)
            plain = isinstance(after, nn.Identity)  # then the convolution needs a bias; a normalisation has its own
            body += [nn.Conv2d(features, features, 3, padding=1, bias=plain), after, nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*body, nn.Conv2d(features, channels, 3, padding=1, bias=False))
        self.apply(_orthogonal)
        self.skip = _fixed(skip, self.body[-1])
        # an output pixel depends on no input pixel that is farther away than this
        self.margin = layers + (0 if skip is None else max(skip.kernel_size) // 2)
        self.multiple = 1

    def forward(self, noisy: Tensor) -> Tensor:
        return _corrected(self.skip, self.body, noisy)


def linear_skip(pairs: Iterable[NoisyPair], size: int = 3) -> LinearSkip:
    """W = argmin sum w |W * y1 - y2|^2 over both directions: the best linear denoiser for pairs, in closed form.

    This is the linear case of Noise2Noise. The filter is close to a Wiener filter where the noise is strong, and close
    to the identity where it is weak. Every image has the weight w = 1 / mean (y1 - y2)^2, so that images with little
    noise count as much as noisy ones. The filter's scale is the root mean square of all images.

    pairs: a finite number of batches, images (B, C, H, W) in [0, 1] units. size: odd side of the filter in pixels.
    ValueError where there are no pairs.
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
        raise ValueError("linear_skip needs at least one batch of pairs, but the iterable is empty")
    ridge = 1e-6 * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    with torch.random.fork_rng(devices=[]):  # making the layer draws random weights, which are replaced below
        conv = LinearSkip(target.shape[1], size)
    conv.weight.data.copy_(torch.linalg.solve(gram + ridge, target).T.view_as(conv.weight))
    conv.scale.copy_(torch.stack(squares).mean().sqrt().clamp(min=1e-12))
    return conv


class UNet(nn.Module):
    """D(y) = skip(y) - s f(y / s), where f is the U-Net of Noise2Noise (Lehtinen et al., ICML 2018, Appendix).

    Input and output are (B, C, H, W) in [0, 1] units, of any H and W; the output is not clipped. f is given the input
    padded to a multiple of 2^depth, by reflection, or with edge values where the image is too small for that. f uses
    nearest upsampling and leaky ReLU of slope 0.1. The original U-Net predicts the image itself; here f predicts a
    correction, because raw noise is small compared with the signal.

    Arguments:
        channels: number of planes C.
        features: channels of the downward path; the upward path has twice as many.
        depth: number of times that the resolution is halved.
        skip: as for :class:`DnCNN`.
    """

    def __init__(self, channels: int = 4, features: int = 48, depth: int = 5, skip: LinearSkip | None = None):
        super().__init__()
        self.depth = depth
        self.multiple = 2**depth  # tiles start at a multiple, so that they are pooled as the whole frame is
        # the convolutions reach 4 * 2^depth - 1 pixels and pooling one cell more; a linear skip reaches less
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
