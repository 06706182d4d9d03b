"""Gaussian noise models against scipy's normal distribution."""

import pytest
import torch
from cases.noise_models import CAMERAS, MODELS, context_of
from scipy import stats

from n2nf_core.baselines import (
    GaussianNoise,
    camera_nlf,
)
from n2nf_core.cameras import NLF
from n2nf_core.types import Context

GAUSSIAN = [name for name in MODELS if name not in ("noise_flow", "per_plane")]  # one NLF for all planes


@pytest.mark.parametrize("name", GAUSSIAN)
def test_gaussian_models_match_scipy_and_their_nlf(name):
    """log_prob is scipy's normal density at the table's variance; samples pass a Kolmogorov-Smirnov test on the PIT."""
    model = MODELS[name]().double()
    context = context_of(model, 1, 8, 8)._replace(iso=torch.tensor([400.0], dtype=torch.float64))
    shot, read = model.nlf()["GP"][400]
    deviation = (shot * context.clean + read).sqrt()
    noise = model.sample(context, generator=torch.Generator().manual_seed(6))
    expected = stats.norm.logpdf(noise.numpy(), scale=deviation.numpy()).sum()
    assert model.log_prob(noise, context).item() == pytest.approx(expected, rel=1e-6)
    many = Context(*(field.expand(200, *field.shape[1:]) for field in context))
    uniform = stats.norm.cdf((model.sample(many, generator=torch.Generator().manual_seed(7)) / deviation).numpy())
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4


def test_adding_a_camera_is_fitting_its_parameters():
    table = {**camera_nlf(CAMERAS).nlf(), "mine": {250.0: NLF(0.003, 1e-5)}}
    model = GaussianNoise(table)
    assert model.cameras == ("GP", "S6", "mine")
    assert model.context(torch.zeros(1, 4, 2, 2), "mine", 250).camera.item() == 2
