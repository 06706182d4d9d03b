"""What the differences between the frames of a burst show, and which burst of several to look at.

Whether a burst is fit for training at all is checked where it is read, by :func:`n2nf_core.bursts.check_burst`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.baselines.temporal import DRIFT_Z, match_gains, temporal
from n2nf_core.bursts import Burst, LazyFrames

LEAST_CONTRAST = 0.1  # standard deviation over mean of a scene; the vignetting of a flat field causes less
CONTRAST_Z = 6.0  # a scene has contrast where its variance exceeds the noise's by more than so many standard errors


def lag_variance(frames: Tensor, lag: int) -> float:
    """Mean of (y_t - y_{t+lag})^2 / 2 over pixels and t: the variance of the noise, plus that of changes in the scene.

    Arguments:
        frames: (T, C, H, W), any unit.
        lag: distance in time, in frames, less than T.
    """
    return float((frames[lag:] - frames[:-lag]).double().square().mean() / 2)


def difference_correlation(frames: Tensor, reach: int = 4) -> Tensor:
    """Spatial autocorrelation of y_t - y_{t+1}, averaged over frames and planes; it is 1 at the centre.

    For white noise the other values are 0, to within about 1 / sqrt(T C H W).

    Arguments:
        frames: (T, C, H, W), any unit.
        reach: largest shift, in pixels of a plane. Along a side of fewer than 2 reach + 1 pixels it is smaller.

    Returns (2 reach + 1, 2 reach + 1), with shift 0 in the middle.
    """
    difference = frames[1:] - frames[:-1]
    difference = difference - difference.mean((2, 3), keepdim=True)
    spectrum = torch.fft.rfft2(difference.double()).abs().square().mean((0, 1))
    correlation = torch.fft.irfft2(spectrum, s=difference.shape[2:])
    down, across = (min(reach, (n - 1) // 2) for n in correlation.shape)
    return torch.roll(correlation / correlation[0, 0], (down, across), (0, 1))[: 2 * down + 1, : 2 * across + 1]


def _gains(burst: Burst) -> Tensor:
    """The gains (T, C) of :func:`match_gains`, and 1 where row noise alone could cause the change of a mean."""
    gains, rows = match_gains(burst), torch.stack([burst.planes(t)[0].mean(2) for t in range(len(burst))])
    error = (rows - rows.mean(0)).std(2) / rows.shape[2] ** 0.5
    return torch.where((gains - 1).abs() * rows.mean((0, 2)) > DRIFT_Z * error, gains, torch.ones_like(gains))


def _matched(burst: Burst, gains: Tensor, t: int) -> np.ndarray:
    """Frame number ``t`` in DN, (C, H, W), divided by its gains (T, C)."""
    frame = burst.planes(t)[0].div_(gains[t, :, None, None])
    return raw.denormalise(frame, burst.black, burst.white).numpy()


def match_light(burst: Burst) -> Burst:
    """``burst`` with every plane of every frame divided by its gain against the mean, if the light drifted.

    A frame that is 1 % brighter than the mean differs from it by 1 % of the signal. In bright parts, that is more than
    the noise. The noise is divided as well, which changes its variance by the square of the gain. Frames are divided
    when they are read, one at a time.
    """
    gains = _gains(burst)
    if bool((gains == 1).all()):
        return burst
    whole = range(burst.shape[2]), range(burst.shape[3])
    frames = LazyFrames(partial(_matched, burst, gains), len(burst), np.dtype(np.float32), *whole)
    about = {name: value for name, value in burst.provenance.items() if name != "frames_sha256"}
    return replace(burst, frames=frames, provenance=about)


def choose_burst(bursts: Sequence[Burst]) -> Burst:
    """The burst whose scene has the highest contrast after the variance of the noise is subtracted.

    If all scenes are flat fields, it is the burst of median brightness. Contrast that noise alone explains is none.
    """
    found = []
    for burst in bursts:
        stats = temporal(burst)
        noise = float(stats.mean_variance().mean()) / len(burst)
        spread = float(stats.mean.var((1, 2)).mean()) - noise
        clear = spread > CONTRAST_Z * noise * (2 / stats.mean.numel()) ** 0.5
        found.append((spread**0.5 if clear else 0.0, float(stats.mean.mean())))
    richest = max(range(len(bursts)), key=lambda k: found[k][0])
    if found[richest][0] > LEAST_CONTRAST * abs(found[richest][1]):
        return bursts[richest]
    order = sorted(range(len(bursts)), key=lambda k: found[k][1])
    return bursts[order[len(order) // 2]]
