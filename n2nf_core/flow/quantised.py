"""Likelihoods of integer data: the density after uniform noise was added, or the exact mass of a bin.

A camera's DN are integers. A density has no honest value on them where the noise is narrower than about half a DN: a
model can put ever narrower peaks on the integers. Two numbers are honest, and they are not the same:

    uniform   -E log p(n + d v), v uniform in (-1/2, 1/2)      a density, nats per dimension in [0, 1] units
    exact     -log of the integral of p over the bin           a mass, nats per dimension

with d the size of one DN in [0, 1] units, 1 / (white - black) (:attr:`n2nf_core.bursts.Burst.step`). They compare as
uniform - log d >= exact by Jensen's inequality (Theis et al., A note on the evaluation of generative models, 2016). The
uniform kind works with every model, and the model can be trained with it. The exact kind needs independent pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.flow.bijections import Bijection, Chain, ConditionalScale
from n2nf_core.flow.flows import NoiseFlow
from n2nf_core.flow.mixture import MixtureCDF
from n2nf_core.types import Context, NoiseModel


def dequantise(noise: Tensor, step: float | Tensor, generator: torch.Generator | None = None) -> Tensor:
    """n + d v, v uniform in (-1/2, 1/2): integer data spread evenly over their bins.

    Arguments:
        noise: (B, C, H, W), noise or an image of integer DN, in [0, 1] units.
        step: d, one DN in [0, 1] units, as a number or of a shape that broadcasts.
        generator: of v; by default PyTorch's own for the device.
    """
    uniform = torch.rand(noise.shape, generator=generator, dtype=noise.dtype, device=noise.device)
    return noise + step * (uniform - 0.5)


def log_bin_mass(flow: NoiseFlow, noise: Tensor, context: Context, step: float | Tensor) -> Tensor:
    """log P(n), P(n) = integral of p from n - d/2 to n + d/2 at every pixel: (B,) in nats, exact.

    With an elementwise, increasing f it is log(Phi(f(n + d/2)) - Phi(f(n - d/2))), summed over the pixels.

    Arguments:
        flow: of scales, gains and mixtures alone, such as ``nlf_flow()`` builds.
        noise: (B, C, H, W), n in [0, 1] units: integer DN minus the clean signal.
        context: clean signal, camera and ISO of the B images.
        step: d, one DN in [0, 1] units, as a number or of a shape that broadcasts.

    TypeError for a flow with a layer that is not elementwise.
    """
    mixing = _mixing_layer(flow.bijection)
    if mixing is not None:
        raise TypeError(
            f"the mass of a bin needs a flow whose pixels are independent, but it has a {type(mixing).__name__}: "
            "use dequantise() with this flow"
        )
    low, high = (flow(noise + sign * step / 2, context)[0] for sign in (-1, 1))
    low, high = torch.where(low > 0, -high, low), torch.where(low > 0, -low, high)  # the same mass in the lower tail
    below, above = torch.special.log_ndtr(low), torch.special.log_ndtr(high)
    return (above + torch.log(-torch.expm1(below - above))).flatten(1).sum(1)


def _mixing_layer(bijection: Bijection) -> Bijection | None:
    """The first layer that is not elementwise, or None."""
    layers = bijection.layers if isinstance(bijection, Chain) else [bijection]
    return next((layer for layer in layers if not isinstance(layer, (ConditionalScale, MixtureCDF))), None)


class IntegerNLL(NamedTuple):
    """Both kinds of NLL of integer data, in nats per dimension; they are not to be compared with one another.

    Arguments:
        uniform: of the density, after uniform noise was added, in [0, 1] units.
        exact: of the mass of a bin; None for a model whose pixels are not independent.
    """

    uniform: Tensor
    exact: Tensor | None


def integer_nll(
    model: NoiseModel,
    noise: Tensor,
    context: Context,
    step: float | Tensor,
    generator: torch.Generator | None = None,
) -> IntegerNLL:
    """The NLL of integer data, by both kinds where the model has both: scalars, means over the B images.

    Arguments:
        model: any noise model; those of :func:`log_bin_mass` have the exact kind as well.
        noise: (B, C, H, W), integer DN minus the clean signal, in [0, 1] units.
        context: clean signal, camera and ISO of the B images.
        step: one DN in [0, 1] units.
        generator: of the uniform noise.
    """
    count = noise[0].numel()
    uniform = -model.log_prob(dequantise(noise, step, generator), context).mean() / count
    if not isinstance(model, NoiseFlow) or _mixing_layer(model.bijection) is not None:
        return IntegerNLL(uniform, None)
    return IntegerNLL(uniform, -log_bin_mass(model, noise, context, step).mean() / count)
