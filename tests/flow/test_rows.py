"""Row and column noise: the density is that of the full covariance matrix of the mosaic, for any width."""

import math

import pytest
import torch
from cases.knots import CAMERAS, ISOS, knots

from n2nf_core import raw
from n2nf_core.flow import Chain, LineNoise, NoiseFlow, SignalDependentScale
from n2nf_core.types import NLF

LINE = NLF(0.01, 1e-4)


def flow(row=0.03, column=None, nlf=LINE):
    layer = LineNoise(SignalDependentScale(knots(), nlf), columns=column is not None)
    for table, value in zip(layer.tables(), (row, column), strict=False):
        table.data.fill_(math.log(value))
    return NoiseFlow(Chain([layer]), knots()).double()


def mosaic_log_prob(noise, variance, row, column=0.0):
    """log N(n; 0, diag(variance) + row^2 [same mosaic row] + column^2 [same mosaic column]), n one packed image."""
    mosaic, variances = raw.unpack(noise), raw.unpack(variance)
    number = torch.arange(mosaic.numel()).view(mosaic.shape)
    of_row, of_column = (number // mosaic.shape[1]).flatten(), (number % mosaic.shape[1]).flatten()
    covariance = torch.diag(variances.flatten())
    covariance += row**2 * (of_row[:, None] == of_row) + column**2 * (of_column[:, None] == of_column)
    return torch.distributions.MultivariateNormal(mosaic.flatten() * 0, covariance).log_prob(mosaic.flatten())


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 7), (5, 2)])
def test_row_noise_has_the_density_of_its_covariance(height, width):
    model, generator = flow(), torch.Generator().manual_seed(0)
    clean = torch.rand(2, 4, height, width, generator=generator, dtype=torch.float64)
    noise = 0.1 * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    expected = [mosaic_log_prob(n, 0.01 * x + 1e-4, 0.03) for n, x in zip(noise, clean, strict=True)]
    found = model.log_prob(noise, model.context(clean, "S6", 400))
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-5, atol=1e-5)  # parameters were set in float32


def test_rows_and_columns_are_nearly_the_density_of_their_covariance():
    """Rows leave out a^2 b^2 of the frame's mean alone: for one sigma the rest is exact."""
    row, column, read = 0.002, 0.003, 1e-4
    model, generator = flow(row, column, NLF(1e-12, read)), torch.Generator().manual_seed(0)
    noise = 0.01 * torch.randn(1, 4, 3, 5, generator=generator, dtype=torch.float64)
    found = model.log_prob(noise, model.context(torch.zeros_like(noise), "S6", 400))
    expected = mosaic_log_prob(noise[0], torch.full((4, 3, 5), read, dtype=torch.float64), row, column)
    assert abs(float(found - expected)) < 6 * 10 * (row * column / read) ** 2  # both determinants, 6 x 10 mosaic pixels
    wrong = mosaic_log_prob(noise[0], torch.full((4, 3, 5), read, dtype=torch.float64), column, row)
    assert abs(float(found - wrong)) > abs(float(found - expected))


def test_samples_share_the_rows_of_the_mosaic():
    model, count = flow(row=0.05), 400
    context = model.context(torch.full((count, 4, 2, 6), 0.5, dtype=torch.float64), "IP", 100)
    mosaic = raw.unpack(model.sample(context, generator=torch.Generator().manual_seed(1)))
    rows = mosaic.mean(2)  # (count, 4): the mean of 12 pixels of every mosaic row
    covariance = (rows.T @ rows) / count
    expected = 0.05**2 + (0.01 * 0.5 + 1e-4) / 12
    assert ((covariance.diagonal() / expected - 1).abs() < 5 * math.sqrt(2 / count)).all()
    off = covariance - torch.diag(covariance.diagonal())
    assert (off.abs() < 5 * expected / math.sqrt(count)).all()


def test_a_crop_has_the_density_of_a_shorter_row():
    """The margin of a row is the row: log p of the whole is log p of a crop + log p of the rest given the crop."""
    model, generator = flow(row=0.05), torch.Generator().manual_seed(2)
    context = model.context(torch.rand(1, 4, 1, 6, generator=generator, dtype=torch.float64), "IP", 100)
    noise = model.sample(context, generator=generator)
    part = noise[..., :2]
    expected = mosaic_log_prob(part[0], 0.01 * context.clean[0, :, :, :2] + 1e-4, 0.05)
    found = model.log_prob(part, context._replace(clean=context.clean[..., :2]))[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert math.isinf(model.bijection.margin)


def test_other_planes_are_refused():
    model = flow()
    with pytest.raises(ValueError, match=r"four planes of a mosaic, \(B, 4, H, W\), got \(1, 2, 3, 3\)"):
        model.log_prob(torch.zeros(1, 2, 3, 3), model.context(torch.zeros(1, 2, 3, 3), CAMERAS[0], ISOS["IP"][0]))
