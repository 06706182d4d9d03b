"""Shot and read noise recovered from pairs, compared with the known truth and with the best that is possible.

Read noise is visible only where shot * signal is smaller than it. If a camera has little read noise, no pixel of a lit
frame is that dark. A frame taken with the lens cap on contains read noise only. There the estimate depends on the
signal at which the variance is looked up: an error of D that is invisible in a lit frame is far more than read / shot
in a dark one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from n2nf_core.bursts import Burst
from n2nf_core.evaluation.denoiser_scores import network
from n2nf_core.types import NLF


def cramer_rao(signal: Tensor, nlf: NLF) -> NLF:
    """The least standard errors of shot and read that differences of pairs at a known signal allow.

    The information is 1/2 sum over pixels of (x, 1)(x, 1)^T / v^2 with v = shot x + read. Its inverse bounds the
    covariance of every unbiased estimate.

    Arguments:
        signal: x, one value per pixel of a pair, any shape, [0, 1] units.
        nlf: the true noise level function, variances in [0, 1] units squared.

    >>> round(cramer_rao(torch.linspace(-1, 1, 200), NLF(0.0, 1.0)).read, 3)  # sqrt(2 / 200)
    0.1
    """
    x = signal.double().flatten()
    design = torch.stack((x, torch.ones_like(x)), 1) / (nlf.shot * x + nlf.read)[:, None]
    scale = torch.tensor([nlf.shot, nlf.read], dtype=torch.float64).clamp(min=1e-12)  # scaled: they can differ a lot
    covariance = torch.linalg.inv((design * scale).T @ (design * scale) / 2)
    return NLF(*(covariance.diagonal().sqrt() * scale).tolist())


def maximum_likelihood(signal: Tensor, difference: Tensor, start: NLF, iterations: int = 20) -> NLF:
    """The NLF under which (y1 - y2) / sqrt(2) ~ N(0, shot max(x, 0) + read) is most likely, found by Fisher scoring.

    At the known signal this is the best estimate that pairs allow (:func:`cramer_rao`). At D's estimate of the signal,
    it is what training with ``losses.pair_difference`` converges to. Shot and read stay positive.

    Arguments:
        signal: x or an estimate of it, any shape, [0, 1] units.
        difference: y1 - y2, of the same shape and unit.
        start: initial values, positive, variances in [0, 1] units squared.
        iterations: number of steps of Fisher scoring.
    """
    x, squares = signal.double().flatten().clamp(min=0), difference.double().flatten().square() / 2
    regressors, nlf = torch.stack((x, torch.ones_like(x)), 1), torch.tensor(start, dtype=torch.float64)
    for _ in range(iterations):
        variance = regressors @ nlf
        scale = nlf.clone()  # shot and read can differ by orders of magnitude
        design = regressors * scale / variance[:, None]
        new = scale * torch.linalg.solve(design.T @ design, design.T @ (squares / variance))
        nlf = new.maximum(nlf / 4)
    return NLF(*nlf.tolist())


@torch.no_grad()
def error_by_signal(denoiser: nn.Module, bursts: Sequence[Burst], bins: int = 8) -> list[dict[str, float]]:
    """Mean squared error of D along the signal, estimated from pairs alone and measured against the clean frames.

    The estimate is ((y1 - D(y2))^2 + (y2 - D(y1))^2 - (y1 - y2)^2) / 2. Pixels are sorted by (D(y1) + D(y2)) / 2 and
    averaged over bins.

    Arguments:
        denoiser: D, (B, 4, h, w) -> (B, 4, h, w) in [0, 1] units.
        bursts: bursts with a known clean signal or at least a good reference.
        bins: number of bins, which hold equally many pixels.

    Returns one row per bin: signal, estimated_from_pairs, its standard error estimated_error, and against_clean.
    """
    parts = []
    for burst in bursts:
        first, second = burst.planes([0, 1]).double().unbind()
        d1, d2 = network(denoiser)(burst)[:2].double().unbind()
        clean = burst.reference(0)[0].double()
        pairs = ((first - d2).square() + (second - d1).square() - (first - second).square()) / 2
        known = ((d1 - clean).square() + (d2 - clean).square()) / 2
        parts.append(torch.stack(((d1 + d2) / 2, pairs, known)).flatten(1))
    signal, pairs, known = torch.cat(parts, 1)
    return [
        {
            "signal": float(signal[part].mean()),
            "estimated_from_pairs": float(pairs[part].mean()),
            "estimated_error": float(pairs[part].std() / len(part) ** 0.5),
            "against_clean": float(known[part].mean()),
        }
        for part in signal.argsort().chunk(bins)
    ]
