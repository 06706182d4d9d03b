"""Densities of simulated noise against their own samples: integral, moments, and chi-squared over bins."""

import math

import pytest
import torch

from n2nf_core.simulation.densities import Normal, PhotonNoise, RowNoise, ScaledNoise, StudentT, Telegraph
from n2nf_core.types import NLF, Context

TABLE = {"A": {100: NLF(0.02, 4e-4)}, "B": {100: NLF(0.01, 1e-4), 400: NLF(0.04, 9e-4)}}
WHITE = {
    "photons": lambda: PhotonNoise(TABLE),
    "photons and tails": lambda: PhotonNoise(TABLE, StudentT(5)),
    "telegraph": lambda: ScaledNoise(TABLE, Telegraph(0.1, 4.0)),
    "tails": lambda: ScaledNoise(TABLE, StudentT(6)),
}
LEVELS = (0.0, 0.005, 0.08, 0.5)


@pytest.fixture(params=WHITE, scope="module")
def model(request):
    return WHITE[request.param]().double()


def pixels(model, level, count, camera="B", iso=400):
    clean = torch.full((count, 1, 1, 1), level, dtype=torch.float64)
    return model.context(clean, camera, iso)


def grid(model, level, points=6001, reach=14.0):
    """Noise on a grid and its density, for one pixel at a level."""
    deviation = math.sqrt(0.04 * level + 9e-4)
    noise = torch.linspace(-reach * deviation, reach * deviation, points, dtype=torch.float64)
    density = model.log_prob(noise.view(-1, 1, 1, 1), pixels(model, level, points)).exp()
    return noise, density


@pytest.mark.parametrize("level", LEVELS)
def test_a_density_integrates_to_one_with_mean_0_and_the_stated_variance(model, level):
    noise, density = grid(model, level, reach=60.0, points=20_001)
    moments = [float(torch.trapezoid(density * noise**k, noise)) for k in range(3)]
    assert moments[0] == pytest.approx(1, abs=2e-5)
    assert moments[1] == pytest.approx(0, abs=1e-6)
    stated = model.nlf()["B"][400]
    assert moments[2] == pytest.approx(stated.shot * level + stated.read, rel=2e-3)  # a t law's tails beyond the grid


@pytest.mark.parametrize("level", LEVELS)
def test_samples_follow_the_density(model, level):
    """Pearson's chi-squared over 40 bins of equal probability: 39 degrees of freedom, within 4 standard errors."""
    noise, density = grid(model, level)
    cumulative = torch.cat((torch.zeros(1), torch.cumulative_trapezoid(density, noise)))
    edges = noise[torch.searchsorted(cumulative, torch.arange(1, 40) / 40)]
    expected = torch.diff(torch.cat((torch.zeros(1), cumulative[torch.searchsorted(noise, edges)], torch.ones(1))))
    count = 40_000
    drawn = model.sample(pixels(model, level, count), generator=torch.Generator().manual_seed(3)).flatten()
    found = torch.bincount(torch.bucketize(drawn, edges), minlength=40) / count
    chi2 = float(count * ((found - expected).square() / expected).sum())
    assert abs(chi2 - 39) < 4 * math.sqrt(2 * 39)


def test_photon_noise_has_the_cumulants_of_photons():
    """k3 = K^2 x: the mean of n^3, within 4 standard errors."""
    model = PhotonNoise(TABLE).double()
    noise = model.sample(pixels(model, 0.08, 200_000), generator=torch.Generator().manual_seed(4)).flatten()
    assert abs((noise**3).mean() - 0.04**2 * 0.08) < 4 * (noise**3).std() / math.sqrt(len(noise))


def test_without_light_photon_noise_is_its_read_noise():
    model, noise = PhotonNoise(TABLE).double(), torch.linspace(-0.1, 0.1, 9, dtype=torch.float64).view(-1, 1, 1, 1)
    expected = Normal().log_prob(noise.flatten() / 0.03) - math.log(0.03)
    torch.testing.assert_close(model.log_prob(noise, pixels(model, 0.0, 9)), expected)


