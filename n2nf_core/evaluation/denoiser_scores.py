"""What is reported of denoisers on held-out frames: PSNR and SSIM, with intervals, and the error that pairs reveal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from n2nf_core import metrics, tiles
from n2nf_core.bursts import Burst
from n2nf_core.evaluation.scores import interval

Denoise = Callable[[Burst], Tensor]
"""A burst -> its frames, each denoised on its own, (T, 4, h, w) in [0, 1] units. Scores ask for one frame at a time."""


def network(denoiser: torch.nn.Module) -> Denoise:
    """A network as a :data:`Denoise`. It is applied in evaluation mode, frame by frame and in tiles."""

    def denoise(burst: Burst) -> Tensor:
        denoiser.eval()
        return torch.cat([tiles.denoise(denoiser, burst.planes(t)) for t in range(len(burst))])

    return denoise


def noisy(burst: Burst) -> Tensor:
    """The noisy frames, not denoised: the baseline that every denoiser must beat."""
    return burst.planes(range(len(burst)))


def frame_scores(denoise: Denoise, bursts: Sequence[Burst]) -> tuple[dict[str, Tensor], Tensor]:
    """PSNR (dB) and SSIM of every frame against its reference, and the group of every frame for intervals.

    Where the reference is the mean of the other T - 1 frames, its own noise is subtracted from the squared error:
    E |D(y) - m|^2 = E |D(y) - x|^2 + s2 / (T - 1), with the variance s2 of the burst over time. What is left counts as
    at least 1 % of s2 / (T - 1), because less is lost in chance. SSIM is that against the noisy reference. It
    is left out where a burst has planes of fewer than 11 x 11 pixels.

    The data range is 1. A group is a burst. For a single burst a group is a frame. These frames share a scene, so the
    interval then says nothing about other scenes.

    Arguments:
        denoise: the denoiser.
        bursts: held-out bursts.

    Returns the values ``psnr_db`` and ``ssim``, (frames,) each, and the groups (frames,).
    """
    with_ssim = min(min(burst.shape[2:]) for burst in bursts) >= metrics.SSIM_WINDOW
    psnr, ssim, group = [], [], []
    local = partial(metrics.ssim_map, data_range=1.0)  # the margin makes the smallest tile large enough
    for number, burst in enumerate(bursts):
        error, own = [], []
        for t in range(len(burst)):
            estimate, truth = denoise(burst.frame(t)), burst.reference(t)
            error.append(metrics.psnr(estimate, truth, data_range=1.0))
            if with_ssim:
                ssim.append(tiles.tiled(local, estimate, truth, margin=2 * metrics.SSIM_REACH).mean((1, 2, 3)))
            own.append(_squares(burst.planes(t), truth))
            group.append(number if len(bursts) > 1 else t)
        noise = sum(own) / len(own) / len(own) if burst.clean is None else 0.0
        error = 10 ** (-torch.cat(error) / 10)
        psnr.append(-10 * (error - noise).clamp(min=0.01 * noise).log10())
    values = {"psnr_db": torch.cat(psnr)} | ({"ssim": torch.cat(ssim)} if with_ssim else {})
    return values, torch.tensor(group)


def score_denoisers(denoisers: Mapping[str, Denoise], bursts: Sequence[Burst]) -> dict[str, dict]:
    """Means of :func:`frame_scores` for every denoiser, with their 95 % intervals over groups."""
    rows = {}
    for name, denoise in denoisers.items():
        values, group = frame_scores(denoise, bursts)
        row = rows[name] = {}
        for key, value in values.items():
            row[key], row[f"{key}_interval"] = interval(value, group)
    return rows


def psnr_gain(denoise: Denoise, other: Denoise, bursts: Sequence[Burst]) -> tuple[float, list[float]]:
    """PSNR(denoise) - PSNR(other) in dB, paired by frame, with its 95 % interval. Above 0 the first one is better.

    Arguments:
        denoise: the denoiser.
        other: the denoiser to compare with.
        bursts: held-out bursts.
    """
    (first, group), (second, _) = frame_scores(denoise, bursts), frame_scores(other, bursts)
    return interval(first["psnr_db"] - second["psnr_db"], group)


@torch.no_grad()
def denoiser_error(denoiser: torch.nn.Module, bursts: Sequence[Burst]) -> dict[str, float]:
    """Mean squared error of D: from pairs, as |D(y1) - y2|^2 - |y1 - y2|^2 / 2, and against the reference.

    The first two frames of every burst are used, for the estimate from pairs in both directions. The error against the
    reference is left out if a burst has no clean signal.

    Arguments:
        denoiser: D, (B, 4, h, w) -> (B, 4, h, w) in [0, 1] units.
        bursts: held-out bursts.

    Returns noise_variance, estimated_from_pairs and against_clean, in [0, 1] units squared.
    """
    sums = {"noise_variance": 0.0, "estimated_from_pairs": 0.0, "against_clean": 0.0}
    for burst in bursts:
        first, second = burst.planes(0), burst.planes(1)
        noise = _squares(first, second) / 2
        d1 = tiles.denoise(denoiser, first)
        pair_error = (_squares(d1, second) + _squares(tiles.denoise(denoiser, second), first)) / 2
        sums["noise_variance"] += noise
        sums["estimated_from_pairs"] += pair_error - noise
        sums["against_clean"] += _squares(d1, burst.reference(0))
    known = all(burst.clean is not None for burst in bursts)
    return {key: value / len(bursts) for key, value in sums.items() if known or key != "against_clean"}


def _squares(first: Tensor, second: Tensor) -> float:
    """Mean of (first - second)^2, in float64."""
    return float((first - second).square_().mean(dtype=torch.float64))
