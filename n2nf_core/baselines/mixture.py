"""Photon transfer with heavy tails: a noise model in which outliers are part of the density.

Hot and blinking pixels and particles give noise that is far from Gaussian. Photon transfer leaves these pixels out, so
that its line is that of the good pixels. Here all pixels share in the density: a mixture of Gaussians whose variances
are multiples of the line.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from n2nf_core.baselines.gaussian import Fits, GaussianNoise, Recordings, by_setting, fit_photon_transfer, of_fits
from n2nf_core.baselines.photon_transfer import PhotonTransfer
from n2nf_core.baselines.temporal import bands, frame_of, temporal
from n2nf_core.cameras import IsoKnots, OnKnots
from n2nf_core.types import NLF, Context, Stack, check_shapes

START = ((0.8, 0.15, 0.05), (0.8, 2.0, 8.0))  # shares and multiples that the likelihood is maximised from
BINS_PER_E = 20  # of the histogram of log u^2; a bin is so narrow that the density hardly changes in it
LOWEST, HIGHEST = -18.0, 14.0  # range of log u^2; what lies outside is counted at its ends


class MixtureNoise(OnKnots):
    """p(n | x) = sum_k share_k N(n; 0, multiple_k v(x)), independently per pixel, on the line v of a Gaussian model.

    Between the ISO values of a camera, log share and log multiple are linear in log ISO.

    Arguments:
        line: the model that states v(x).
        shares: (cameras, knots, K), positive, in the order of the line's cameras and of their ISO values.
        multiples: (cameras, knots, K), positive.

    >>> line = GaussianNoise({"S6": {100: NLF(4.79e-4, 2e-6)}})
    >>> model = MixtureNoise(line, torch.tensor([[[0.9, 0.1]]]), torch.tensor([[[0.5, 5.5]]]))
    >>> round(model.nlf()["S6"][100].shot / 4.79e-4, 4)
    1.0
    """

    built_by = None

    def __init__(self, line: GaussianNoise, shares: Tensor, multiples: Tensor):
        super().__init__(IsoKnots(line.cameras, line.isos))
        self.line = line
        self.register_buffer("log_shares", (shares / shares.sum(-1, keepdim=True)).double().log())
        self.register_buffer("log_multiples", multiples.double().log())

    def _components(self, context: Context) -> tuple[Tensor, Tensor]:
        """(log share, multiple) of every component: (K, B, 1, 1, 1) each, of the type of the signal."""
        rows = [self.knots(table, context.camera, context.iso) for table in (self.log_shares, self.log_multiples)]
        shares, multiples = (row.to(context.clean.dtype).T[..., None, None, None] for row in rows)
        return shares.log_softmax(0), multiples.exp()

    def nlf(self) -> dict[str, dict[float, NLF]]:
        """camera -> ISO -> shot and read of the variance of all pixels: the line times sum_k share_k multiple_k."""
        factor = (self.log_shares + self.log_multiples).exp().sum(-1)
        table = {camera: dict(row) for camera, row in self.line.nlf().items()}
        for row, column, camera, iso in self.knots.cells():
            table[camera][iso] = NLF(*(term * float(factor[row, column]) for term in table[camera][iso]))
        return table

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats."""
        check_shapes(noise, context)
        variance = self.line.variance(context)
        total = torch.full_like(noise, -math.inf)
        for share, multiple in zip(*self._components(context), strict=True):
            part = share - 0.5 * (noise.square() / (multiple * variance) + torch.log(2 * math.pi * multiple * variance))
            total = torch.logaddexp(total, part)
        return total.flatten(1).sum(1)

    @torch.no_grad()
    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """n = temperature * sqrt(multiple_k v) * eps, eps ~ N(0, I), with component k drawn for every pixel.

        Arguments:
            context: clean signal, camera and ISO of B images.
            temperature: factor on the standard deviation of the noise.
            generator: of the components and of eps; by default PyTorch's own for the device.
        """
        clean = context.clean
        options = {"generator": generator, "dtype": clean.dtype, "device": clean.device}
        level, eps = torch.rand(clean.shape, **options), torch.randn(clean.shape, **options)
        shares, multiples = self._components(context)
        chosen = multiples[0].expand_as(clean)
        for end, multiple in zip(shares.exp().cumsum(0)[:-1], multiples[1:], strict=True):
            chosen = torch.where(level > end, multiple, chosen)
        return temperature * eps * (chosen * self.line.variance(context)).sqrt()


