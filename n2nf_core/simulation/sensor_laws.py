"""Physical sensors with a variable ISO: the gain is K = K_100 ISO / 100, and noise scales follow from log K.

The laws are ELD's calibrations (:mod:`n2nf_core.simulation.calibrations`) without their random spread. The banded
sensor and the sensor with telegraph noise are invented.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, log
from typing import NamedTuple

from n2nf_core.simulation.calibrations import BLACK_LEVEL, CALIBRATIONS, READ_SHAPE, WHITE_LEVEL, LogScale
from n2nf_core.simulation.densities import ScaledNoise, Telegraph
from n2nf_core.simulation.sensor import PhysicalSensor
from n2nf_core.simulation.sensor_stages import (
    Clipping,
    Quantisation,
    RowNoise,
    ShotNoise,
    TukeyLambdaRead,
)
from n2nf_core.types import NLF


class SensorLaw(NamedTuple):
    """How the noise of a sensor depends on ISO.

    Arguments:
        gain: K at ISO 100, DN per electron.
        read: scale of the Tukey-lambda read noise, in DN, as a function of K.
        row: scale of the row noise, in DN, as a function of K.
        shape: shape of the Tukey-lambda read noise.
    """

    gain: float
    read: LogScale
    row: LogScale
    shape: float = READ_SHAPE

    def at(self, iso: float) -> PhysicalSensor:
        """The sensor at one ISO, quantised and clipped to 14 bits.

        >>> round(LAWS["Canon 70D"].at(400).shot.gain, 3)
        1.628
        """
        log_gain = log(self.gain * iso / 100)
        read, row = (exp(law.slope * log_gain + law.bias) for law in (self.read, self.row))
        return PhysicalSensor(
            shot=ShotNoise(exp(log_gain)),
            read=TukeyLambdaRead(read, self.shape),
            row=RowNoise(row),
            quantisation=Quantisation(),
            clipping=Clipping(),
        )


def _calibrated(name: str) -> SensorLaw:
    calibration = CALIBRATIONS[name]
    return SensorLaw(calibration.gain[0], calibration.tukey, calibration.row)


LAWS: Mapping[str, SensorLaw] = {
    "banded": SensorLaw(0.3, LogScale(0.5, 1.2, 0.0), LogScale(0.55, 2.3, 0.0), -0.05),
    "Canon 70D": _calibrated("Canon 70D"),
}
"""The invented sensor has strong row noise and heavy tails. A model of the variance alone cannot describe them."""

ISOS = (100.0, 400.0, 1600.0, 6400.0)
"""ISO values at which the models of these sensors are fitted. They cover the range of ELD's gains, 1 to 64."""


def telegraph_noise() -> ScaledNoise:
    """The invented sensor "telegraph": shot noise and read noise as of a small sensor, and 3 % of the values jump.

    n = sqrt(shot max(x, 0) + read) u, with u from :class:`~n2nf_core.simulation.densities.Telegraph`. A jump is 5
    standard deviations of the other noise. The shot noise is that of K = 0.4 ISO / 100 DN per electron, and the read
    noise grows with the square root of ISO from 5 DN at ISO 100.

    >>> round(telegraph_noise().nlf()["telegraph"][400.0].read ** 0.5 * 15583, 1)  # DN
    10.0
    """
    full = WHITE_LEVEL - BLACK_LEVEL
    table = {iso: NLF(0.4 * iso / 100 / full, (5 / full) ** 2 * iso / 100) for iso in ISOS}
    return ScaledNoise({"telegraph": table}, Telegraph(0.03, 5.0))
