"""A mixture of Gaussians whose parameters are polynomials of the signal, and noise models with one model per plane."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from n2nf_core.cameras import IsoKnots, OnKnots
from n2nf_core.types import Context, HasVariance, NoiseModel, ask_for, check_shapes


class GaussianMixture(OnKnots):
    """p(n | x) = sum_k w_k(s) N(n; m_k(s), v_k(s)), independently per pixel: the noise model of PPN2V and CAREamics.

    s = (d - low) / (high - low),  d = black + x (white - black), the signal in DN
    v_k = max(sum_i exp(b_ki) s^i, smallest),  w_k = softmax_k(sum_i c_ki s^i)
    m_k = sum_i a_ki s^i - sum_k w_k (sum_i a_ki s^i), so that the noise has mean 0

    m_k and v_k are in DN and DN^2; all members take and return [0, 1] units. The model has one setting: its camera and
    its ISO are names for it. ValueError for coefficients of another shape and for levels that do not ascend.
    Source: Prakash et al., Fully Unsupervised Probabilistic Noise2Void, ISBI 2020, in the form of CAREamics.

    Arguments:
        weight: (3 K, I), the coefficients a, b and c of K Gaussians.
        signals: low and high, the signals in DN at which s is 0 and 1.
        smallest: smallest variance in DN^2.
        levels: black and white level in DN.
        camera: name of the camera.
        iso: ISO setting.
    """

    def __init__(
        self,
        weight: Tensor,
        signals: tuple[float, float],
        smallest: float,
        levels: tuple[float, float],
        camera: str = "camera",
        iso: float = 100.0,
    ):
        super().__init__(IsoKnots((camera,), (iso,)))
        if weight.ndim != 2 or len(weight) % 3 or not weight.numel():
            raise ValueError(f"the coefficients must be (3 K, I) for K Gaussians, got {tuple(weight.shape)}")
        for name, (low, high) in (("signals", signals), ("black and white level", levels)):
            if not low < high:
                raise ValueError(f"the {name} must be a lower and a higher number in DN, got {low:g} and {high:g}")
        self.register_buffer("weight", weight)
        self.signals, self.smallest, self.levels = signals, smallest, levels

    def components(self, context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """Means, variances and logarithms of the weights: (K, B, C, H, W) each, in [0, 1] units of the noise."""
        (low, high), (black, white) = self.signals, self.levels
        signal = (black - low + context.clean * (white - black)) / (high - low)
        powers = torch.stack([signal**i for i in range(self.weight.shape[1])])
        a, b, c = self.weight.to(signal.dtype).chunk(3)
        shifts, variances, scores = (torch.tensordot(rows, powers, 1) for rows in (a, b.exp(), c))
        log_weights = torch.log_softmax(scores, 0)
        means = shifts - (log_weights.exp() * shifts).sum(0)
        return means / (white - black), variances.clamp(min=self.smallest) / (white - black) ** 2, log_weights

    def variance(self, context: Context) -> Tensor:
        """v = sum_k w_k (v_k + m_k^2): (B, C, H, W), in [0, 1] units squared."""
        means, variances, log_weights = self.components(context)
        return (log_weights.exp() * (variances + means.square())).sum(0)

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        check_shapes(noise, context)
        means, variances, log_weights = self.components(context)
        terms = log_weights - 0.5 * ((noise - means).square() / variances + torch.log(2 * math.pi * variances))
        return torch.logsumexp(terms, 0).flatten(1).sum(1)

    @torch.no_grad()
    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n = m_k + temperature sqrt(v_k) eps, with k drawn by the weights: noise (B, C, H, W) in [0, 1] units.

        Arguments:
            context: clean signal, camera and ISO of B images.
            temperature: factor on the standard deviation of every Gaussian.
            generator: of k and eps; by default PyTorch's own for the device.
        """
        means, variances, log_weights = self.components(context)
        random = {"generator": generator, "dtype": means.dtype, "device": means.device}
        below = torch.rand(means.shape[1:], **random) >= log_weights.exp().cumsum(0)[:-1]
        chosen = below.sum(0, keepdim=True)
        mean, variance = (each.gather(0, chosen)[0] for each in (means, variances))
        return mean + temperature * variance.sqrt() * torch.randn(mean.shape, **random)


class PerPlane(torch.nn.Module):
    """p(n | x) = prod_c p_c(n_c | x_c): a noise model of its own for every colour plane.

    models: one noise model of single planes for each of C planes. All must know the same cameras in the same order;
    ValueError where they do not.
    """

    def __init__(self, models: Sequence[NoiseModel]):
        super().__init__()
        self.cameras = models[0].cameras
        if any(model.cameras != self.cameras for model in models):
            raise ValueError(f"the planes' models know different cameras: {[list(m.cameras) for m in models]}")
        self.models = torch.nn.ModuleList(models)

    def context(self, clean: Tensor, camera: str | Sequence[str], iso: float | Sequence[float]) -> Context:
        """The context of B images, from names of cameras.

        Arguments:
            clean: (B, C, H, W), clean signal in [0, 1] units.
            camera: name of the camera, one for all images or one for each.
            iso: ISO setting, one for all images or one for each.
        """
        return self.models[0].context(clean, camera, iso)

    def _planes(self, context: Context) -> list[Context]:
        planes = context.clean.split(1, 1)
        if len(planes) != len(self.models):
            raise ValueError(f"this model has {len(self.models)} planes, but the image has {len(planes)}")
        return [context._replace(clean=plane) for plane in planes]

    @property
    def isos(self) -> dict[str, Sequence[float]]:
        """camera -> the ISO values of the first plane's model."""
        return self.models[0].isos

    def variance(self, context: Context) -> Tensor:
        """var(n | x): (B, C, H, W), in [0, 1] units squared; TypeError where a plane's model does not state it."""
        planes = zip(self.models, self._planes(context), strict=True)
        return torch.cat([ask_for(model, HasVariance).variance(plane) for model, plane in planes], 1)

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        check_shapes(noise, context)
        parts = zip(self.models, noise.split(1, 1), self._planes(context), strict=True)
        return sum(model.log_prob(part, plane) for model, part, plane in parts)

    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units, plane after plane.

        Arguments:
            context: clean signal, camera and ISO of B images.
            temperature: as each plane's model takes it.
            generator: of the random numbers; by default PyTorch's own for the device.
        """
        planes = zip(self.models, self._planes(context), strict=True)
        return torch.cat([model.sample(plane, temperature, generator) for model, plane in planes], 1)
