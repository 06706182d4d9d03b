"""A mixture of Gaussians and one model per plane: density, samples and moments, against formulas written out."""

import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from n2nf_core.baselines import GaussianMixture, GaussianNoise, PerPlane
from n2nf_core.types import NLF, Context, HasVariance, NoiseModel

LOW, HIGH, BLACK, WHITE, SMALLEST = 50.0, 1050.0, 100.0, 900.0, 30.0
WEIGHT = torch.tensor(
    [[0.0, 5.0, 1.0], [2.0, -3.0, 0.0], [3.0, 5.0, -9.0], [1.0, 6.0, 2.0], [0.3, 1.0, 0.0], [0.0, -1.0, 0.5]],
    dtype=torch.float64,
)


def model():
    return GaussianMixture(WEIGHT, (LOW, HIGH), SMALLEST, (BLACK, WHITE), "scope", 200.0)


def by_hand(x):
    """[(weight, mean, standard deviation)] of the noise in [0, 1] units at the signal x."""
    s = (BLACK + x * (WHITE - BLACK) - LOW) / (HIGH - LOW)
    powers = [1.0, s, s * s]
    a, b, c = ([row.tolist() for row in part] for part in WEIGHT.chunk(3))
    shift = [sum(w * p for w, p in zip(row, powers, strict=True)) for row in a]
    variance = [max(sum(math.exp(w) * p for w, p in zip(row, powers, strict=True)), SMALLEST) for row in b]
    score = [math.exp(sum(w * p for w, p in zip(row, powers, strict=True))) for row in c]
    weight = [each / sum(score) for each in score]
    centre = sum(w * m for w, m in zip(weight, shift, strict=True))
    span = WHITE - BLACK
    return [(w, (m - centre) / span, v**0.5 / span) for w, m, v in zip(weight, shift, variance, strict=True)]


def density(n, x):
    return sum(w * stats.norm.pdf(n, m, sd) for w, m, sd in by_hand(x))


@pytest.mark.parametrize("x", [0.0, 0.02, 0.5, 1.0])
def test_the_density_is_the_formula(x):
    clean = torch.full((1, 1, 1, 1), x, dtype=torch.float64)
    context = model().context(clean, "scope", 200)
    for n in (-0.05, 0.0, 0.013, 0.1):
        found = model().log_prob(torch.full_like(clean, n), context)
        torch.testing.assert_close(float(found), math.log(density(n, x)), rtol=1e-9, atol=1e-9)
    assert abs(integrate.quad(density, -1, 1, args=(x,), points=(0,), limit=200)[0] - 1) < 1e-6
    mean = integrate.quad(lambda n: n * density(n, x), -1, 1, points=(0,), limit=200)[0]
    variance = integrate.quad(lambda n: n * n * density(n, x), -1, 1, points=(0,), limit=200)[0]
    assert abs(mean) < 1e-9
    torch.testing.assert_close(float(model().variance(context)), variance, rtol=1e-6, atol=0)


def test_samples_follow_the_density():
    """Kolmogorov's distance of 20000 samples, against its 1e-6 quantile."""
    count, x = 20_000, 0.4
    clean = torch.full((1, 1, 1, count), x, dtype=torch.float64)
    context = model().context(clean, "scope", 200)
    drawn = model().sample(context, generator=torch.Generator().manual_seed(0)).flatten().numpy()

    def below(n):
        return sum(w * stats.norm.cdf(n, m, sd) for w, m, sd in by_hand(x))

    assert stats.kstest(drawn, below).pvalue > 1e-6
    cold = model().sample(context, temperature=0.0, generator=torch.Generator().manual_seed(0)).flatten()
    assert len(cold.unique()) == 2  # the two means


def test_pixels_are_independent_and_rows_are_images():
    context = Context(torch.rand(3, 2, 4, 5, dtype=torch.float64), torch.zeros(3, dtype=torch.long), torch.ones(3))
    noise = 0.02 * torch.randn(3, 2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole = model().log_prob(noise, context)
    one = model().log_prob(noise[1:2], context.rows(slice(1, 2)))
    assert whole.shape == (3,)
    torch.testing.assert_close(whole[1:2], one)
    pixels = [(slice(None), slice(c, c + 1), slice(i, i + 1), slice(j, j + 1)) for c, i, j in np.ndindex(2, 4, 5)]
    parts = [model().log_prob(noise[at], context._replace(clean=context.clean[at])) for at in pixels]
    torch.testing.assert_close(whole, sum(parts))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": torch.zeros(4, 2)}, r"must be \(3 K, I\) for K Gaussians, got \(4, 2\)"),
        ({"signals": (5, 5)}, "signals must be a lower and a higher number in DN, got 5 and 5"),
        ({"levels": (9, 1)}, "black and white level must be"),
    ],
)
def test_what_is_no_mixture_is_refused(changes, message):
    given = {"weight": WEIGHT, "signals": (LOW, HIGH), "smallest": 1.0, "levels": (BLACK, WHITE)} | changes
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**given)


def test_one_model_per_plane_is_the_planes_alone():
    parts = [GaussianNoise({"a": {100: NLF(k * 1e-3, 1e-5)}}) for k in (1, 2, 3)]
    joint = PerPlane(parts)
    assert isinstance(joint, NoiseModel) and isinstance(joint, HasVariance) and joint.isos == {"a": (100.0,)}
    context = joint.context(torch.rand(2, 3, 5, 4), "a", 100)
    noise = joint.sample(context, generator=torch.Generator().manual_seed(0))
    alone = [context._replace(clean=context.clean[:, c : c + 1]) for c in range(3)]
    expected = sum(part.log_prob(noise[:, c : c + 1], alone[c]) for c, part in enumerate(parts))
    torch.testing.assert_close(joint.log_prob(noise, context), expected)
    variances = [part.variance(plane) for part, plane in zip(parts, alone, strict=True)]
    assert torch.equal(joint.variance(context), torch.cat(variances, 1))
    generator = torch.Generator().manual_seed(0)
    draws = [part.sample(plane, generator=generator) for part, plane in zip(parts, alone, strict=True)]
    assert torch.equal(noise, torch.cat(draws, 1))


def test_planes_that_do_not_fit_are_refused():
    a, b = (GaussianNoise({name: {100: NLF(1e-3, 0)}}) for name in "ab")
    with pytest.raises(ValueError, match=r"different cameras: \[\['a'\], \['b'\]\]"):
        PerPlane([a, b])
    joint = PerPlane([a, a])
    context = joint.context(torch.rand(1, 3, 2, 2), "a", 100)
    with pytest.raises(ValueError, match="2 planes, but the image has 3"):
        joint.log_prob(context.clean, context)
