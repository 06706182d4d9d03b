"""Scores of denoisers: against values worked out by hand, on bursts of known noise."""

import numpy as np
import pytest
import torch
from cases.flat_bursts import flat_burst
from cases.still_bursts import burst_of
from torch import nn

from n2nf_core import evaluation


def test_scores_of_denoisers():
    burst = flat_burst(sigma=0.1)
    rows = evaluation.score_denoisers({"noisy": evaluation.noisy, "perfect": lambda b: b.reference() + 1e-3}, [burst])
    assert rows["noisy"]["psnr_db"] == pytest.approx(20.0, abs=0.2)
    assert rows["perfect"]["psnr_db"] == pytest.approx(60.0, abs=0.01)
    assert rows["perfect"]["ssim"] > 0.99 > rows["noisy"]["ssim"]


@pytest.mark.parametrize("frames", [2, 5])
def test_the_noise_of_the_reference_is_not_counted(frames):
    """A denoiser of error 1e-4 has 40 dB, within 4 standard errors, against the mean of any number of frames."""
    sigma, generator = 0.02, torch.Generator().manual_seed(3)
    burst = burst_of(0.5 + sigma * torch.randn(frames, 4, 96, 96, generator=generator))
    error = 0.01 * torch.randn(1, 4, 96, 96, generator=generator)  # scores ask for one frame at a time
    rows = evaluation.score_denoisers({"d": lambda b: 0.5 + error, "perfect": lambda b: 0.5 + 0 * error}, [burst])
    of_variance = sigma**2 / (frames - 1) * (2 / (frames * 4 * 96 * 96 / 2)) ** 0.5
    assert abs(rows["d"]["psnr_db"] - 40) < 4 * 4.34 * (of_variance / 1e-4 + (2 / (4 * 96 * 96)) ** 0.5)
    assert 40 < rows["perfect"]["psnr_db"] <= -10 * np.log10(0.0095 * sigma**2 / (frames - 1))


def test_denoiser_error_is_told_by_pairs():
    """D adds an error of variance 0.0004 that is independent of the noise; pairs see it within 4 standard errors."""

    class WithError(nn.Module):
        def forward(self, noisy):
            return 0.5 + 0.02 * torch.randn(noisy.shape, generator=torch.Generator().manual_seed(4))

    bursts = [flat_burst(sigma=0.05, frames=2) for _ in range(1)]
    share = evaluation.denoiser_error(WithError(), bursts)
    error = 4 * 0.02 * 0.05 * 2 / (8192**0.5)
    assert share["noise_variance"] == pytest.approx(0.0025, rel=0.1)
    assert abs(share["estimated_from_pairs"] - share["against_clean"]) < error + 0.0025 * 4 * (2 / 8192) ** 0.5
    assert share["against_clean"] == pytest.approx(0.0004, rel=0.1)


def test_psnr_gain_is_paired_by_frame_and_resamples_bursts():
    """Noise of half the deviation is 20 log10(2) dB better in every frame, whatever the frame's own PSNR."""
    bursts = [flat_burst(0.01), flat_burst(0.2, scene="noisier")]
    halved = lambda burst: (burst.planes(slice(None)) + burst.reference()) / 2  # noqa: E731
    mean, (low, high) = evaluation.psnr_gain(halved, evaluation.noisy, bursts)
    expected = pytest.approx(20 * np.log10(2), abs=1e-3)  # float32
    assert (mean, low, high) == (expected, expected, expected)
    loud = lambda burst: halved(burst) if burst.scene == "flat" else burst.planes(slice(None))  # noqa: E731
    mean, (low, high) = evaluation.psnr_gain(loud, evaluation.noisy, bursts)
    assert mean == pytest.approx(10 * np.log10(2), abs=1e-3)
    assert low == pytest.approx(0, abs=1e-3) and high == expected
