"""The recommended noise term: expected regrets against their equations, and the choice on noises of known shape."""

import math

import pytest
import torch

from n2nf_core import losses
from n2nf_core.baselines import NoiseShape, camera_nlf, fit_photon_transfer
from n2nf_core.bursts import recordings
from n2nf_core.simulation import simulated_bursts
from n2nf_core.simulation.densities import PhotonNoise
from n2nf_core.training.recommendation import (
    Setting,
    kept_by_contrast,
    noise_terms,
    recommend_noise_term,
)  # fmt: skip
from n2nf_core.types import NLF

SKEWED = PhotonNoise({"A": {100: NLF(0.05, 2e-3)}, "B": {100: NLF(0.03, 1e-3)}})


def shape(frames=8, g3=0.5, g4=0.4, rho=0.3, error=0.0, residual=(0.3, 0.2), same=0.0):
    full = torch.ones(2, dtype=torch.float64)
    signal, small = torch.tensor([0.1, 0.4], dtype=torch.float64), error * full
    of_residual = (value * full for value in residual)
    return NoiseShape(
        frames,
        0.25,
        signal,
        0.01 * full,
        g3 * full,
        small,
        g4 * full,
        small,
        same * full,
        rho * full,
        small,
        *of_residual,
    )


def recommended(truth, settings, frames):
    bursts = simulated_bursts(truth, settings, scenes=2, size=96, frames=frames, seed=3)
    fits = fit_photon_transfer(recordings(bursts))[1]

    def denoiser(noisy):  # a moving average: its error is a share of the noise and of the texture
        return torch.nn.functional.avg_pool2d(noisy, 3, 1, 1, count_include_pad=False)

    return recommend_noise_term(bursts, denoiser, fits, ["B", "A", "S6"])


def test_expected_regrets_are_those_of_their_equations():
    """Leading terms for a small skewness and kurtosis; shot = 0, so that an error of the signal costs nothing."""
    small = shape(g3=0.05, g4=0.04, rho=0.05, residual=(0.02, 0.03))
    found = Setting("A", 100, small, shot=0.0).regrets()
    variance = (math.log(1.05) - 0.05 / 1.05) / 2
    assert found["cross_sample"] == pytest.approx(variance + 0.03**2 / 12 + 0.01**2 / 48, rel=0.05)
    assert found["rescaled_cross_sample"] == pytest.approx(0.03**2 / 12 + 0.01**2 / 48, rel=0.05)
    assert found["pair_difference"] == pytest.approx(0.05**2 / 12 + 0.02**2 / 48, rel=0.05)
    kept3, kept4 = kept_by_contrast(8)
    expected = (0.05 * (1 - kept3)) ** 2 / 12 + (0.04 * (1 - kept4)) ** 2 / 48
    assert found["leave_one_out"] == pytest.approx(expected, rel=0.05)
    assert found["reshaped_leave_one_out"] == found["reshaped_pair_difference"] == pytest.approx(0, abs=1e-9)
    uncertain = Setting("A", 100, shape(g3=0.05, g4=0.04, error=0.02), 0.0).regrets()["reshaped_pair_difference"]
    assert uncertain == pytest.approx(0.02**2 / 12 + 0.02**2 / 48, rel=0.1)
    assert set(Setting("A", 100, shape(frames=2), 0.0).regrets()) == {
        name for name in found if not name.endswith("leave_one_out")
    }


def test_neither_heavy_tails_nor_one_sided_residuals_are_expected_to_cost_the_impossible():
    heavy = Setting("A", 100, shape(g3=0.0, g4=8.0), 0.0).regrets()["pair_difference"]
    assert 0.005 < heavy < 0.1 < 4.0**2 / 48
    one_sided = Setting("A", 100, shape(g3=0.0, g4=4.0, residual=(1.5, 1.5)), 0.0).regrets()
    assert one_sided["rescaled_cross_sample"] < 1.5**2 / 12 + 2.5**2 / 48 + 1e-9


def test_an_error_of_the_signal_costs_kurtosis():
    """Denoised frames: 3 b1^2 rho / s2. Mixed with the mean of T frames: 3 b1^2 / s2 / (T + 1 / rho)."""
    found = Setting("A", 100, shape(g3=0.0, g4=0.0, rho=0.1), shot=0.05).regrets()
    assert found["pair_difference"] == pytest.approx((3 * 0.0025 * 0.1 / 0.01) ** 2 / 48, rel=0.15)
    assert found["leave_one_out"] == pytest.approx((3 * 0.0025 / 0.01 / (8 + 1 / 0.1)) ** 2 / 48, rel=0.15)


