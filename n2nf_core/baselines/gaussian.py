"""Gaussian noise models that follow the flows' protocol, from a table or fitted to bursts.

Two kinds are fitted: additive white Gaussian noise (AWGN), whose variance does not depend on the signal, and photon
transfer, whose variance is linear in the signal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from n2nf_core.baselines.photon_transfer import PhotonTransfer, match_gains, photon_transfer
from n2nf_core.cameras import IsoKnots, OnKnots
from n2nf_core.types import NLF, Context, check_shapes

SMALLEST_VARIANCE = 1e-12  # in place of a shot or read of 0, which has no logarithm


class GaussianNoise(OnKnots):
    """n ~ N(0, shot x + read), independently per pixel, from a table of noise level functions (NLF).

    log p(n | x) = -1/2 sum [ n^2 / v + log(2 pi v) ],  v = shot max(x, 0) + read

    table: camera -> ISO -> NLF, variances in [0, 1] units. Between the ISO values of a camera, log shot and log read
    are linear in log ISO. Outside them they are constant, and a warning says so. The cameras of the table, in its
    order, are the model's ``cameras``. ValueError for an NLF that is negative, not finite, or zero in both values.

    >>> model = GaussianNoise({"S6": {100: NLF(4.79e-4, 2e-6)}})
    >>> model.log_prob(torch.zeros(1, 4, 2, 2), model.context(torch.zeros(1, 4, 2, 2), "S6", 100)) > 0
    tensor([True])
    """

    built_by = {"kind": "gaussian"}

    def __init__(self, table: Mapping[str, Mapping[float, NLF]]):
        super().__init__(IsoKnots(tuple(table), {camera: tuple(row) for camera, row in table.items()}))
        self.table = {camera: {float(i): NLF(*row[i]) for i in sorted(row)} for camera, row in table.items()}
        logs = torch.zeros(2, *self.knots.shape, dtype=torch.float64)
        for row, column, camera, iso in self.knots.cells():
            nlf = self.table[camera][iso]
            if min(nlf) < 0 or not max(nlf) > 0 or not all(map(math.isfinite, nlf)):
                raise ValueError(
                    f"NLF of {camera} at ISO {iso:g} must be finite, not negative and not 0 in both values: {nlf}"
                )
            logs[:, row, column] = torch.tensor(nlf, dtype=torch.float64).clamp(min=SMALLEST_VARIANCE).log()
        self.register_buffer("log_nlf", logs)

    def nlf(self) -> dict[str, dict[float, NLF]]:
        """camera -> ISO -> shot and read, variances in [0, 1] units: the table that the model was made from."""
        return self.table

    def variance(self, context: Context) -> Tensor:
        """v = shot max(x, 0) + read: (B, C, H, W), in [0, 1] units squared."""
        shot, read = (
            self.knots(log, context.camera, context.iso).exp().to(context.clean.dtype)[:, None, None, None]
            for log in self.log_nlf
        )
        return torch.addcmul(read, shot, context.clean.clamp(min=0))

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


Recordings = Iterable[tuple[str, float, Tensor]]
"""(camera, iso, frames (T, C, H, W) in [0, 1] units) of static scenes."""


def _by_setting(recordings: Recordings) -> dict[str, dict[float, list[Tensor]]]:
    groups: dict[str, dict[float, list[Tensor]]] = {}
    for camera, iso, frames in recordings:
        groups.setdefault(camera, {}).setdefault(float(iso), []).append(frames)
    return groups


def fit_awgn(recordings: Recordings) -> GaussianNoise:
    """n ~ N(0, sigma^2), sigma^2 = mean of (y_t - y_{t+1})^2 / 2, per camera and ISO: the AWGN model.

    This is the maximum-likelihood fit to pairs of consecutive frames. Drifts of the frames' brightness are removed
    first (:func:`match_gains`).
    """

    def sigma2(bursts: list[Tensor]) -> float:
        matched = [b.double() / match_gains(b.double())[..., None, None] for b in bursts]
        squares = torch.cat([((b[1:] - b[:-1]).square() / 2).flatten() for b in matched])
        return float(squares.mean())

    return GaussianNoise(
        {
            camera: {iso: NLF(0.0, sigma2(b)) for iso, b in row.items()}
            for camera, row in _by_setting(recordings).items()
        }
    )


def fit_photon_transfer(recordings: Recordings) -> tuple[GaussianNoise, dict[str, dict[float, PhotonTransfer]]]:
    """n ~ N(0, shot x + read), fitted by photon transfer per camera and ISO: (noise model, fits).

    fits: camera -> ISO -> :class:`PhotonTransfer`, with standard errors and the points of the plot.
    """
    fits = {
        camera: {iso: photon_transfer(bursts) for iso, bursts in row.items()}
        for camera, row in _by_setting(recordings).items()
    }
    return GaussianNoise({c: {iso: fit.nlf() for iso, fit in row.items()} for c, row in fits.items()}), fits
