"""Sensor Flow: a noise model whose first layers are what sensors have, with parameters that an engineer can check."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.cameras import IsoKnots
from n2nf_core.flow.bijections import Bijection, SignalDependentScale
from n2nf_core.flow.conv1x1 import InvertibleConv1x1
from n2nf_core.flow.coupling import AffineCoupling
from n2nf_core.flow.flows import NoiseFlow
from n2nf_core.flow.fused import FusedChain
from n2nf_core.flow.mixture import MixtureCDF
from n2nf_core.flow.rows import LineNoise
from n2nf_core.types import NLF

LINE_SHARE = 0.1
"""Row and column noise at the start, as a share of the read noise."""


class SensorNumbers(NamedTuple):
    """What a Sensor Flow has learned of one camera at one ISO, without what the couplings of its steps A add.

    Arguments:
        gain: shot noise as a conversion gain, DN per electron: variance = gain * signal.
        read: standard deviation of the read noise, tails included, DN.
        row, column: standard deviations of the row and column noise, DN; 0 where the flow has none.
        signal: (G,), signals above black at which the shape is known, DN; negative ones are below black.
        skewness: (G,), third standardised moment of a pixel's noise at these signals, without row and column noise.
        excess_kurtosis: (G,), fourth standardised moment minus 3.
    """

    gain: float
    read: float
    row: float
    column: float
    signal: Tensor
    skewness: Tensor
    excess_kurtosis: Tensor


class SensorFlow(NoiseFlow):
    """A :class:`NoiseFlow` that begins with :class:`LineNoise` and :class:`MixtureCDF`; see :func:`sensor_flow`."""

    @property
    def lines(self) -> LineNoise:
        """The layer of row and column noise, which holds the noise level function."""
        return self.bijection.layers[0]

    @property
    def mixture(self) -> MixtureCDF:
        """The layer of tails and skewness."""
        return self.bijection.layers[1]

    @torch.no_grad()
    def start_from(self, nlf: Mapping[str, Mapping[float, tuple[float, float]]]) -> SensorFlow:
        """Set shot and read, the unit of the signal knots to the read noise, and small row noise; returns self."""
        super().start_from(nlf)
        for camera, row in nlf.items():
            for iso, (_, variance) in row.items():
                read, cell = math.sqrt(variance), self.knots.cell(camera, iso)
                self.mixture.set_unit(camera, iso, read)
                for log_line in self.lines.tables():
                    log_line[cell] = math.log(LINE_SHARE * read)
        return self

    def _scale(self) -> float:
        """exp(-sum of the means of log |s|): by how much the convolutions of A enlarge the noise of R and T."""
        return math.exp(-sum(float(m.log_s.mean()) for m in self.modules() if isinstance(m, InvertibleConv1x1)))

    @torch.no_grad()
    def nlf(self) -> dict[str, dict[float, NLF]]:
        """camera -> ISO knot -> shot and read of a pixel's noise, without rows and columns, variances in [0, 1] units.

        The determinants of the steps A are included, to first order where the noise is not Gaussian; what their
        couplings change is not.
        """
        factor, table = self._scale() ** 2, self.signal_scale.nlf()
        return {
            c: {i: NLF(factor * shot, factor * read) for i, (shot, read) in row.items()} for c, row in table.items()
        }

    @torch.no_grad()
    def describe(self, dn: Mapping[str, float] | None = None) -> dict[str, dict[float, SensorNumbers]]:
        """camera -> ISO knot -> what was learned, in units of a sensor's data sheet.

        dn: camera -> one DN in [0, 1] units, 1 / (white - black); without it, [0, 1] units take the place of DN, and
        ``gain`` is the slope of the variance.
        """
        signal, (skewness, kurtosis), nlf = self.mixture.signals(), self.mixture.moments(), self.nlf()
        found: dict[str, dict[float, SensorNumbers]] = {camera: {} for camera in self.cameras}
        scale = self._scale()
        for *cell, camera, iso in self.knots.cells():
            cell, unit, (shot, read) = tuple(cell), (dn or {}).get(camera, 1.0), nlf[camera][iso]
            row, column, *_ = *(scale * float(table[cell].exp()) for table in self.lines.tables()), 0.0
            numbers = shot / unit, math.sqrt(read) / unit, row / unit, column / unit
            found[camera][iso] = SensorNumbers(*numbers, signal[cell] / unit, skewness[cell], kurtosis[cell])
        return found


def sensor_flow(
    cameras: Sequence[str],
    isos: Sequence[float] | Mapping[str, Sequence[float]],
    components: int = 3,
    columns: bool = False,
    steps: int = 4,
) -> SensorFlow:
    """f = A^steps o T o R: row noise R with a noise level function, tails and skewness T, and Noise Flow's steps A.

    R whitens Gaussian noise of pixels and rows exactly (:class:`LineNoise`), and T does so with independent pixels
    whose noise is a mixture of Gaussians (:class:`MixtureCDF`). A step A, a 1x1 convolution and an affine coupling,
    learns what else pixels share. Where rows and tails come together, R is the linear estimate, which is not quite the
    best, and a^2 comes out somewhat too large.

    Arguments:
        cameras: names.
        isos: ISO knots of all cameras, or a mapping from camera to its own ISO knots.
        components: Gaussians in a mixture.
        columns: whether to model column noise, too.
        steps: number of steps A, each of them an invertible 1x1 convolution and an affine coupling.

    >>> flow = sensor_flow(["S6"], [100, 800])
    >>> context = flow.context(torch.full((2, 4, 6, 10), 0.5), "S6", [100, 300])
    >>> flow.log_prob(flow.sample(context), context).shape
    torch.Size([2])
    >>> round(flow.describe({"S6": 1 / 960})["S6"][800].read, 1)  # DN, before training
    9.6
    """
    knots = IsoKnots(cameras, isos)
    steps_of_a: list[Bijection] = [a for _ in range(steps) for a in (InvertibleConv1x1(4), AffineCoupling(4))]
    chain = [LineNoise(SignalDependentScale(knots), columns), MixtureCDF(knots, components), *steps_of_a]
    given = {"components": components, "columns": columns, "steps": steps}
    usual = {"components": 3, "columns": False, "steps": 4}
    other = {name: value for name, value in given.items() if value != usual[name]}
    return SensorFlow(FusedChain(chain), knots, {"kind": "sensor_flow"} | other)
