"""Normalizing flows as noise models: Noise Flow, and the noise level function (NLF) as a flow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from n2nf_core.cameras import IsoKnots, OnKnots
from n2nf_core.flow.bijections import Bijection, Chain, Gain, SignalDependentScale
from n2nf_core.flow.conv1x1 import InvertibleConv1x1
from n2nf_core.flow.coupling import AffineCoupling
from n2nf_core.flow.fused import FusedChain
from n2nf_core.tiles import TILE, tiled
from n2nf_core.types import NLF, Context, check_shapes


class NoiseFlow(OnKnots):
    """log p(n | x) = log N(f(n; x); 0, I) + log |det df/dn|, with a bijection f from noise to base.

    In a batch of different cameras and ISO values, every image has the value that it has alone.

    Arguments:
        bijection: f, from noise (B, C, H, W) to base values of the same shape.
        knots: the cameras and the ISO values that the flow has parameters for.
        built_by: name of the function that builds such a flow (``kind``), and its arguments other than cameras and
            ISO values. A flow without it cannot be saved in a file; :mod:`n2nf_core.export.model_file` lists the
            functions.
    """

    def __init__(self, bijection: Bijection, knots: IsoKnots, built_by: Mapping[str, object] | None = None):
        super().__init__(knots)
        self.bijection = bijection
        self.built_by = built_by

    def forward(self, noise: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Base values z (B, C, H, W) and ladj (B,) in nats."""
        check_shapes(noise, context)
        return self.bijection(noise, context)

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        z, ladj = self(noise, context)
        return ladj - 0.5 * (z.square() + math.log(2 * math.pi)).flatten(1).sum(1)

    @torch.no_grad()
    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n = f^-1(temperature * eps; x), eps ~ N(0, I): (B, C, H, W), of the type and device of ``context.clean``.

        Arguments:
            context: clean signal, camera and ISO of B images.
            temperature: factor on the standard deviation of eps.
            generator: of eps; by default PyTorch's own for the device.

        eps is drawn for the whole frame. A frame larger than one tile is then computed tile by tile, which gives the
        same sample up to rounding and needs less memory.
        """
        clean = context.clean
        eps = torch.randn(clean.shape, generator=generator, dtype=clean.dtype, device=clean.device)
        eps *= temperature

        def inverse(eps: Tensor, clean: Tensor) -> Tensor:
            return self.from_normal(eps, context._replace(clean=clean))

        large = {} if clean.device.type == "cpu" else {"tile": 8 * TILE}  # a GPU is idle on small ones
        return tiled(inverse, eps, clean, margin=self.bijection.margin, **large)

    def from_normal(self, normal: Tensor, context: Context) -> Tensor:
        """n = f^-1(normal; x): noise (B, C, H, W) in [0, 1] units from standard normal values of the same shape."""
        return self.bijection.inverse(normal, context)

    @property
    def signal_scale(self) -> SignalDependentScale:
        """The signal-dependent layer."""
        return next(m for m in self.modules() if isinstance(m, SignalDependentScale))

    def nlf(self) -> dict[str, dict[float, NLF]]:
        """camera -> ISO knot -> shot and read, variances in [0, 1] units, with the gains included.

        They describe the whole density only where f is a signal-dependent layer and gains (:func:`nlf_flow`).
        """
        gains = [m.log_gain.detach().double() for m in self.modules() if isinstance(m, Gain)]
        factor = math.exp(2 * float(sum(gains)))
        return {
            camera: {iso: NLF(factor * shot, factor * read) for iso, (shot, read) in row.items()}
            for camera, row in self.signal_scale.nlf().items()
        }

    def start_from(self, nlf: Mapping[str, Mapping[float, tuple[float, float]]]) -> NoiseFlow:
        """Set shot and read of the signal-dependent layer, for example to a photon-transfer fit; returns self."""
        for camera, row in nlf.items():
            for iso, value in row.items():
                self.signal_scale.set_nlf(camera, iso, value)
        return self


def nlf_flow(cameras: Sequence[str], isos: Sequence[float] | Mapping[str, Sequence[float]]) -> NoiseFlow:
    """n ~ N(0, gain^2 (shot x + read)): Gaussian noise with a noise level function, as a flow.

    The layers are a signal-dependent scale (S) and a gain (G). Shot and read are learned per camera and ISO knot.

    cameras: names. isos: ISO knots of all cameras, or a mapping from camera to its own ISO knots.

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
    """f = A^steps o G o A^steps o S: Noise Flow, with S the signal-dependent scale and G the gain.

    A step A is a 1x1 convolution and then an affine coupling. The paper has four steps on either side of the gain.
    Source: Noise Flow (Abdelhamed et al., ICCV 2019), in the form of Noise2NoiseFlow (Maleky et al., CVPR 2022).

    Arguments:
        cameras: names.
        isos: ISO knots of all cameras, or a mapping from camera to its own ISO knots.
        channels: number of planes C, even.
        steps: number of steps A on either side of the gain.
        coupling: makes the coupling of one step for ``channels`` planes.

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
