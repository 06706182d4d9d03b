"""The kernel of the mixture layer, against SciPy's root finder."""

import numpy as np
import pytest
from scipy import optimize, stats

from n2nf_core.kernels import mixture

NARROWEST = 0.2
TABLE = np.array([[0.1, 1.0, -0.5, 0.3, -0.2, -1.0, 0.8], [-0.3, 2.0, 0.0, -0.4, 0.5, 0.2, 1.2]])  # two knots, k = 2


def shape(position):
    """Weights, means and widths between the two knots, by NumPy."""
    log_sd, *rest = (1 - position) * TABLE[0] + position * TABLE[1]
    logit, mean, log_width = np.reshape(rest, (3, 2))
    weight = np.exp(logit) / np.exp(logit).sum()
    variance = NARROWEST**2 + np.exp(2 * log_width)
    mean = mean - weight @ mean
    factor = np.exp(log_sd) / np.sqrt(weight @ (mean**2 + variance))
    return weight, mean * factor, np.sqrt(variance) * factor


@pytest.mark.parametrize("position", [0.0, 0.3, 1.0])
def test_it_finds_the_root(position):
    weight, mean, width = shape(position)
    z = np.array([[-6.0, -1.0, -1e-9, 0.0, 0.4, 2.5, 8.0]])
    found = np.empty_like(z)
    mixture.inverse(z, np.full_like(z, position), TABLE[None], NARROWEST, 0, z.shape[1], found)
    for value, u in zip(z[0], found[0], strict=True):
        side = 1 if value > 0 else -1  # the equation in log Phi of the nearer tail
        logs = lambda v, s=side: stats.norm.logsf(s * (v - mean) / width) + np.log(weight)  # noqa: E731
        wanted = stats.norm.logsf(side * value)
        expected = optimize.brentq(lambda v, f=logs, w=wanted: np.logaddexp(*f(v)) - w, -60, 60, xtol=1e-13)
        assert u == pytest.approx(expected, abs=1e-7)


def test_every_image_has_its_table_and_far_values_stay_finite():
    z = np.array([[0.7, 500.0], [0.7, -500.0]], np.float32)
    found = np.empty_like(z)
    tables = np.stack((TABLE, TABLE[::-1])).astype(np.float32)
    mixture.inverse(z, np.zeros_like(z), tables, NARROWEST, 0, 2, found)
    alone = np.empty((1, 1))
    for row, position in enumerate((0.0, 1.0)):
        mixture.inverse(np.array([[0.7]]), np.array([[position]]), TABLE[None], NARROWEST, 0, 1, alone)
        assert found[row, 0] == pytest.approx(alone[0, 0], abs=1e-5)
    assert np.isfinite(found).all() and found[0, 1] > 30 and found[1, 1] < -30
