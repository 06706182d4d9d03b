"""Gaussian noise models that follow the flows' protocol, from a table or fitted to bursts.

Two kinds are fitted: additive white Gaussian noise (AWGN), whose variance does not depend on the signal, and photon
transfer, whose variance is linear in the signal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from n2nf_core.baselines.photon_transfer import PhotonTransfer, photon_transfer
from n2nf_core.baselines.temporal import temporal
from n2nf_core.cameras import IsoKnots, OnKnots
from n2nf_core.types import NLF, Context, Stack, check_shapes

SMALLEST_VARIANCE = 1e-12  # in place of a shot or read of 0, which has no logarithm


class GaussianNoise(OnKnots):
    """n ~ N(0, shot x + read), independently per pixel, from a table of noise level functions (NLF).

    log p(n | x) = -1/2 sum [ n^2 / v + log(2 pi v) ],  v = shot max(x, darkest) + read

    Between the ISO values of a camera, log shot, log read and darkest are linear in log ISO. Outside them they are
    constant, and a warning says so.

    Arguments:
        table: camera -> ISO -> NLF, variances in [0, 1] units. The cameras of the table, in its order, are the model's
            ``cameras``.
        darkest: camera -> ISO -> the signal below which the variance does not fall any further, 0 where it is not
            given. Light is not negative, so the estimate of a signal that is negative stands for 0. Where the black
            level is stated too high, it stands for a real signal, and the line goes on below 0.

    ValueError for an NLF that is negative, not finite, or zero in both values, and for a variance that is not positive
    at ``darkest``.

    >>> model = GaussianNoise({"S6": {100: NLF(4.79e-4, 2e-6)}})
    >>> model.log_prob(torch.zeros(1, 4, 2, 2), model.context(torch.zeros(1, 4, 2, 2), "S6", 100)) > 0
    tensor([True])
    """

    def __init__(
        self, table: Mapping[str, Mapping[float, NLF]], darkest: Mapping[str, Mapping[float, float]] | None = None
    ):
        super().__init__(IsoKnots(tuple(table), {camera: tuple(row) for camera, row in table.items()}))
        self.table = {camera: {float(i): NLF(*row[i]) for i in sorted(row)} for camera, row in table.items()}
        below = {camera: {float(i): float(row[i]) for i in row if row[i]} for camera, row in (darkest or {}).items()}
        self.darkest = {camera: row for camera, row in below.items() if row}
        logs, ends = torch.zeros(2, *self.knots.shape, dtype=torch.float64), torch.zeros(self.knots.shape)
        for row, column, camera, iso in self.knots.cells():
            nlf, end = self.table[camera][iso], self.darkest.get(camera, {}).get(iso, 0.0)
            if min(nlf) < 0 or not max(nlf) > 0 or not all(map(math.isfinite, nlf)):
                raise ValueError(
                    f"NLF of {camera} at ISO {iso:g} must be finite, not negative and not 0 in both values: {nlf}"
                )
            if not (end <= 0 <= nlf.shot * end + nlf.read):
                raise ValueError(f"darkest of {camera} at ISO {iso:g} must lie between -read / shot and 0, got {end:g}")
            logs[:, row, column] = torch.tensor(nlf, dtype=torch.float64).clamp(min=SMALLEST_VARIANCE).log()
            ends[row, column] = end
        self.register_buffer("log_nlf", logs)
        self.register_buffer("ends", ends.double(), persistent=False)

    @property
    def built_by(self) -> dict[str, object]:
        """What :class:`~n2nf_core.types.Rebuildable` asks for; ``darkest`` where it is not 0."""
        return {"kind": "gaussian"} | ({"darkest": self.darkest} if self.darkest else {})

    def nlf(self) -> dict[str, dict[float, NLF]]:
        """camera -> ISO -> shot and read, variances in [0, 1] units: the table that the model was made from."""
        return self.table

    def levels(self, context: Context) -> tuple[Tensor, Tensor]:
        """Shot and read of every image, (B, 1, 1, 1) each, variances in [0, 1] units."""
        shot, read = (self._rows(log, context).exp() for log in self.log_nlf)
        return shot, read

    def variance(self, context: Context) -> Tensor:
        """v = shot max(x, darkest) + read: (B, C, H, W), in [0, 1] units squared."""
        shot, read = self.levels(context)
        return torch.addcmul(read, shot, context.clean.maximum(self._rows(self.ends, context)))

    def _rows(self, table: Tensor, context: Context) -> Tensor:
        return self.knots(table, context.camera, context.iso).to(context.clean.dtype)[:, None, None, None]

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        check_shapes(noise, context)
        variance = self.variance(context)
        return -0.5 * (noise.square() / variance + torch.log(2 * math.pi * variance)).flatten(1).sum(1)

    @torch.no_grad()
    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n = temperature * sqrt(v) * eps, eps ~ N(0, I): noise (B, C, H, W) in [0, 1] units.

        Arguments:
            context: clean signal, camera and ISO of B images.
            temperature: factor on the standard deviation of the noise.
            generator: of eps; by default PyTorch's own for the device.
        """
        clean = context.clean
        eps = torch.randn(clean.shape, generator=generator, dtype=clean.dtype, device=clean.device)
        return temperature * self.from_normal(eps, context)

    def from_normal(self, normal: Tensor, context: Context) -> Tensor:
        """n = sqrt(v) * normal: noise (B, C, H, W) in [0, 1] units from standard normal values of the same shape."""
        return normal * self.variance(context).sqrt()


