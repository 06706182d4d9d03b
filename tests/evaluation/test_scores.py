"""Scores on held-out data: against values worked out by hand, on bursts of known noise."""

import numpy as np
import pytest
from cases.flat_bursts import TRUTH, flat_burst

from n2nf_core import evaluation
from n2nf_core.baselines import GaussianNoise
from n2nf_core.bursts import recordings
from n2nf_core.cameras import NLF
from n2nf_core.simulation import simulated_bursts


def test_ssim_is_left_out_where_its_window_does_not_fit():
    burst = flat_burst().crop(slice(0, 10))
    row = evaluation.score_denoisers({"noisy": evaluation.noisy}, [burst])["noisy"]
    assert set(row) == {"psnr_db", "psnr_db_interval"}
    assert "ssim" in evaluation.score_denoisers({"noisy": evaluation.noisy}, [flat_burst().crop(slice(0, 11))])["noisy"]


def test_scores_of_noise_models_against_closed_forms():
    """For Gaussian noise the regret of a model with variance r times too large is (log r + 1/r - 1) / 2."""
    held = evaluation.held_out_patches([flat_burst(frames=40)], patch=16)
    truth, wide = (GaussianNoise({"A": {100: NLF(0.0, v)}}) for v in (0.01, 0.02))
    rows = evaluation.score_noise_models({"truth": truth, "wide": wide}, held, truth)
    expected = (np.log(2) + 0.5 - 1) / 2
    error = 0.25 * np.sqrt(2 / held.noise.numel())  # of (1/2 - 1) n^2 / 2 sigma^2
    assert abs(rows["wide"]["regret_nats_per_dim"] - expected) < 4 * error
    low, high = rows["wide"]["regret_nats_per_dim_interval"]
    assert low < rows["wide"]["regret_nats_per_dim"] < high and high - low < 20 * error
    assert rows["truth"]["regret_nats_per_dim"] == 0
    assert rows["truth"]["nll_nats_per_dim"] == pytest.approx(0.5 + 0.5 * np.log(2 * np.pi * 0.01), abs=0.02)
    assert rows["truth"]["kl_nats"] == pytest.approx(rows["truth"]["kl_floor_nats"], rel=0.1)
    assert rows["wide"]["kl_nats"] > 1.2 * rows["wide"]["kl_floor_nats"]
    assert rows["truth"]["pooled_kl_nats"] < 0.2 * rows["truth"]["kl_nats"]
    gain, (low, high) = evaluation.nll_gain(truth, wide, held)
    assert gain == pytest.approx(-rows["wide"]["regret_nats_per_dim"]) and low < gain < high < 0


def test_scaled_bins_tell_apart_what_the_bins_of_the_paper_do_not():
    """Noise of a tenth of a bin; a model of twice its variance has the same histogram in the paper's bins."""
    held = evaluation.held_out_patches([flat_burst(sigma=3e-4, frames=20)], patch=16)
    truth, wide = (GaussianNoise({"A": {100: NLF(0.0, v)}}) for v in (9e-8, 1.8e-7))
    rows = evaluation.score_noise_models({"truth": truth, "wide": wide}, held)
    assert rows["wide"]["kl_nats"] < 1.05 * rows["truth"]["kl_nats"]
    assert rows["wide"]["scaled_kl_nats"] > 1.5 * rows["truth"]["scaled_kl_nats"]
    assert rows["truth"]["scaled_kl_nats"] == pytest.approx(rows["truth"]["scaled_kl_floor_nats"], rel=0.2)


def test_each_setting_is_scaled_by_its_own_noise():
    """A model whose variance is wrong for narrow noise alone; scaled like the wide noise, it would not be seen."""
    held = evaluation.held_out_patches([flat_burst(sigma=3e-4), flat_burst(camera="B", sigma=0.02)], patch=16)
    model = GaussianNoise({"A": {100: NLF(0.0, 1.8e-7)}, "B": {100: NLF(0.0, 4e-4)}})
    narrow, wide = (evaluation.score_noise_models({"m": model}, held.of(camera, 100.0))["m"] for camera in "AB")
    both = evaluation.score_noise_models({"m": model}, held)["m"]
    assert narrow["scaled_kl_nats"] > 1.5 * wide["scaled_kl_nats"]
    assert both["scaled_kl_nats"] == pytest.approx((narrow["scaled_kl_nats"] + wide["scaled_kl_nats"]) / 2, rel=0.05)
    assert (both["patches"], narrow["patches"], both["patches_left_out"]) == (128, 64, 0)


def test_recovered_parameters_are_ratios_to_the_truth():
    from n2nf_core.baselines import fit_photon_transfer

    bursts = simulated_bursts(TRUTH, [("S6", 800)], scenes=4, size=64, seed=2)
    model, fits = fit_photon_transfer(recordings(bursts))
    row = evaluation.recovered_nlf({"photon_transfer": model}, fits, TRUTH)["S6 800"]["photon_transfer"]
    assert abs(row["shot_ratio"] - 1) < 4 * row["shot_ratio_error"]
    assert row["shot_ratio"] == pytest.approx(row["shot"] / 3.696e-3)