def test_no_count_is_left_out_where_there_are_many():
    """900 photons of a gain of 0.001, and read noise of 1 photon."""
    model = PhotonNoise({"A": {100: NLF(0.001, 1e-6)}}).double()
    noise = torch.linspace(-0.25, 0.25, 801, dtype=torch.float64)
    density = model.log_prob(noise.view(-1, 1, 1, 1), pixels(model, 0.9, 801, "A", 100)).exp()
    assert float(torch.trapezoid(density, noise)) == pytest.approx(1, abs=1e-6)


def row_context(model, height=2, width=3):
    clean = torch.linspace(0.05, 0.6, 4 * height * width, dtype=torch.float64).view(1, 4, height, width)
    return model.context(clean, "A", 100)


def test_row_noise_is_the_normal_density_of_its_covariance():
    """Written out as one multivariate normal over the pixels, with R and Gr, and Gb and B, sharing rows."""
    model = RowNoise(TABLE, 0.5).double()
    context = row_context(model)
    variance = (0.02 * context.clean + 4e-4).flatten()
    plane, row = (i.flatten() for i in torch.meshgrid(torch.arange(4), torch.arange(2), indexing="ij"))
    row_of = (plane // 2 * 2 + row).repeat_interleave(3)
    covariance = torch.diag(variance) + 0.5 * 4e-4 * (row_of[:, None] == row_of)
    noise = 0.1 * torch.randn(context.clean.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    law = torch.distributions.MultivariateNormal(torch.zeros_like(variance), covariance)
    torch.testing.assert_close(model.log_prob(noise, context), law.log_prob(noise.flatten())[None])


def test_samples_of_row_noise_have_its_covariance():
    model = RowNoise(TABLE, 2.0).double()
    context, count = row_context(model), 40_000
    many = Context(*(field.expand(count, *field.shape[1:]) for field in context))
    noise = model.sample(many, generator=torch.Generator().manual_seed(1))
    same, planes, other = noise[:, 0, 0, 0] * noise[:, 0, 0, 2], noise[:, 0, 1, 0] * noise[:, 1, 1, 1], None
    other = torch.stack((noise[:, 0, 0, 0] * noise[:, 2, 0, 0], noise[:, 0, 0, 0] * noise[:, 0, 1, 0]), 1)
    for product, expected in ((same, 8e-4), (planes, 8e-4), (other[:, 0], 0.0), (other[:, 1], 0.0)):
        assert abs(product.mean() - expected) < 4 * product.std() / math.sqrt(count)
    variance = noise.square().mean(0) - (0.02 * context.clean[0] + 4e-4 + 8e-4)
    assert (variance.abs() < 5 * noise.square().std(0) / math.sqrt(count)).all()


def test_every_density_has_rows_of_its_own_camera_and_iso_and_a_generator(model):
    clean = torch.full((4, 4, 2, 2), 0.1, dtype=torch.float64)
    context = model.context(clean, ["A", "B", "B", "A"], [100, 100, 200, 100])
    noise = model.sample(context, generator=torch.Generator().manual_seed(5))
    again = model.sample(context, generator=torch.Generator().manual_seed(5))
    assert torch.equal(noise, again)
    alone = torch.cat([model.log_prob(noise[k : k + 1], context.rows(slice(k, k + 1))) for k in range(4)])
    torch.testing.assert_close(model.log_prob(noise, context), alone, rtol=1e-10, atol=1e-9)
    assert model.built_by is None  # no file can hold it
    with pytest.raises(ValueError, match="noise must be"):
        model.log_prob(noise[:, :, :1], context)


@pytest.mark.parametrize("law", [Normal(), StudentT(5), Telegraph(0.05, 4.0)], ids=lambda law: type(law).__name__)
def test_laws_have_variance_1(law):
    u = torch.linspace(-400, 400, 800_001, dtype=torch.float64)
    density = law.log_prob(u).exp()
    assert float(torch.trapezoid(density * u.square(), u)) == pytest.approx(1, abs=1e-3)