Recordings = Iterable[tuple[str, float, Tensor | Stack]]
"""(camera, iso, frames) of static scenes; frames are (T, C, H, W) in [0, 1] units, or are read when asked for."""

Fits = Mapping[str, Mapping[float, PhotonTransfer]]
"""camera -> ISO -> photon transfer."""


def by_setting(recordings: Recordings) -> dict[str, dict[float, list[Tensor | Stack]]]:
    """camera -> ISO -> the frames of its recordings."""
    groups: dict[str, dict[float, list[Tensor | Stack]]] = {}
    for camera, iso, frames in recordings:
        groups.setdefault(camera, {}).setdefault(float(iso), []).append(frames)
    return groups


def fit_awgn(recordings: Recordings) -> GaussianNoise:
    """n ~ N(0, sigma^2), sigma^2 = mean over pixels of the variance over time, per camera and ISO: the AWGN model.

    For pairs this is the mean of (y_1 - y_2)^2 / 2, the maximum-likelihood fit. Drifts of the frames' brightness are
    removed first (:func:`~n2nf_core.baselines.temporal.match_gains`).
    """

    def sigma2(bursts: list[Tensor | Stack]) -> float:
        squares = freedom = 0.0
        for burst in bursts:
            stats = temporal(burst)
            own = stats.variance.numel() * (stats.frames - 1)
            squares, freedom = squares + float(stats.mean_variance().mean()) * own, freedom + own
        return squares / freedom

    settings = by_setting(recordings)
    return GaussianNoise(
        {camera: {iso: NLF(0.0, sigma2(b)) for iso, b in row.items()} for camera, row in settings.items()}
    )


def of_fits(fits: Fits) -> GaussianNoise:
    """n ~ N(0, shot max(x, darkest) + read) of every photon transfer in ``fits``, camera -> ISO -> fit."""
    return GaussianNoise(
        {camera: {iso: fit.nlf() for iso, fit in row.items()} for camera, row in fits.items()},
        {camera: {iso: fit.darkest for iso, fit in row.items()} for camera, row in fits.items()},
    )


def fit_photon_transfer(recordings: Recordings) -> tuple[GaussianNoise, dict[str, dict[float, PhotonTransfer]]]:
    """n ~ N(0, shot max(x, darkest) + read), fitted by photon transfer per camera and ISO: (noise model, fits).

    fits: camera -> ISO -> :class:`~n2nf_core.baselines.photon_transfer.PhotonTransfer`, with standard errors and the
    points of the plot.
    """
    settings = by_setting(recordings)
    fits = {camera: {iso: photon_transfer(bursts) for iso, bursts in row.items()} for camera, row in settings.items()}
    return of_fits(fits), fits