def fit_mixture(recordings: Recordings) -> tuple[MixtureNoise, Fits]:
    """Photon transfer, and the mixture on its line that is most likely: (noise model, fits).

    The contrasts u = sqrt(T / (T - 1)) (y_t - mean of the burst) / sqrt(v(mean of the burst)) are free of the scene.
    They hold the noise of one frame and that of the others, so their density is
    sum_jk share_j share_k N(0, multiple_j (T - 1) / T + multiple_k / T). Its likelihood is maximised over a histogram.
    For pairs it is exact if the component is drawn anew for every pixel and frame. Where it belongs to the pixel, as it
    does for hot pixels, the tails from pairs come out too heavy; pairs cannot tell the two apart.

    fits: camera -> ISO -> :class:`~n2nf_core.baselines.photon_transfer.PhotonTransfer`.
    """
    settings = by_setting(recordings)
    fits = fit_photon_transfer((c, iso, burst) for c, row in settings.items() for iso, b in row.items() for burst in b)[
        1
    ]
    line = of_fits(fits)
    shares = torch.ones(*line.knots.shape, len(START[0]), dtype=torch.float64)
    multiples = shares.clone()
    for row, column, camera, iso in line.knots.cells():
        counts = {}
        for burst in settings[camera][iso]:
            counts[burst.shape[0]] = counts.get(burst.shape[0], 0) + _contrasts(burst, fits[camera][iso])
        shares[row, column], multiples[row, column] = _most_likely(counts)
    return MixtureNoise(line, shares, multiples), fits


def _contrasts(burst: Tensor | Stack, fit: PhotonTransfer) -> Tensor:
    """Histogram of log u^2 over all frames and pixels of a burst: (bins,) counts."""
    stats = temporal(burst)
    centre, gains, frames = stats.mean, stats.gains.to(stats.mean.dtype)[..., None, None], stats.frames
    del stats  # the variances are as large as the mean
    shot, read = fit.nlf()
    bins, share = int((HIGHEST - LOWEST) * BINS_PER_E), frames / (frames - 1)
    counts = torch.zeros(bins, dtype=torch.long)
    for t in range(frames):
        frame = frame_of(burst, t)
        for rows in bands(tuple(centre.shape)):
            mean = centre[:, rows]
            variance = shot * mean.clamp(min=fit.darkest) + read
            square = (frame[:, rows] / gains[t] - mean).square() / variance * share
            index = ((square.log() - LOWEST) * BINS_PER_E).clamp(0, bins - 1).long()
            counts += torch.bincount(index.flatten(), minlength=bins)
        del frame  # before the next one is read
    return counts


def _most_likely(counts: dict[int, Tensor]) -> tuple[Tensor, Tensor]:
    """(shares, multiples) that are most likely, given number of frames T -> histogram of log u^2."""
    parameters = torch.tensor(START, dtype=torch.float64).log().requires_grad_()
    optimiser = torch.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        shares, multiples = parameters[0].log_softmax(0), parameters[1].exp()
        total = torch.zeros((), dtype=torch.float64)
        for frames, count in counts.items():
            square = (torch.arange(len(count), dtype=torch.float64).add(0.5) / BINS_PER_E + LOWEST).exp()
            variance = (multiples[:, None] * (frames - 1) + multiples) / frames
            logs = (shares[:, None] + shares - 0.5 * variance.log())[..., None] - 0.5 * square / variance[..., None]
            total = total - (count * logs.flatten(0, 1).logsumexp(0)).sum()
        total = total / sum(count.sum() for count in counts.values())
        total.backward()
        return total

    optimiser.step(loss)
    return parameters[0].detach().softmax(0), parameters[1].detach().exp()