@pytest.mark.parametrize("frames", [2, 3, 8])
def test_the_contrast_keeps_these_shares_of_the_cumulants(frames):
    """Cumulants of exponential noise are 1, 2 and 6: those of the contrast within 4 standard errors."""
    noise = torch.empty(frames, 2_000_000, dtype=torch.float64)
    noise = noise.exponential_(generator=torch.Generator().manual_seed(0)) - 1
    value = ((frames - 1) / frames) ** 0.5 * (noise[0] - noise[1:].mean(0))
    for kept, found, expected in zip(kept_by_contrast(frames), (value**3, value**4 - 3), (2.0, 6.0), strict=True):
        assert abs(found.mean() - kept * expected) < 4 * found.std() / len(value) ** 0.5


def test_gaussian_noise_is_told_from_skewed_noise_and_printed():
    gaussian = recommended(camera_nlf(["S6"]), [("S6", 800)], 8)
    assert not gaussian.choice.startswith("reshaped") and gaussian.regrets["cross_sample"] > 0.005
    for frames, choice in ((2, "reshaped_pair_difference"), (8, "leave_one_out")):
        skewed = recommended(SKEWED, [("A", 100), ("B", 100)], frames)
        assert skewed.choice.endswith(choice)
        assert skewed.regrets["pair_difference"] > skewed.regrets[skewed.choice] + 0.005
        assert skewed.term is skewed.terms[skewed.choice]
    text = str(skewed)
    assert f"recommended noise term: {skewed.choice}" in text and "A 100 8: " in text and " +- " in text


def test_the_terms_are_made_of_the_measured_laws():
    settings = [Setting("A", 100.0, shape(frames=4, error=0.1), 0.1)]
    found = noise_terms(settings, ["B", "A"])
    shrunk = 0.5 * (1 - 0.1**2 / 0.5**2), 0.4 * (1 - 0.1**2 / 0.4**2)
    kept = kept_by_contrast(4)
    reshaping = found["reshaped_leave_one_out"].settings[0]
    assert (reshaping.camera, reshaping.iso, reshaping.denoised_share) == (1, 100.0, 0.25)
    assert reshaping.noise.skewness == pytest.approx([shrunk[0]] * 2, rel=1e-4)
    assert reshaping.residual.skewness == pytest.approx([kept[0] * shrunk[0]] * 2, rel=1e-4)
    assert reshaping.residual.kurtosis == pytest.approx([kept[1] * shrunk[1]] * 2, rel=1e-4)
    assert reshaping.noise.deviation == reshaping.residual.deviation == pytest.approx([0.1] * 2)
    of_pairs = found["reshaped_pair_difference"].settings[0].residual
    assert of_pairs.skewness == (0, 0) and of_pairs.kurtosis == pytest.approx([shrunk[1] / 2] * 2, rel=1e-4)
    rescaled = found["rescaled_cross_sample"]
    assert rescaled.scale_only and rescaled.settings[0].denoised_share == 1
    assert rescaled.settings[0].residual.deviation == pytest.approx([0.1 * 1.3**0.5] * 2, rel=1e-4)
    assert found["leave_one_out"].residual == losses.OfManyFrames(4)


def test_kurtosis_of_pixels_that_differ_is_in_the_residual_as_it_is():
    found = noise_terms([Setting("A", 100.0, shape(frames=4, g4=0.4, same=0.3), 0.1)], ["A"])
    residual = found["reshaped_leave_one_out"].settings[0].residual
    assert residual.kurtosis == pytest.approx([kept_by_contrast(4)[1] * 0.1 + 0.3] * 2, rel=1e-4)
    alike, apart = (Setting("A", 100, shape(g3=0.0, g4=0.4, same=s), 0.0).regrets() for s in (0.0, 0.4))
    assert apart["leave_one_out"] < 1e-9 < alike["leave_one_out"]
    assert apart["pair_difference"] < 1e-9 < alike["pair_difference"]


def test_what_is_smaller_than_its_error_is_taken_as_0():
    found = noise_terms([Setting("A", 100.0, shape(g3=0.05, g4=-0.05, error=0.1), 0.1)], ["A"])
    law = found["reshaped_leave_one_out"].settings[0].noise
    assert law.skewness == law.kurtosis == (0, 0)
