"""The likelihood of integer data that is exact: the mass that a density has in a bin.

A camera's DN are integers. A density has no honest value on them where the noise is narrower than about half a DN: a
model can put ever narrower peaks on the integers. Two numbers are honest, and they are not the same:

    uniform   -E log p(n + d v), v uniform in (-1/2, 1/2)      a density, nats per dimension in [0, 1] units
    exact     -log of the integral of p over the bin           a mass, nats per dimension

with d the size of one DN in [0, 1] units, 1 / (white - black) (:attr:`n2nf_core.bursts.Burst.step`). They compare as
uniform - log d >= exact by Jensen's inequality (Theis et al., A note on the evaluation of generative models, 2016). The
uniform kind is the NLL on :func:`n2nf_core.bursts.dequantised` bursts. It works with every model, and a model can be
trained with it. The exact kind is that of the same model on the integer frames, and needs independent pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from n2nf_core.flow.bijections import Bijection, Chain, ConditionalScale
from n2nf_core.flow.flows import NoiseFlow
from n2nf_core.flow.mixture import MixtureCDF
from n2nf_core.types import Context


def log_bin_mass(flow: NoiseFlow, noise: Tensor, context: Context, step: float | Tensor) -> Tensor:
    """log P(n), P(n) = integral of p from n - d/2 to n + d/2 at every pixel: (B,) in nats, exact.

    With an elementwise, increasing f it is log(Phi(f(n + d/2)) - Phi(f(n - d/2))), summed over the pixels.

    Arguments:
        flow: of scales, gains and mixtures alone, such as ``nlf_flow()`` builds.
        noise: (B, C, H, W), n in [0, 1] units: integer DN minus the clean signal.
        context: clean signal, camera and ISO of the B images.
        step: d, one DN in [0, 1] units, as a number or of a shape that broadcasts. Where n is scaled, d is, too
            (``step`` of :class:`n2nf_core.evaluation.HeldOut`).

    TypeError for a flow with a layer that is not elementwise.
    """
    mixing = _mixing_layer(flow.bijection)
    if mixing is not None:
        raise TypeError(
            f"the mass of a bin needs a flow whose pixels are independent, but it has a {type(mixing).__name__}: "
            "score this flow on dequantised bursts"
        )
    low, high = (flow(noise + sign * step / 2, context)[0] for sign in (-1, 1))
    low, high = torch.where(low > 0, -high, low), torch.where(low > 0, -low, high)  # the same mass in the lower tail
    below, above = torch.special.log_ndtr(low), torch.special.log_ndtr(high)
    return (above + torch.log(-torch.expm1(below - above))).flatten(1).sum(1)


def _mixing_layer(bijection: Bijection) -> Bijection | None:
    """The first layer that is not elementwise, or None."""
    layers = bijection.layers if isinstance(bijection, Chain) else [bijection]
    return next((layer for layer in layers if not isinstance(layer, (ConditionalScale, MixtureCDF))), None)
