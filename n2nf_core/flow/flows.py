"""Normalizing flows as noise models: Noise Flow (S-A4-G-A4) and the NLF as a flow (S-G)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from n2nf_core.cameras import NLF, IsoKnots, OnKnots
from n2nf_core.flow.bijections import Bijection, Chain, Gain, SignalDependentScale
from n2nf_core.flow.conv1x1 import InvertibleConv1x1
from n2nf_core.flow.coupling import AffineCoupling
from n2nf_core.flow.fused import FusedChain
from n2nf_core.tiles import TILE, tiled
from n2nf_core.types import Context, check_shapes


class NoiseFlow(OnKnots):
    """log p(n | x) = log N(f(n; x); 0, I) + log |det df/dn|, with a bijection f from noise to base.

    bijection: the layers, in the density direction. knots: the cameras and ISO values it was made for. built_by: the
    name of the function that builds such a flow, and its arguments beside cameras and ISO values; a flow without it
    cannot be stored in a file. A mixed batch gives exactly what its rows give alone.
    """

    def __init__(self, bijection: Bijection, knots: IsoKnots, built_by: Mapping[str, object] | None = None):
        super().__init__(knots)
        self.bijection = bijection
        self.built_by = built_by

    def forward(self, noise: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Latents z (B, C, H, W) and ladj (B,) in nats."""
        check_shapes(noise, context)
        return self.bijection(noise, context)

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        z, ladj = self(noise, context)
        return ladj - 0.5 * (z.square() + math.log(2 * math.pi)).flatten(1).sum(1)

    @torch.no_grad()
    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n = f^-1(temperature * eps; x), eps ~ N(0, I): (B, C, H, W), of the context's type and device.

        Frames larger than one tile are drawn tile by tile, from eps of the whole frame: the same sample, in the memory
        of clean, eps, sample and one tile.
        """
        clean = context.clean
        eps = torch.randn(clean.shape, generator=generator, dtype=clean.dtype, device=clean.device)
        eps *= temperature

        def inverse(eps: Tensor, clean: Tensor) -> Tensor:
            return self.bijection.inverse(eps, context._replace(clean=clean))

        large = {} if clean.device.type == "cpu" else {"tile": 8 * TILE}  # a GPU is idle on small ones
        return tiled(inverse, eps, clean, margin=self.bijection.margin, **large)

    @property
    def signal_scale(self) -> SignalDependentScale:
        """The signal-dependent layer."""
        return next(m for m in self.modules() if isinstance(m, SignalDependentScale))

    def nlf(self) -> dict[str, dict[float, NLF]]:
        """Shot and read of every camera and knot, gains included; the whole density only where f is S-G."""
        gains = [m.log_gain.detach().double() for m in self.modules() if isinstance(m, Gain)]
        factor = math.exp(2 * float(sum(gains)))
        return {
            camera: {iso: NLF(factor * shot, factor * read) for iso, (shot, read) in row.items()}
            for camera, row in self.signal_scale.nlf().items()
        }

    def start_from(self, nlf: Mapping[str, Mapping[float, NLF]]) -> NoiseFlow:
        """Set the signal-dependent layer, for instance to a photon-transfer estimate; returns self."""
        for camera, row in nlf.items():
            for iso, value in row.items():
                self.signal_scale.set_nlf(camera, iso, value)
        return self


def nlf_flow(cameras: Sequence[str], isos: Sequence[float] | Mapping[str, Sequence[float]]) -> NoiseFlow:
    """S-G: n ~ N(0, gain^2 (shot x + read)), the heteroscedastic Gaussian as a flow.

    cameras: names. isos: ISO knots for all cameras, or a mapping from camera to its own.

    >>> flow = nlf_flow(["S6"], [100, 800])
    >>> context = flow.context(torch.full((2, 4, 6, 10), 0.5), "S6", [100, 300])
    >>> flow.log_prob(flow.sample(context), context).shape
    torch.Size([2])
    """
    knots = IsoKnots(cameras, isos)
    return NoiseFlow(Chain([SignalDependentScale(knots), Gain()]), knots, {"kind": "nlf_flow"})


def noise_flow(
    cameras: Sequence[str],
    isos: Sequence[float] | Mapping[str, Sequence[float]],
    channels: int = 4,
    steps: int = 4,
    coupling: Callable[[int], Bijection] = AffineCoupling,
) -> NoiseFlow:
    """S-A4-G-A4: Noise Flow with ``steps`` of A = 1x1 convolution, affine coupling on either side of the gain.

    cameras: names. isos: ISO knots for all cameras, or a mapping from camera to its own. channels: even.
    coupling: makes the coupling of a step for that many channels.
    Noise Flow (Abdelhamed et al., ICCV 2019), in the form of Noise2NoiseFlow (Maleky et al., CVPR 2022).

    >>> flow = noise_flow(["S6", "IP"], [100, 800])
    >>> context = flow.context(torch.full((2, 4, 6, 10), 0.5), ["IP", "S6"], 100)
    >>> flow.sample(context).shape
    torch.Size([2, 4, 6, 10])
    """
    knots = IsoKnots(cameras, isos)

    def steps_of_a() -> list[Bijection]:
        return [layer for _ in range(steps) for layer in (InvertibleConv1x1(channels), coupling(channels))]

    chain = FusedChain([SignalDependentScale(knots), *steps_of_a(), Gain(), *steps_of_a()])
    other = {name: value for name, value in (("channels", channels), ("steps", steps)) if value != 4}
    return NoiseFlow(chain, knots, {"kind": "noise_flow"} | other if coupling is AffineCoupling else None)
