"""The sinh-arcsinh law, with a given skewness and excess kurtosis, and the monotone map from one such law to another.

    Q(z) = (sinh((asinh z + epsilon) / delta) - mean) / deviation,   z ~ N(0, 1)

has mean 0 and variance 1. epsilon makes it skewed, and delta < 1 gives it heavier tails than the normal law. Q rises
everywhere, its inverse has a closed form, and both grow like a power of their argument. A map Q2(Q1^-1(u)) therefore
keeps the order of the values and does not run away in the tails, as a polynomial in u does.

Source: Jones and Pewsey, Sinh-arcsinh distributions, Biometrika 96, 2009.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

QUADRATURE = 120  # nodes of Gauss-Hermite; moments of the laws below are exact to about 1e-6 with them
ITERATIONS = 30
MOST_SKEWNESS, MOST_KURTOSIS = 2.0, 20.0  # beyond these, moments say little about a law
LIMITS = {"epsilon": (-2.0, 2.0), "delta": (0.35, 2.5)}


class SinhArcsinh(NamedTuple):
    """Parameters of one or more standardised sinh-arcsinh laws; all fields have the same shape.

    Arguments:
        epsilon: skewness parameter; 0 for a symmetric law.
        delta: tail parameter, positive; 1 for normal tails.
        mean, deviation: of sinh((asinh z + epsilon) / delta), so that the law has mean 0 and variance 1.
    """

    epsilon: Tensor
    delta: Tensor
    mean: Tensor
    deviation: Tensor

    def quantile(self, z: Tensor) -> Tensor:
        """Q(z): a standard normal value -> the value of this law with the same probability below it."""
        return (torch.sinh((torch.asinh(z) + self.epsilon) / self.delta) - self.mean) / self.deviation

    def normal_score(self, u: Tensor) -> Tensor:
        """Q^-1(u), the inverse of :meth:`quantile`."""
        return torch.sinh(self.delta * torch.asinh(self.mean + self.deviation * u) - self.epsilon)

    def log_prob(self, u: Tensor) -> Tensor:
        """log p(u) = log N(z; 0, 1) + log dz/du at z = Q^-1(u), in nats."""
        x = self.mean + self.deviation * u
        power = self.delta * torch.asinh(x) - self.epsilon
        slope = power.cosh().log() + self.delta.log() + self.deviation.log() - 0.5 * torch.log1p(x.square())
        return slope - 0.5 * (power.sinh().square() + math.log(2 * math.pi))


@functools.cache
def _gauss_hermite() -> tuple[Tensor, Tensor]:
    """Nodes z and weights, with sum(weights * f(nodes)) = E f(z) for z ~ N(0, 1). To find them takes milliseconds."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(QUADRATURE)
    return torch.from_numpy(nodes), torch.from_numpy(weights / math.sqrt(2 * math.pi))


def divergence(law: SinhArcsinh, other: SinhArcsinh, variance: Tensor | float = 1.0) -> Tensor:
    """KL(p, q) = E_p[log p(u) - log q(u)] in nats, by quadrature: the regret of q where p is true.

    Arguments:
        law: p, one or more laws of variance 1.
        other: the shape of q.
        variance: of q.
    """
    nodes, weights = _gauss_hermite()
    first, second = (SinhArcsinh(*(field[..., None] for field in one)) for one in (law, other))
    u, scale = first.quantile(nodes), torch.as_tensor(variance, dtype=nodes.dtype)[..., None].sqrt()
    ratio = first.log_prob(u) - second.log_prob(u / scale) + scale.log()
    return (weights * ratio).sum(-1)


def _moments(epsilon: Tensor, delta: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Mean, standard deviation, skewness and excess kurtosis of sinh((asinh z + epsilon) / delta), by quadrature."""
    nodes, weights = _gauss_hermite()
    x = torch.sinh((torch.asinh(nodes) + epsilon[..., None]) / delta[..., None])
    mean = (weights * x).sum(-1)
    second, third, fourth = ((weights * (x - mean[..., None]) ** k).sum(-1) for k in (2, 3, 4))
    return mean, second.sqrt(), third / second**1.5, fourth / second.square() - 3


def with_cumulants(skewness: Tensor, kurtosis: Tensor) -> SinhArcsinh:
    """The sinh-arcsinh laws of this skewness g3 and excess kurtosis g4, or the nearest that there are.

    The nearest ones have the least (g3 - g3')^2 / 12 + (g4 - g4')^2 / 48, the leading terms of the divergence between
    two laws that are close to normal. It is minimised by Levenberg-Marquardt steps on (epsilon, log delta). |g3| is
    limited to 2 and g4 to 20.

    Arguments:
        skewness, kurtosis: of any one shape.

    >>> law = with_cumulants(torch.tensor([0.5]), torch.tensor([1.0]))
    >>> z = torch.linspace(-4, 4, 9)
    >>> bool((law.normal_score(law.quantile(z)) - z).abs().max() < 1e-4)
    True
    """
    goal = torch.stack((skewness.double().clamp(-MOST_SKEWNESS, MOST_SKEWNESS) / math.sqrt(12),
                        kurtosis.double().clamp(max=MOST_KURTOSIS) / math.sqrt(48)), -1)  # fmt: skip
    low, high = (
        torch.tensor([LIMITS["epsilon"][k], math.log(LIMITS["delta"][k])], dtype=torch.float64) for k in (0, 1)
    )
    point = torch.zeros_like(goal)
    damping = torch.full_like(goal[..., :1], 1e-2)

    def residual(at: Tensor) -> Tensor:
        _, _, third, fourth = _moments(at[..., 0], at[..., 1].exp())
        return torch.stack((third / math.sqrt(12), fourth / math.sqrt(48)), -1) - goal

    found = residual(point)
    for _ in range(ITERATIONS):
        step = 1e-5 * torch.eye(2, dtype=torch.float64)
        jacobian = torch.stack([(residual(point + h) - residual(point - h)) / 2e-5 for h in step], -1)
        normal = jacobian.mT @ jacobian
        normal = normal + damping[..., None] * (torch.eye(2, dtype=torch.float64) + normal * torch.eye(2))
        move = torch.linalg.solve(normal, (jacobian.mT @ found[..., None]))[..., 0]
        trial = (point - move).clamp(low, high)
        value = residual(trial)
        better = (value.square().sum(-1) < found.square().sum(-1))[..., None]
        point, found = torch.where(better, trial, point), torch.where(better, value, found)
        damping = torch.where(better, damping / 5, damping * 4).clamp(1e-10, 1e6)
    epsilon, delta = point[..., 0], point[..., 1].exp()
    return SinhArcsinh(epsilon, delta, *_moments(epsilon, delta)[:2])
