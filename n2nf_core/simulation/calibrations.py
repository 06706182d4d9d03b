"""Published calibrations of camera sensors: how the scales of their noise depend on the gain.

Source: Wei, Fu, Yang, Huang, A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising (ELD),
CVPR 2020. Scales and levels are in digital numbers (DN) at 14 bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch

WHITE_LEVEL = 16383.0
BLACK_LEVEL = 800.0
"""DN of a 14-bit sensor. The calibrations below were published for this black level."""

READ_SHAPE = 0.09
"""Tukey-lambda shape of the read noise: about the mean over ISO of ELD's Canon 5D4. Its tails are heavier than normal.
"""


class LogScale(NamedTuple):
    """log scale = slope * log K + bias + N(0, spread), with the scale in DN and the gain K in DN per electron.

    Arguments:
        slope: factor on log K.
        bias: log of the scale at K = 1.
        spread: standard deviation of the log of the scale.
    """

    slope: float
    bias: float
    spread: float


class Calibration(NamedTuple):
    """The range of a sensor's gain K, and how the scales of its read noise and row noise depend on K.

    Arguments:
        gain: smallest and largest gain K, DN per electron.
        gaussian: scale of Gaussian read noise.
        tukey: scale of Tukey-lambda read noise.
        row: scale of row noise; None if it was not calibrated.
    """

    gain: tuple[float, float]
    gaussian: LogScale
    tukey: LogScale
    row: LogScale | None


def _calibration(gain, gaussian, tukey, row=None) -> Calibration:
    return Calibration(gain, LogScale(*gaussian), LogScale(*tukey), LogScale(*row) if row else None)


CALIBRATIONS: Mapping[str, Calibration] = MappingProxyType(
    {
        "Sony A7S2": _calibration((0.094, 6.01), (0.541, 1.218, 0.268), (0.462, 0.566, 0.263), (0.528, -0.592, 0.294)),
        "Nikon D850": _calibration((0.415, 26.6), (0.563, 0.799, 0.214), (0.477, -0.090, 0.239)),
        "Canon 5D4": _calibration((0.218, 13.96), (0.677, 1.512, 0.246), (0.656, 1.093, 0.286), (0.471, -0.808, 0.244)),
        "Canon 70D": _calibration((0.407, 26.1), (0.568, 1.998, 0.249), (0.487, 1.464, 0.382), (0.729, -0.937, 0.250)),
        "Canon 700D": _calibration((0.448, 28.6), (0.652, 2.080, 0.258), (0.598, 1.537, 0.389), (0.622, -0.776, 0.248)),
    }
)
"""Published sensor calibrations (ELD, CVPR 2020), in DN at 14 bits. The row noise of the D850 is not noted."""


def drawn_scale(law: LogScale, log_gain: float, generator: torch.Generator) -> float:
    """Draw a scale in DN: exp(slope * log K + bias + spread * N(0, 1)).

    Arguments:
        law: how the scale depends on the gain.
        log_gain: log K, with K in DN per electron.
        generator: source of randomness, on the CPU.
    """
    deviation = torch.randn((), generator=generator, dtype=torch.float64).item()
    return math.exp(law.slope * log_gain + law.bias + law.spread * deviation)
