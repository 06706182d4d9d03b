"""The stages of a physical sensor. A stage maps packed planes in digital numbers (DN) to planes in DN.

Drawn for every frame: ShotNoise, GaussianRead or TukeyLambdaRead, RowNoise. Fixed over a burst: PixelResponse,
HotPixels. Last: Quantisation, Clipping. :class:`n2nf_core.simulation.sensor.PhysicalSensor` combines them.
Source: Wei, Fu, Yang, Huang, A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising (ELD),
CVPR 2020. Pixel response and hot pixels are not part of ELD; they follow EMVA 1288.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from n2nf_core.simulation.calibrations import READ_SHAPE, WHITE_LEVEL, Calibration, drawn_scale


@dataclass(frozen=True)
class ShotNoise:
    """K * Poisson(signal / K), with the variance K * signal.

    Arguments:
        gain: K, DN per electron.
    """

    gain: float

    def __post_init__(self):
        if not 0 < self.gain < math.inf:
            raise ValueError(f"the gain must be a positive number of DN per electron, got {self.gain:g}")

    def __call__(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.gain * torch.poisson(signal / self.gain, generator=generator)

    def variance(self, signal: Tensor) -> Tensor:
        """K * signal in DN squared, for a signal in DN above black; any shape."""
        return self.gain * signal


@dataclass(frozen=True)
class GaussianRead:
    """signal + scale * N(0, 1), drawn for every pixel and frame.

    Arguments:
        scale: standard deviation, DN.
    """

    scale: float

    @classmethod
    def draw(cls, calibration: Calibration, log_gain: float, generator: torch.Generator) -> GaussianRead:
        """The read noise of a calibrated sensor at a gain.

        Arguments:
            calibration: the sensor's calibration.
            log_gain: log K, with K in DN per electron.
            generator: source of randomness, on the CPU.
        """
        return cls(drawn_scale(calibration.gaussian, log_gain, generator))

    def __call__(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.randn(signal.shape, generator=generator, dtype=signal.dtype, device=signal.device)
        return signal + self.scale * noise

    def variance(self) -> float:
        """scale^2, DN squared."""
        return self.scale**2


@dataclass(frozen=True)
class TukeyLambdaRead:
    """signal + scale * (u^l - (1 - u)^l) / l with u uniform in (0, 1), drawn for every pixel and frame.

    Arguments:
        scale: DN. This is not the standard deviation.
        shape: l. A shape of about 0.14 is nearly normal, and 0 is logistic. Below 0 the tails are heavier still, and
            for l <= -1/2 the variance is infinite.
    """

    scale: float
    shape: float = READ_SHAPE

    @classmethod
    def draw(cls, calibration: Calibration, log_gain: float, generator: torch.Generator) -> TukeyLambdaRead:
        """The read noise of a calibrated sensor at a gain.

        Arguments:
            calibration: the sensor's calibration.
            log_gain: log K, with K in DN per electron.
            generator: source of randomness, on the CPU.
        """
        return cls(drawn_scale(calibration.tukey, log_gain, generator))

    def __call__(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # Single precision has 24 bits for u, which would cut off the tails.
        u = torch.rand(signal.shape, generator=generator, dtype=torch.float64, device=signal.device)
        u = u.clamp(min=2.0**-54)
        low, high = u.log(), (-u).log1p()
        if self.shape == 0:
            noise = low - high
        else:
            noise = ((self.shape * low).expm1() - (self.shape * high).expm1()) / self.shape
        return signal + (self.scale * noise).to(signal.dtype)

    def variance(self) -> float:
        """scale^2 * 2 (1 / (1 + 2 l) - Gamma(l + 1)^2 / Gamma(2 l + 2)) / l^2, DN squared; infinite for l <= -1/2."""
        shape = self.shape
        if shape <= -0.5:
            return math.inf
        if abs(shape) < 1e-4:  # the formula below loses its digits here; the logistic's variance is its limit at 0
            return self.scale**2 * math.pi**2 / 3
        beta = math.gamma(shape + 1) ** 2 / math.gamma(2 * shape + 2)
        return self.scale**2 * 2 / shape**2 * (1 / (1 + 2 * shape) - beta)


@dataclass(frozen=True)
class RowNoise:
    """signal + scale * N(0, 1), with one number per mosaic row and frame.

    In packed planes, R and Gr share the numbers of the even mosaic rows, and Gb and B those of the odd ones.

    Arguments:
        scale: standard deviation, DN.
    """

    scale: float

    def __call__(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        shape = (*signal.shape[:-3], 2, signal.shape[-2], 1)
        rows = torch.randn(shape, generator=generator, dtype=signal.dtype, device=signal.device)
        return signal + self.scale * rows.repeat_interleave(2, dim=-3)

    def variance(self) -> float:
        """scale^2, DN squared."""
        return self.scale**2


@dataclass(frozen=True)
class PixelResponse:
    """signal * (1 + deviation * N(0, 1)), fixed for every pixel: photo response non-uniformity.

    The pattern depends on the seed and the size of the frame.

    Arguments:
        deviation: standard deviation of the response, a share of 1.
        seed: fixes the pattern.
    """

    deviation: float = 0.005
    seed: int = 0

    def __call__(self, signal: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)  # on the CPU: one pattern for all devices
        pattern = torch.randn(signal.shape[-3:], generator=generator)
        return signal * (1 + self.deviation * pattern).clamp(min=0).to(signal)


@dataclass(frozen=True)
class HotPixels:
    """signal + level * Exponential(1) at a fixed share of the pixels.

    The added signal is dark current, so it has shot noise of its own. Which pixels are hot depends on the seed and the
    size of the frame.

    Arguments:
        fraction: share of hot pixels.
        level: mean dark current of a hot pixel, DN.
        seed: fixes the hot pixels.
    """

    fraction: float = 1e-4
    level: float = 2000.0
    seed: int = 0

    def __call__(self, signal: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        hot = torch.rand(signal.shape[-3:], generator=generator) < self.fraction
        current = torch.empty(signal.shape[-3:]).exponential_(generator=generator)
        return signal + (self.level * hot * current).to(signal)


@dataclass(frozen=True)
class Quantisation:
    """step * round(dn / step).

    Arguments:
        step: DN. One DN is the step of a 14-bit converter between 0 and :data:`WHITE_LEVEL`.
    """

    step: float = 1.0

    def __post_init__(self):
        if not 0 < self.step < math.inf:
            raise ValueError(f"the step must be a positive number of DN, got {self.step:g}")

    def __call__(self, dn: Tensor) -> Tensor:
        return self.step * (dn / self.step).round()

    def variance(self) -> float:
        """step^2 / 12, DN squared.

        This holds if the standard deviation of the other noise is more than about half a step.
        """
        return self.step**2 / 12


@dataclass(frozen=True)
class Clipping:
    """min(max(dn, low), high).

    Arguments:
        low: DN. Cameras that cut off values below black have ``low`` at the black level.
        high: DN.
    """

    low: float = 0.0
    high: float = WHITE_LEVEL

    def __call__(self, dn: Tensor) -> Tensor:
        return dn.clamp(self.low, self.high)
