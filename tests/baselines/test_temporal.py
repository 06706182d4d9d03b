"""Mean and variance over time against the formulas, for frames in memory and for large frames in bands."""

import pytest
import torch

from n2nf_core.baselines import temporal as module
from n2nf_core.baselines.temporal import bands, match_gains, temporal


def frames_of(count=5, gains=None, seed=0):
    generator = torch.Generator().manual_seed(seed)
    clean = torch.linspace(0.1, 0.8, 4 * 24 * 20, dtype=torch.float64).view(4, 24, 20)
    frames = clean + 0.01 * torch.randn(count, 4, 24, 20, generator=generator, dtype=torch.float64)
    return frames if gains is None else frames * torch.tensor(gains, dtype=torch.float64)[:, None, None, None]


def test_mean_and_variance_are_those_over_time():
    frames = frames_of()
    found = temporal(frames)
    torch.testing.assert_close(found.mean, frames.mean(0))
    torch.testing.assert_close(found.variance, frames.var(0))
    assert torch.equal(found.gains, torch.ones(5, 4)) and found.frames == 5
    assert all(torch.equal(factor, torch.ones(4, dtype=torch.float64)) for factor in found.factors)


def test_drift_is_divided_out_and_known():
    gains = [1.0, 1.03, 0.98, 1.05]
    frames = frames_of(4, gains)
    found, known = temporal(frames), torch.tensor(gains, dtype=torch.float64)[:, None]
    error = 0.01 / (24 * 20) ** 0.5 / 0.1  # of a frame's mean, relative to the darkest plane's
    torch.testing.assert_close(found.gains / found.gains[0], known.expand(4, 4) / known[0], atol=4 * error, rtol=0)
    torch.testing.assert_close(found.variance, (frames / found.gains[..., None, None]).var(0))
    torch.testing.assert_close(found.factors[1], (1 / found.gains.square()).mean(0))
    torch.testing.assert_close(match_gains(frames), found.gains)


def test_steady_frames_are_left_alone():
    gains = match_gains(frames_of(8).float())
    assert torch.equal(gains, torch.ones(8, 4)), "of the type of the frames"


def test_bands_hold_every_row_once_and_whole_blocks(monkeypatch):
    monkeypatch.setattr(module, "PIXELS_AT_ONCE", 4 * 20 * 11)
    cut = bands((4, 27, 20), 8)
    assert [row for part in cut for row in range(part.start, part.stop)] == list(range(27))
    assert all(part.start % 8 == 0 for part in cut) and len(cut) == 4
    whole = frames_of(3, [1.0, 1.1, 1.2])
    torch.testing.assert_close(temporal(whole).variance, (whole / match_gains(whole)[..., None, None]).var(0))


def test_one_frame_is_refused():
    with pytest.raises(ValueError, match="at least two frames"):
        temporal(frames_of(1))
