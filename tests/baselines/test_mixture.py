"""The mixture on the line of photon transfer: its density, its samples and its fit."""

import pytest
import torch
from scipy import stats

from n2nf_core.baselines import GaussianNoise, MixtureNoise, fit_mixture
from n2nf_core.types import NLF, Context

SHARES, MULTIPLES = torch.tensor([[[0.8, 0.2]]]), torch.tensor([[[0.7, 6.0]]])
LINE = NLF(0.004, 2e-4)


def model():
    return MixtureNoise(GaussianNoise({"A": {100: LINE}}), SHARES, MULTIPLES).double()


def context_of(count=1, side=32):
    clean = torch.linspace(0, 0.8, 4 * side * side, dtype=torch.float64).view(1, 4, side, side)
    return model().context(clean.expand(count, -1, -1, -1), "A", 100)


def test_density_is_that_of_scipy_and_samples_follow_it():
    context = context_of(4)
    noise = model().sample(context, generator=torch.Generator().manual_seed(0))
    deviation = (LINE.shot * context.clean + LINE.read).sqrt().numpy()
    parts = [(float(s), float(m) ** 0.5 * deviation) for s, m in zip(SHARES[0, 0], MULTIPLES[0, 0], strict=True)]
    density = sum(share * stats.norm.pdf(noise.numpy(), scale=scale) for share, scale in parts)
    expected = torch.from_numpy(density).log().flatten(1).sum(1)
    torch.testing.assert_close(model().log_prob(noise, context), expected, rtol=1e-6, atol=0)
    uniform = sum(share * stats.norm.cdf(noise.numpy(), scale=scale) for share, scale in parts)
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4
    ratio = noise.square().mean() / torch.from_numpy(deviation).square().mean()
    total = float((SHARES * MULTIPLES).sum())
    assert model().nlf()["A"][100] == pytest.approx((LINE.shot * total, LINE.read * total))
    assert float(ratio) == pytest.approx(total, abs=4 * 5 / noise.numel() ** 0.5)  # the kurtosis is below 25


@pytest.mark.parametrize("frames", [2, 6])
def test_heavy_tails_are_found_in_pairs_and_in_bursts(frames):
    """On noise that it was not fitted to, the fit costs less than .002 nats per dimension, the Gaussian line .1."""
    context = context_of(frames, 64)
    draw = torch.Generator().manual_seed(1)
    bursts = [("A", 100.0, context.clean + model().sample(context, generator=draw)) for _ in range(2)]
    found, fits = fit_mixture(bursts)
    held = model().sample(context, generator=draw)

    def nll(noise_model):
        return float(-noise_model.double().log_prob(held, Context(*context)).mean()) / held[0].numel()

    assert nll(found) - nll(model()) < 0.002
    assert nll(found.line) - nll(model()) > 0.1
    assert found.line.nlf()["A"][100] == fits["A"][100].nlf()


def test_gaussian_noise_needs_one_component_also_below_the_black_level():
    """On Gaussian noise the multiples of all components are 1, so that the fit costs nothing, to .001 nats."""
    clean = torch.linspace(-0.04, 0.1, 4 * 64 * 64).view(1, 4, 64, 64).expand(6, -1, -1, -1)
    deviation = (LINE.shot * clean + LINE.read).sqrt()
    noise = deviation * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2))
    found, _ = fit_mixture([("A", 100.0, clean + noise)])
    truth = stats.norm.logpdf(noise.numpy(), scale=deviation.numpy()).mean()
    cost = truth - float(found.log_prob(noise, found.context(clean, "A", 100)).mean()) / noise[0].numel()
    assert abs(cost) < 0.001


def test_every_camera_and_iso_has_components_of_its_own():
    line = GaussianNoise({"A": {100: LINE, 400: LINE}, "B": {200: LINE}})
    shares = torch.tensor([[[0.9, 0.1], [0.6, 0.4]], [[0.5, 0.5], [1.0, 1.0]]])
    mixed = MixtureNoise(line, shares, torch.tensor([1.0, 9.0]).expand(2, 2, 2))
    rows = [("A", 100.0), ("A", 400.0), ("B", 200.0)]
    context = mixed.context(torch.zeros(3, 4, 2, 2), *map(list, zip(*rows, strict=True)))
    noise = torch.full((3, 4, 2, 2), 0.01)
    alone = [mixed.log_prob(noise[k : k + 1], context.rows([k])) for k in range(3)]
    torch.testing.assert_close(mixed.log_prob(noise, context), torch.cat(alone))
    assert [round(mixed.nlf()[c][i].read / LINE.read, 4) for c, i in rows] == [1.8, 4.2, 5.0]
