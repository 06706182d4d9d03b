"""The published calibrations: ranges of the gain, and scales drawn from their law."""

import math

import pytest
import torch

from n2nf_core.simulation.calibrations import CALIBRATIONS, LogScale, drawn_scale


@pytest.mark.parametrize("calibration", CALIBRATIONS.values(), ids=CALIBRATIONS)
def test_gain_ranges_are_those_of_iso_100_to_6400(calibration):
    low, high = calibration.gain
    assert high / low == pytest.approx(64, rel=0.01)


def test_scales_follow_their_law():
    law, count = LogScale(slope=0.5, bias=1.2, spread=0.3), 4000
    generator = torch.Generator().manual_seed(0)
    logs = torch.tensor([drawn_scale(law, 0.8, generator) for _ in range(count)], dtype=torch.float64).log()
    assert abs(float(logs.mean()) - (0.5 * 0.8 + 1.2)) < 4 * 0.3 / math.sqrt(count)  # 4 standard errors
    assert abs(float(logs.std()) - 0.3) < 4 * 0.3 / math.sqrt(2 * count)
