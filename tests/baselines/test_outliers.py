"""Good pixels are kept, hot and saturated ones are not."""

import torch

from n2nf_core.baselines.outliers import OUTLIER_PROBABILITY, chance_limit, kept
from n2nf_core.baselines.temporal import Temporal


def test_chance_exceeds_the_limit_as_rarely_as_stated():
    """For three frames the chi-squared distribution has two degrees of freedom, and its tail is exp(-x / 2)."""
    assert abs(torch.tensor(-chance_limit(3)).exp() / OUTLIER_PROBABILITY - 1) < 1e-5
    assert chance_limit(2) > chance_limit(3) > chance_limit(100) > 1


def test_a_pixel_is_expected_to_vary_as_its_signal_or_its_block_s_says():
    mean = torch.zeros(1, 4, 4)
    mean[0, 0] = torch.tensor([0.9, 0.5, -0.1, 0.0])
    line, limit, ones = (0.1, 0.01), 10.0, torch.ones(2, 1)

    def good(variance):
        stats = Temporal(mean, torch.full((1, 4, 4), variance), ones)
        return kept(stats, slice(0, 4), 4, 0.8, line, limit)[0, 0].tolist()

    assert good(0.1) == [False, True, True, True], "the first one is saturated"
    block = mean.mean()
    assert good(limit * (0.1 * block + 0.01) * 0.999) == [False, True, True, True]
    assert good(limit * (0.1 * block + 0.01) * 1.001) == [False, True, False, False], "only the bright one may"
    assert good(limit * (0.1 * 0.5 + 0.01) * 1.001) == [False] * 4
