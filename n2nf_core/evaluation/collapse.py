"""When the self-sample loss collapses: the denoiser becomes the identity, which can be seen on noisy pairs.

Suppose that D lets through a share a of a frame's own noise, D(y1) = x + a n1, and that the noise model fits the
residual as well as possible. Then the self-sample loss (Maleky et al., CVPR 2022, Eq. 6, with Eq. 5) is, up to a
constant,

    f(a) = log(1 - a) + lambda sigma^2 a^2        nats per dimension, sigma^2 the noise variance

It falls without bound as a -> 1. Before that it has a minimum and a maximum where a (1 - a) = 1 / (2 lambda sigma^2).
This equation has solutions only for lambda sigma^2 >= 2; the minimum lies at a <= 1/2 and the maximum at a >= 1/2.
Below lambda = 2 / sigma^2 nothing keeps the denoiser from the identity. Above it, a denoiser that has passed the
maximum goes on towards the identity. In the cross-sample loss, y1 - D(y2) contains all of n1 whatever D does, so the
likelihood term cannot fall below the entropy of the noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from n2nf_core.types import Denoiser, NoisyPair

POINT_OF_NO_RETURN = 0.5  # at a minimum of the loss, a denoiser lets through at most this share of its own noise


@torch.no_grad()
def leak(denoiser: Denoiser, pair: NoisyPair) -> Tensor:
    """a = <D(y1) - D(y2), y1 - y2> / |y1 - y2|^2: the share of a frame's own noise that D lets through, a scalar.

    The scene cancels in both differences, so no clean image is needed. The value is 1 for the identity, and 0 for a
    denoiser whose output does not depend on the noise.

    >>> rows = torch.zeros(2, dtype=torch.long), torch.full((2,), 100.0)
    >>> pair = NoisyPair(torch.ones(2, 4, 8, 8), torch.zeros(2, 4, 8, 8), *rows)
    >>> round(float(leak(lambda y: 0.25 * y, pair)), 3)
    0.25
    """
    first, second = denoiser(torch.cat((pair.first, pair.second))).chunk(2)
    difference = pair.first - pair.second
    return ((first - second) * difference).sum() / difference.square().sum()


def watch(pair: NoisyPair) -> Callable[[nn.Module, object], dict[str, float]]:
    """A function for the ``observe`` of a training run: it returns the denoiser's :func:`leak` on ``pair``.

    It moves the pair to the device of the denoiser.
    """

    def observe(denoiser: nn.Module, noise_model: object) -> dict[str, float]:
        return {"leak": float(leak(denoiser, pair.to(next(denoiser.parameters()).device)))}

    return observe


def critical_weight(noise_variance: float) -> float:
    """lambda = 2 / sigma^2, below which the self-sample loss has no minimum.

    Arguments:
        noise_variance: sigma^2, in [0, 1] units squared.

    >>> critical_weight(2.0**-15)
    65536.0
    """
    return 2 / noise_variance


def collapse_step(history: Sequence[Mapping[str, float]], floor: float) -> int | None:
    """The first step at which a training run has collapsed, or None.

    A run has collapsed if its denoiser lets through more than half of a frame's own noise, and the NLL of the residuals
    is below the entropy of the noise. One of the two is not enough: an untrained network may let noise through, and the
    NLL is slightly below the entropy if a little of the noise is missing from the residual.

    Arguments:
        history: rows with step, leak and nll_nats_per_dim.
        floor: the entropy of the noise, nats per dimension.

    >>> rows = [{"step": k, "leak": 0.7, "nll_nats_per_dim": nll} for k, nll in ((10, -1.0), (20, -3.0))]
    >>> collapse_step(rows, floor=-2.5), collapse_step(rows[:1], floor=-2.5)
    (20, None)
    """
    found = (r["step"] for r in history if r["leak"] > POINT_OF_NO_RETURN and r["nll_nats_per_dim"] < floor)
    return next(found, None)
