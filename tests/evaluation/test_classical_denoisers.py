"""Wavelet and non-local means denoise better than nothing, with strengths found on pairs."""

import pytest
from cases.flat_bursts import TRUTH, flat_burst

from n2nf_core import evaluation
from n2nf_core.bursts import Burst
from n2nf_core.evaluation.classical_denoisers import calibrate, nl_means, wavelet
from n2nf_core.simulation import simulated_bursts


@pytest.mark.parametrize("methods", [wavelet, nl_means], ids=["wavelet", "nl_means"])
@pytest.mark.parametrize("cfa", ["MONO", "RGGB"])
def test_classical_denoisers_are_calibrated_on_pairs(methods, cfa):
    bursts = simulated_bursts(TRUTH, [("S6", 3200)], scenes=3, size=48, seed=3)
    bursts = [Burst(b.frames, 0.0, 1.0, cfa, b.camera, b.iso, b.scene, clean=b.clean) for b in bursts]
    denoise = calibrate(methods(), bursts[:2])
    rows = evaluation.score_denoisers({"noisy": evaluation.noisy, "denoised": denoise}, bursts[2:])
    assert rows["denoised"]["psnr_db"] > rows["noisy"]["psnr_db"] + 2
    with pytest.raises(KeyError):
        denoise(flat_burst())
