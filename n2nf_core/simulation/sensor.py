"""From a clean scene to a burst with the noise of a physical sensor.

For pixel i, mosaic row r and frame t, with s the signal above black, in digital numbers (DN):

    y = clip(round(K Poisson(s_i / K) + read_it + row_rt + black))
    s_i = (1 + response_i) x_i (white - black) + hot_i

The stages are in :mod:`n2nf_core.simulation.sensor_stages`. Source: Wei, Fu, Yang, Huang, A Physics-based Noise
Formation Model for Extreme Low-light Raw Denoising (ELD), CVPR 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from n2nf_core.simulation.calibrations import BLACK_LEVEL, CALIBRATIONS, WHITE_LEVEL, drawn_scale
from n2nf_core.simulation.sensor_stages import (
    Clipping,
    GaussianRead,
    HotPixels,
    PixelResponse,
    Quantisation,
    RowNoise,
    ShotNoise,
    TukeyLambdaRead,
)
from n2nf_core.types import NLF


@dataclass(frozen=True)
class PhysicalSensor:
    """A sensor made of stages of noise. A stage that is None is left out.

    The order is: pixel response and hot pixels, which are fixed over a burst; shot, read and row noise, which are drawn
    for every frame; quantisation; clipping.

    Arguments:
        shot: shot noise.
        read: read noise.
        row: row noise.
        response: the differences in sensitivity between pixels.
        hot: pixels with a large dark current.
        quantisation: rounding to the steps of the analogue-to-digital converter.
        clipping: the limits of the output.
        white: white level, DN.
        black: black level, DN.

    >>> sensor = PhysicalSensor(shot=ShotNoise(2.0), read=TukeyLambdaRead(3.0), quantisation=Quantisation())
    >>> frames = sensor.burst(torch.full((4, 16, 16), 0.25), 5, torch.Generator().manual_seed(0))
    >>> frames.shape, bool((sensor.to_dn(frames) % 1 == 0).all())
    (torch.Size([5, 4, 16, 16]), True)
    """

    shot: ShotNoise | None = None
    read: TukeyLambdaRead | GaussianRead | None = None
    row: RowNoise | None = None
    response: PixelResponse | None = None
    hot: HotPixels | None = None
    quantisation: Quantisation | None = None
    clipping: Clipping | None = None
    white: float = WHITE_LEVEL
    black: float = BLACK_LEVEL

    @classmethod
    def draw(
        cls,
        camera: str,
        generator: torch.Generator,
        read: type[TukeyLambdaRead] | type[GaussianRead] = TukeyLambdaRead,
    ) -> PhysicalSensor:
        """A calibrated sensor at a random gain: log K is uniform in its range, and the scales follow :class:`LogScale`.

        The sensor has shot noise, read noise, row noise where it was calibrated, quantisation and clipping. Use
        ``dataclasses.replace`` to change a stage.

        Arguments:
            camera: name of a sensor in :data:`CALIBRATIONS`.
            generator: source of randomness, on the CPU.
            read: the class of the read noise.

        Errors: LookupError, which lists the known sensors.

        >>> sensor = PhysicalSensor.draw("Sony A7S2", torch.Generator().manual_seed(0))
        >>> 0.094 < sensor.shot.gain < 6.01
        True
        """
        if camera not in CALIBRATIONS:
            raise LookupError(f"no calibration of the sensor {camera!r}: choose from {', '.join(CALIBRATIONS)}")
        calibration = CALIBRATIONS[camera]
        low, high = map(math.log, calibration.gain)
        log_gain = low + (high - low) * torch.rand((), generator=generator, dtype=torch.float64).item()
        return cls(
            shot=ShotNoise(math.exp(log_gain)),
            read=read.draw(calibration, log_gain, generator),
            row=calibration.row and RowNoise(drawn_scale(calibration.row, log_gain, generator)),
            quantisation=Quantisation(),
            clipping=Clipping(),
        )

    def to_dn(self, signal: Tensor) -> Tensor:
        """signal * (white - black) + black: from [0, 1] units to DN, rounded to the sensor's steps if it quantises."""
        dn = signal * (self.white - self.black) + self.black
        return dn if self.quantisation is None else self.quantisation(dn)

    def expected(self, clean: Tensor) -> Tensor:
        """Mean over frames before clipping, with the fixed pattern: (..., 4, h, w) in [0, 1] units -> DN above black.

        Errors: ValueError where ``clean`` is negative or NaN, and for another shape.
        """
        if clean.dim() not in (3, 4) or clean.shape[-3] != 4:
            raise ValueError(f"clean must be planes (4, h, w) or (N, 4, h, w), got the shape {(*clean.shape,)}")
        if not bool((clean >= 0).all()):
            raise ValueError("clean must be at least 0 everywhere and not NaN: light cannot be negative")
        signal = clean * (self.white - self.black)
        for stage in filter(None, (self.response, self.hot)):
            signal = stage(signal)
        return signal

    def burst_dn(self, clean: Tensor, frames: int, generator: torch.Generator | None = None) -> Tensor:
        """Frames in DN, with the black level included.

        Arguments:
            clean: (4, h, w) or (N, 4, h, w), in [0, 1] units, not negative.
            frames: number of frames T.
            generator: source of randomness; None uses PyTorch's global one.

        Returns (T, 4, h, w) or (N, T, 4, h, w). Errors: ValueError as in :meth:`expected`, and for less than one frame.
        """
        if frames < 1:
            raise ValueError(f"a burst needs at least 1 frame, got {frames}")
        expected = self.expected(clean).unsqueeze(-4)
        signal = expected.expand(*expected.shape[:-4], frames, *expected.shape[-3:])
        for stage in filter(None, (self.shot, self.read, self.row)):
            signal = stage(signal, generator)
        dn = signal + self.black
        for stage in filter(None, (self.quantisation, self.clipping)):
            dn = stage(dn)
        return dn

    def burst(self, clean: Tensor, frames: int, generator: torch.Generator | None = None) -> Tensor:
        """Frames in [0, 1] units: (DN - black) / (white - black).

        Values below black stay negative, unless the sensor clips them.

        Arguments:
            clean: (4, h, w) or (N, 4, h, w), in [0, 1] units, not negative.
            frames: number of frames T.
            generator: source of randomness; None uses PyTorch's global one.

        Returns (T, 4, h, w) or (N, T, 4, h, w). Errors: ValueError as in :meth:`burst_dn`.
        """
        return (self.burst_dn(clean, frames, generator) - self.black) / (self.white - self.black)

    def variance(self, clean: Tensor) -> Tensor:
        """Variance over frames without clipping: shot + read + row + step^2 / 12 per pixel, in [0, 1] units squared."""
        signal = self.expected(clean)
        shot = self.shot.variance(signal) if self.shot else torch.zeros_like(signal)
        return (shot + self._dark_variance()) / (self.white - self.black) ** 2

    @property
    def nlf(self) -> NLF:
        """Shot and read of var = shot * x + read, without the fixed pattern.

        Photon transfer should find these values.
        """
        full = self.white - self.black
        return NLF(self.shot.gain / full if self.shot else 0.0, self._dark_variance() / full**2)

    def _dark_variance(self) -> float:
        return float(sum(stage.variance() for stage in (self.read, self.row, self.quantisation) if stage))
