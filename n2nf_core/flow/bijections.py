"""Bijections: invertible maps between noise x and base values z, with their log-determinant.

``forward`` is the density direction, x -> z. ``inverse`` is the sampling direction, z -> x. Images may have any height
and width. The context (clean signal, camera, ISO) has one row per image.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from n2nf_core.cameras import IsoKnots
from n2nf_core.types import NLF, Context

START = NLF(shot=1e-2, read=1e-4)  # the noise of a phone at a high ISO; training lowers it for quieter settings


class Bijection(nn.Module):
    """z = f(x; context), with ladj = log |det dz/dx|.

    A subclass writes ``forward`` and ``inverse``. ``margin`` is the largest distance in pixels between a pixel of z and
    the pixels of x that it depends on, for f as for its inverse; math.inf where it depends on whole rows or frames.
    """

    margin: float = 0

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """x (B, C, H, W) -> z (B, C, H, W) and ladj (B,) in nats."""
        raise NotImplementedError

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        """z (B, C, H, W) -> x (B, C, H, W) with forward(x) = z."""
        raise NotImplementedError


class Chain(Bijection):
    """f = f_n o ... o f_1, ladj = ladj_1 + ... + ladj_n.

    layers: f_1, ..., f_n, in the density direction.
    """

    def __init__(self, layers: Iterable[Bijection]):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.margin = sum(layer.margin for layer in self.layers)

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        total = x.new_zeros(len(x))
        for layer in self.layers:
            x, ladj = layer(x, context)
            total = total + ladj
        return x, total

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        for layer in reversed(self.layers):
            z = layer.inverse(z, context)
        return z


class ConditionalScale(Bijection):
    """z = x / s(context), ladj = -sum log s. A subclass writes only ``log_scale``."""

    def log_scale(self, context: Context) -> Tensor:
        """log s, in a shape that broadcasts to (B, C, H, W)."""
        raise NotImplementedError

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        log_scale = self.log_scale(context)
        return x * torch.exp(-log_scale), -log_scale.expand_as(x).flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        return z * torch.exp(self.log_scale(context))


class SignalDependentScale(ConditionalScale):
    """z = n / sigma(x, camera, ISO), sigma^2 = shot * max(x, 0) + read  (Noise Flow's layer ``sdn``).

    The layer learns log shot and log read for every camera at its ISO knots, and is linear in log ISO between them. So
    both variances are positive, and every ISO between the knots has a value. Noise Flow (Abdelhamed et al., ICCV 2019,
    Sec. 4.1) has the same variance, with one read parameter per camera and one gain per ISO.

    knots: cameras and their ISO knots. nlf: shot and read at the start, variances in [0, 1] units.
    """

    def __init__(self, knots: IsoKnots, nlf: NLF = START):
        super().__init__()
        self.knots = knots
        self.log_shot = nn.Parameter(torch.full(knots.shape, float(nlf.shot)).log())
        self.log_read = nn.Parameter(torch.full(knots.shape, float(nlf.read)).log())

    def _variance(self, context: Context) -> Tensor:
        table = torch.stack((self.log_shot, self.log_read), 2)
        shot, read = self.knots(table, context.camera, context.iso).exp()[:, :, None, None, None].unbind(1)
        return torch.addcmul(read, shot, context.clean.clamp(min=0))

    def log_scale(self, context: Context) -> Tensor:
        return 0.5 * torch.log(self._variance(context))

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        return z * self._variance(context).sqrt()

    @torch.no_grad()
    def set_nlf(self, camera: str, iso: float, nlf: tuple[float, float]) -> None:
        """Set shot and read of one camera at one of its ISO knots.

        Arguments:
            camera: its name.
            iso: one of the camera's ISO knots.
            nlf: shot and read, positive variances in [0, 1] units.

        LookupError where the camera has no knot at this ISO.
        """
        cell = self.knots.cell(camera, iso)
        for table, variance in zip((self.log_shot, self.log_read), nlf, strict=True):
            table[cell] = torch.tensor(float(variance)).log()

    def nlf(self) -> dict[str, dict[float, NLF]]:
        """camera -> ISO knot -> learned shot and read, variances in [0, 1] units."""
        table: dict[str, dict[float, NLF]] = {camera: {} for camera in self.knots.cameras}
        shot, read = self.log_shot.detach().exp().tolist(), self.log_read.detach().exp().tolist()
        for row, column, camera, iso in self.knots.cells():
            table[camera][iso] = NLF(shot[row][column], read[row][column])
        return table


class Gain(ConditionalScale):
    """z = x / exp(log_gain), where log_gain is one learned scalar. The exponential keeps the gain positive."""

    def __init__(self):
        super().__init__()
        self.log_gain = nn.Parameter(torch.zeros(()))

    def log_scale(self, context: Context) -> Tensor:
        return self.log_gain.expand(len(context.clean))[:, None, None, None]
