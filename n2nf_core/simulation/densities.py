"""Noise that is not Gaussian or not white, with exact densities, so that the regret of a model of it is known.

Every density is made from a table of noise level functions, as :class:`~n2nf_core.baselines.GaussianNoise` is, and has
the variance shot x + read that the table says. In electrons, shot is the gain and sqrt(read) / shot the read noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from n2nf_core.baselines import GaussianNoise
from n2nf_core.types import NLF, Context, check_shapes

Table = Mapping[str, Mapping[float, NLF]]
"""camera -> ISO -> shot and read, variances in [0, 1] units."""

FAR = 9.0  # counts further from their mean than so many standard deviations, plus 30, are left out: less than 1e-15


class Law(Protocol):
    """The law of a real number with mean 0 and variance 1."""

    def log_prob(self, u: Tensor) -> Tensor:
        """log p(u), of the shape of u."""

    def sample(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Independent values, of shape, type and device of ``like``."""


def _randn(like: Tensor, generator: torch.Generator | None, *more: int) -> Tensor:
    return torch.randn((*more, *like.shape), generator=generator, dtype=like.dtype, device=like.device)


class Normal:
    """log p(u) = -(u^2 + log 2 pi) / 2."""

    def log_prob(self, u: Tensor) -> Tensor:
        """log p(u), of the shape of u."""
        return -0.5 * (u.square() + math.log(2 * math.pi))

    def sample(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Independent values, of shape, type and device of ``like``."""
        return _randn(like, generator)


class StudentT:
    """u = sqrt((nu - 2) / nu) t with t from Student's law of nu degrees of freedom: heavy tails, excess 6 / (nu - 4).

    freedom: nu, an integer of at least 3.
    """

    def __init__(self, freedom: int = 5):
        self.freedom = freedom

    def log_prob(self, u: Tensor) -> Tensor:
        """log p(u), of the shape of u."""
        nu = self.freedom
        constant = math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2) - 0.5 * math.log(math.pi * (nu - 2))
        return constant - (nu + 1) / 2 * torch.log1p(u.square() / (nu - 2))

    def sample(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Independent values, of shape, type and device of ``like``."""
        chi2 = _randn(like, generator, self.freedom).square().sum(0)
        return _randn(like, generator) * ((self.freedom - 2) / chi2).sqrt()


class Telegraph:
    """(1 - p) N(0, 1) + p/2 N(a, 1) + p/2 N(-a, 1), scaled to variance 1: a share p of values jumps by +-a.

    Random telegraph noise: an electron is caught by a trap or released between the two samples of a pixel. Every pixel
    and frame jumps independently here, whereas the jumping pixels of a sensor stay the same.

    Arguments:
        share: p, of values that jump.
        jump: a, in standard deviations of the other noise.
    """

    def __init__(self, share: float = 0.05, jump: float = 4.0):
        self.share, self.jump = share, jump
        self.scale = math.sqrt(1 + share * jump**2)

    def log_prob(self, u: Tensor) -> Tensor:
        """log p(u), of the shape of u."""
        x, normal = self.scale * u, Normal()
        sides = torch.logaddexp(normal.log_prob(x - self.jump), normal.log_prob(x + self.jump))
        stays = math.log(1 - self.share) + normal.log_prob(x)
        return torch.logaddexp(stays, math.log(self.share / 2) + sides) + math.log(self.scale)

    def sample(self, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Independent values, of shape, type and device of ``like``."""
        uniform = torch.rand(like.shape, generator=generator, dtype=like.dtype, device=like.device)
        jumps = (uniform < self.share / 2).to(like) - (uniform > 1 - self.share / 2).to(like)
        return (_randn(like, generator) + self.jump * jumps) / self.scale


class _World(GaussianNoise):
    """A density that no model file describes, and that draws noise in its own way."""

    built_by = None

    def draw(self, context: Context, generator: torch.Generator | None) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units, of temperature 1."""
        raise NotImplementedError

    @torch.no_grad()
    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units.

        Arguments:
            context: clean signal, camera and ISO of B images.
            temperature: factor on the noise.
            generator: of the random numbers; by default PyTorch's own for the device.
        """
        return temperature * self.draw(context, generator)


class ScaledNoise(_World):
    """n = sqrt(v) u, with u from any law of variance 1 and v = shot max(x, 0) + read, independently per pixel.

    Arguments:
        table: camera -> ISO -> NLF.
        law: of u.
    """

    def __init__(self, table: Table, law: Law):
        super().__init__(table)
        self.law = law

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        check_shapes(noise, context)
        variance = self.variance(context)
        return (self.law.log_prob(noise / variance.sqrt()) - 0.5 * variance.log()).flatten(1).sum(1)

    def draw(self, context: Context, generator: torch.Generator | None) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units, of temperature 1."""
        return self.variance(context).sqrt() * self.law.sample(context.clean, generator)


class PhotonNoise(_World):
    """n = K Poisson(x / K) - x + sqrt(read) u: counted photons, then read noise of any law; K is the shot of the table.

    log p(n | x) = log sum_k Poisson(k; x / K) p_u((n + x - K k) / sqrt(read)) - log sqrt(read)

    The sum over counts k is a convolution, and is complete: it leaves out less than 1e-15 of the counts. It takes about
    as many passes over an image as its brightest pixel has photons, and is meant for the dark.

    Arguments:
        table: camera -> ISO -> NLF.
        law: of u, the read noise; by default normal, which gives Poisson-Gaussian noise.
    """

    def __init__(self, table: Table, law: Law | None = None):
        super().__init__(table)
        self.law = law or Normal()

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        check_shapes(noise, context)
        gain, read = self.levels(context)
        photons = context.clean.clamp(min=0) / gain
        most = float(photons.max())
        total = torch.full_like(noise, -math.inf)
        for k in range(int(most + FAR * math.sqrt(most) + 30)):
            log_poisson = torch.xlogy(torch.full_like(photons, k), photons) - photons - math.lgamma(k + 1)
            log_poisson = torch.where(photons > 0, log_poisson, 0.0 if k == 0 else -math.inf)
            u = (noise + gain * (photons - k)) / read.sqrt()
            total = torch.logaddexp(total, log_poisson + self.law.log_prob(u))
        return (total - 0.5 * read.log()).flatten(1).sum(1)

    def draw(self, context: Context, generator: torch.Generator | None) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units, of temperature 1."""
        gain, read = self.levels(context)
        photons = context.clean.clamp(min=0) / gain
        shot = gain * (torch.poisson(photons, generator=generator) - photons)
        return shot + read.sqrt() * self.law.sample(photons, generator)


class RowNoise(_World):
    """n = N(0, shot x + read) + r, with r ~ N(0, row^2) shared by a row of the mosaic: exact, and Gaussian.

    A row of the mosaic holds one row of the planes R and Gr, or of Gb and B. Its covariance is
    S = diag(v) + row^2 1 1^T:

        log |S| = sum log v + log(1 + row^2 sum 1/v)
        n^T S^-1 n = sum n^2/v - row^2 (sum n/v)^2 / (1 + row^2 sum 1/v)

    row^2 = share * read, for each camera and ISO. The variance of the noise is shot x + read + row^2.

    Arguments:
        table: camera -> ISO -> NLF, without the row noise.
        share: row^2 / read.
    """

    def __init__(self, table: Table, share: float = 0.3):
        super().__init__(table)
        self.share = share

    def nlf(self) -> dict[str, dict[float, NLF]]:
        """camera -> ISO -> shot and read, variances in [0, 1] units, with the row noise."""
        return {c: {i: NLF(b1, b2 * (1 + self.share)) for i, (b1, b2) in row.items()} for c, row in self.table.items()}

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        variance, row = self.variance(context), self.share * self.levels(context)[1]

        def of_row(values: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C / 2, H, 1)
            return values.unflatten(1, (-1, 2)).sum((2, 4))[..., None]

        weight = 1 + row * of_row(1 / variance)
        gain = row * of_row(noise / variance).square() / weight - weight.log()
        return super().log_prob(noise, context) + 0.5 * gain.flatten(1).sum(1)

    def draw(self, context: Context, generator: torch.Generator | None) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units, of temperature 1."""
        white = self.from_normal(_randn(context.clean, generator), context)
        rows = _randn(white[:, ::2, :, :1], generator).repeat_interleave(2, 1)
        return white + (self.share * self.levels(context)[1]).sqrt() * rows
