"""Wavelet and non-local means denoise better than nothing, with strengths found on pairs."""

import pytest
import torch
from cases.flat_bursts import TRUTH, flat_burst

from n2nf_core import evaluation
from n2nf_core.baselines import GaussianNoise
from n2nf_core.bursts import Burst
from n2nf_core.evaluation.classical_denoisers import STRENGTHS, _choose, back, calibrate, nl_means, stabilise, wavelet
from n2nf_core.simulation import simulated_bursts
from n2nf_core.types import NLF


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


@pytest.mark.parametrize("methods", [wavelet, nl_means], ids=["wavelet", "nl_means"])
def test_methods_have_the_strengths_that_are_asked_for(methods):
    assert {method.keywords["strength"] for method in methods((0.5, 2.0))} == {0.5, 2.0}
    assert {method.keywords["strength"] for method in methods()} == set(STRENGTHS)


LINE = NLF(0.004, 0.0002)
"""A gain of 250 electrons at white, and a read noise of 3.5 of them."""


def test_stabilised_noise_has_unit_variance_and_comes_back_without_bias():
    signal = torch.tensor([0.02, 0.1, 0.5, 0.9], dtype=torch.float64)  # 5 to 225 electrons
    count, generator = 400_000, torch.Generator().manual_seed(0)
    electrons = torch.poisson((signal[:, None] / LINE.shot).expand(-1, count), generator=generator)
    noisy = LINE.shot * electrons + LINE.read**0.5 * torch.randn(len(signal), count, generator=generator).double()
    stable = stabilise(noisy, LINE)
    assert (stable.std(1) - 1).abs().max() < 0.02  # it nears 1 for large signals
    error = LINE.shot * stable.mean(1) / 2 / count**0.5  # a standard error of the mean, to first order
    recovered = back(stable.mean(1), LINE)
    assert ((recovered - signal).abs() < 4 * error + 0.02 * LINE.shot).all()  # the closed form is good to .02 electrons
    of_f_itself = ((LINE.shot * stable.mean(1) / 2).square() - 0.375 * LINE.shot**2 - LINE.read) / LINE.shot
    assert (of_f_itself - signal).max() < -0.15 * LINE.shot  # a quarter of an electron too dark


def test_stabilisation_is_chosen_where_the_noise_depends_on_the_signal():
    bursts = simulated_bursts(
        GaussianNoise({"S6": {3200.0: NLF(0.02, 1e-6)}}), [("S6", 3200)], scenes=3, size=64, seed=3
    )
    assert _choose(nl_means(), bursts).line is not None
