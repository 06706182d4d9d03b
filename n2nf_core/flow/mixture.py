"""Tails and skewness: an elementwise layer that holds a mixture of Gaussians exactly, with a shape along the signal."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from n2nf_core.cameras import IsoKnots
from n2nf_core.flow import normal
from n2nf_core.flow.bijections import Bijection
from n2nf_core.flow.fused import kernels_allowed
from n2nf_core.flow.fused_autograd import in_threads
from n2nf_core.types import Context

FIRST, BELOW, KNOTS = -3, 3, 12
"""The signal knots lie at t = asinh(4 x / d) = -3, -2, ..., 8; the first three are below black."""

NARROWEST = 0.2
"""Smallest standard deviation of a component before the mixture is standardised.

Without a limit the likelihood has no upper bound: a component whose width goes to 0 at a value that occurs more than
once, as values of integer data do, has an infinite density there.
"""


class MixtureCDF(Bijection):
    """z = Phi^-1(F(u)), F(u) = sum_k w_k Phi((u - m_k) / s_k), ladj = sum log(F'(u) / phi(z)), for every pixel alone.

    If u has the density of the mixture, then z is standard normal. Weights w, means m and widths s of the components
    are learned for every camera at its ISO knots and at signal knots. Their untransformed values are linear between
    the knots, in log ISO and in t = asinh(4 x / d). The scale d of the signal x is a constant for every camera and ISO,
    near the standard deviation of its read noise (:meth:`set_unit`); the knots reach from -2.5 d over 0 to 372 d.

    Every mixture is standardised to mean 0 and standard deviation 1, so the layer changes the shape of the noise and
    leaves its variance to the layer before. Only below black, x < 0, where the noise level function is constant, the
    standard deviation is learned, too. Estimates of a dark signal are negative at many pixels, and if the stated black
    level is wrong by a few DN, the noise there is not that of x = 0.

    The inverse has no closed form. It is solved for by bracketed Newton steps, and its derivatives are exact. Where no
    gradient is needed, a CPU uses :mod:`n2nf_core.kernels.mixture`.

    Arguments:
        knots: cameras and their ISO knots.
        components: number of Gaussians in the mixture; one alone leaves x > 0 as it is. They start as a core with a
            small one on either side, so that values that jump are found, too.
        unit: d at the start, in [0, 1] units.
    """

    def __init__(self, knots: IsoKnots, components: int = 3, unit: float = 1e-2):
        super().__init__()
        self.knots = knots
        shape, start = (*knots.shape, KNOTS, components), _at_start(components)
        self.log_below = nn.Parameter(torch.zeros(*knots.shape, BELOW))
        self.logit, self.mean, self.log_width = (nn.Parameter(row.expand(shape).clone()) for row in start)
        self.register_buffer("log_unit", torch.full(knots.shape, float(unit)).log())

    @torch.no_grad()
    def set_unit(self, camera: str, iso: float, unit: float) -> None:
        """Set d of one camera at one of its ISO knots; LookupError where it has no such knot.

        Arguments:
            camera: its name.
            iso: one of the camera's ISO knots.
            unit: standard deviation of the read noise, positive, in [0, 1] units.
        """
        self.log_unit[self.knots.cell(camera, iso)] = math.log(unit)

    def signals(self) -> Tensor:
        """x at the signal knots, in [0, 1] units: (cameras, ISO knots, signal knots)."""
        t = torch.arange(FIRST, FIRST + KNOTS).to(self.log_unit)
        return self.log_unit.exp()[..., None] * t.sinh() / 4

    def moments(self) -> tuple[Tensor, Tensor]:
        """Skewness and excess kurtosis of the mixtures at the signal knots, as :meth:`signals` has them."""
        parts = (p.flatten(0, 2)[..., None] for p in (self.logit, self.mean, self.log_width))
        log_weight, mean, log_width = (p.squeeze(2) for p in standardised(*parts, self.logit.new_zeros(())))
        weight, variance = log_weight.exp(), (2 * log_width).exp()
        skewness = (weight * (mean**3 + 3 * mean * variance)).sum(1)
        kurtosis = (weight * (mean**4 + 6 * mean**2 * variance + 3 * variance**2)).sum(1) - 3
        return skewness.view(self.logit.shape[:3]), kurtosis.view(self.logit.shape[:3])

    def _tables(self, context: Context) -> tuple[Tensor, Tensor]:
        """The parameters at the signal knots of every image (B, G, 1 + 3 k), and the places of its pixels (B, N)."""
        log_sd = nn.functional.pad(self.log_below, (0, KNOTS - BELOW))[..., None]
        table = torch.cat((log_sd, self.logit, self.mean, self.log_width), 3).flatten(2)
        unit = self.knots(self.log_unit, context.camera, context.iso).exp()[:, None]
        place = (torch.asinh(4 * context.clean.flatten(1) / unit) - FIRST).clamp(0, KNOTS - 1)
        return self.knots(table, context.camera, context.iso).unflatten(1, (KNOTS, -1)), place

    def components(self, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """log w_k, m_k and log s_k at every pixel, standardised: (B, k, N) each, N = C H W."""
        table, place = self._tables(context)
        knots = torch.arange(KNOTS).to(place)[:, None]
        between = table.mT @ torch.relu(1 - (place[:, None] - knots).abs())
        return standardised(*between[:, 1:].chunk(3, 1), between[:, :1])

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        z, log_slope = to_base(x.flatten(1), *self.components(context))
        return z.view_as(x), log_slope.sum(1)

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        if z.device.type == "cpu" and kernels_allowed() and not torch.is_grad_enabled():
            return _from_base_on_cpu(z.flatten(1), *self._tables(context)).view_as(z)
        return from_base(z.flatten(1), *self.components(context)).view_as(z)


def _at_start(components: int) -> Tensor:
    """Untransformed weights, means and widths (3, k): a core, wider ones in pairs to its sides, and one more at 0.

    Where all components start in one place, training ends in mixtures that differ in widths alone, and values that
    jump, as in telegraph noise, are never found. Where the others are narrow, heavy tails are found more slowly.
    """
    pairs = (components - 1) // 2
    mean = [0.0, *(side * (pair + 1.0) for pair in range(pairs) for side in (-1, 1)), *[0.0] * ((components - 1) % 2)]
    rest = components - 1
    return torch.tensor([[0.0] + [-2.0] * rest, mean, [0.0] + [0.5] * rest])


def standardised(logit: Tensor, mean: Tensor, log_width: Tensor, log_sd: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log w, m and log s of a mixture with mean 0 and standard deviation exp(log_sd).

    Arguments:
        logit: (B, k, N), logarithms of the weights up to a constant.
        mean, log_width: (B, k, N), of the components before the mixture is standardised.
        log_sd: (B, 1, N), or of a shape that broadcasts.
    """
    log_weight = logit.log_softmax(1)
    weight, variance = log_weight.exp(), NARROWEST**2 + (2 * log_width).exp()
    mean = mean - (weight * mean).sum(1, keepdim=True)
    log_factor = log_sd - 0.5 * (weight * (mean.square() + variance)).sum(1, keepdim=True).log()
    return log_weight, mean * log_factor.exp(), 0.5 * variance.log() + log_factor


def to_base(u: Tensor, log_weight: Tensor, mean: Tensor, log_width: Tensor) -> tuple[Tensor, Tensor]:
    """z = Phi^-1(F(u)) and log dz/du, both (B, N). F is computed from the nearer end, so that no tail is rounded away.

    Arguments:
        u: (B, N).
        log_weight, mean, log_width: (B, k, N), log w, m and log s of the components.
    """
    side = torch.where(u < 0, 1.0, -1.0).to(u)  # the lower tail below 0, the upper one above
    a = (u[:, None] - mean) * torch.exp(-log_width)
    z = side * normal.quantile(torch.logsumexp(log_weight + torch.special.log_ndtr(side[:, None] * a), 1))
    return z, torch.logsumexp(log_weight - log_width - 0.5 * a.square(), 1) + 0.5 * z.square()


ITERATIONS = 40
"""Steps of :func:`from_base`; a double needs about 20 of them where a narrow component meets a wide one."""


def from_base(z: Tensor, log_weight: Tensor, mean: Tensor, log_width: Tensor) -> Tensor:
    """u with F(u) = Phi(z), (B, N), differentiable by all arguments.

    Phi(z) lies between the smallest and the largest Phi((u - m_k) / s_k), so u lies between the smallest and the
    largest m_k + s_k z. A Newton step that leaves this bracket, or that is not half as long as the one before the last,
    is replaced by the middle. One more step from the solution gives the derivatives of the implicit function
    theorem, du/dz = 1 / z'(u) and du/dp = -(dz/dp) / z'(u) for every parameter p.

    Arguments:
        z: (B, N).
        log_weight, mean, log_width: (B, k, N), log w, m and log s of the components.
    """
    shape = log_weight, mean, log_width
    with torch.no_grad():
        ends = mean + log_width.exp() * z[:, None]
        low, high = ends.amin(1), ends.amax(1)
        u = (low + high) / 2
        before = step = high - low
        for _ in range(ITERATIONS):
            found, log_slope = to_base(u, *shape)
            low, high = torch.where(found < z, u, low), torch.where(found < z, high, u)
            newton = u + (z - found) * torch.exp(-log_slope)
            good = (newton >= low) & (newton <= high) & (2 * (newton - u).abs() <= before)
            after = torch.where(good, newton, (low + high) / 2)
            before, step, u = step, (after - u).abs(), after
    found, log_slope = to_base(u, *shape)
    return u + (z - found) * torch.exp(-log_slope.detach())


def _from_base_on_cpu(z: Tensor, table: Tensor, place: Tensor) -> Tensor:
    """:func:`from_base` by the kernel, with the tables of :class:`MixtureCDF`."""
    from n2nf_core.kernels import mixture

    u = torch.empty_like(z, memory_format=torch.contiguous_format)
    arrays, target = [part.contiguous().numpy() for part in (z, place, table)], u.numpy()

    def work(part: slice) -> None:
        mixture.inverse(*arrays, NARROWEST, part.start, part.stop, target)

    in_threads(work, z.shape[1])
    return u
