"""Mean and variance over time of every pixel of a burst, frame by frame.

    mean = < y_t / g_t >,    variance = sum (y_t / g_t - mean)^2 / (T - 1)

g_t are the gains of the frames (:func:`match_gains`). One frame is in memory at a time, beside these two images.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.types import Stack

DRIFT_Z = 4.0  # a frame's gain is corrected where its mean differs by more than this many standard errors
PIXELS_AT_ONCE = 2**18  # arithmetic on larger images is done by bands of rows, so that its results stay small


class Temporal(NamedTuple):
    """What the T frames of a static scene show of every pixel.

    Arguments:
        mean: (C, H, W), mean over time, after the gains of the frames are matched.
        variance: (C, H, W), variance over time of the matched frames, with T - 1 degrees of freedom.
        gains: (T, C), gain of every plane of every frame against the mean.
    """

    mean: Tensor
    variance: Tensor
    gains: Tensor

    @property
    def frames(self) -> int:
        """T, the number of frames."""
        return len(self.gains)

    @property
    def factors(self) -> tuple[Tensor, Tensor]:
        """(< 1 / g >, < 1 / g^2 >) over the frames, (C,) each: var = shot < 1 / g > x + read < 1 / g^2 >."""
        return (1 / self.gains).mean(0), (1 / self.gains.square()).mean(0)

    def mean_variance(self) -> Tensor:
        """The variance of every plane, averaged over its pixels: (C,), float64."""
        return _sums(self.variance) / self.variance[0].numel()


def frame_of(stack: Tensor | Stack, t: int) -> Tensor:
    """Frame number ``t``, (C, H, W), of a tensor (T, C, H, W) or of frames that are read when asked for."""
    frame = stack[t] if isinstance(stack, Tensor) else stack.planes(t)[0]
    return frame if frame.is_floating_point() else frame.float()


def bands(shape: tuple[int, int, int], multiple: int = 1) -> list[slice]:
    """Rows that cut (C, H, W) into bands of about :data:`PIXELS_AT_ONCE` pixels.

    shape: (C, H, W). multiple: every band but the last has a multiple of so many rows.
    """
    channels, height, width = shape
    step = max(PIXELS_AT_ONCE // max(channels * width * multiple, 1), 1) * multiple
    return [slice(start, min(start + step, height)) for start in range(0, height, step)]


def _moments(stack: Tensor | Stack, gains: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """(mean (C, H, W), sum of squared deviations (C, H, W), mean of every frame (T, C)), by Welford's recursion."""
    count, *shape = stack.shape
    means = torch.zeros(count, shape[0], dtype=torch.float64)
    mean = squares = torch.zeros(())
    for t in range(count):
        frame = frame_of(stack, t)
        if t == 0:
            mean, squares = torch.zeros_like(frame), torch.zeros_like(frame)
        for rows in bands(tuple(shape)):
            part, centre = frame[:, rows], mean[:, rows]
            part = part if gains is None else part / gains[t].to(part.dtype)[:, None, None]
            means[t] += part.sum((1, 2), dtype=torch.float64)
            before = part - centre
            centre += before / (t + 1)
            squares[:, rows] += before.mul_(part - centre)
        del frame, part  # before the next frame is read
    return mean, squares, means / (shape[1] * shape[2])


def _sums(image: Tensor) -> Tensor:
    """The sum of every plane of (C, H, W), in float64, which a sum of the whole image would first convert it to."""
    total = torch.zeros(len(image), dtype=torch.float64)
    for rows in bands(tuple(image.shape)):  # kept in a list, the small sums would lie between freed bands in memory
        total += image[:, rows].sum((1, 2), dtype=torch.float64)
    return total


def _gains(squares: Tensor, means: Tensor) -> Tensor:
    """The gains (T, C) from the sums of squared deviations and the means of the frames."""
    pixels = squares[0].numel()
    error = (_sums(squares) / pixels / max(len(means) - 1, 1) / pixels).sqrt()
    centre = means.mean(0)
    drifts = ((means - centre).abs() > DRIFT_Z * error).any(0) & (centre > DRIFT_Z * error)
    return torch.where(drifts, means / centre, torch.ones_like(means))


def match_gains(frames: Tensor | Stack) -> Tensor:
    """g = mean of a frame / mean of all frames, for every frame and plane: (T, C), of the type of the frames.

    Light sources and shutters drift by a few per cent, which would be taken for noise. The gains of a plane are 1 where
    its frames differ by no more than noise explains. frames: (T, C, H, W), or a :class:`~n2nf_core.types.Stack`.
    """
    _, squares, means = _moments(frames)
    return _gains(squares, means).to(squares.dtype)


def temporal(stack: Tensor | Stack) -> Temporal:
    """Mean and variance over time of every pixel, with the gains of the frames matched.

    stack: (T, C, H, W), or a :class:`~n2nf_core.types.Stack`. The frames are read once, and a second time where their
    light drifts. ValueError for fewer than two frames or another number of axes.
    """
    if len(stack.shape) != 4 or stack.shape[0] < 2:
        raise ValueError(
            f"photon transfer needs bursts (T, C, H, W) of at least two frames each, got {tuple(stack.shape)}"
        )
    mean, squares, means = _moments(stack)
    gains = _gains(squares, means)
    if bool((gains != 1).any()):
        del mean, squares
        mean, squares, _ = _moments(stack, gains)
    return Temporal(mean, squares.div_(len(means) - 1), gains)
