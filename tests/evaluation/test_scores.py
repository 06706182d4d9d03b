"""What is reported on held-out data: against values worked out by hand, on bursts of known noise."""

import numpy as np
import pytest
import torch
from torch import nn

from n2nf_core import evaluation
from n2nf_core.baselines import GaussianNoise, camera_nlf
from n2nf_core.bursts import Burst, recordings, train_test_split
from n2nf_core.bursts.splits import GAP
from n2nf_core.cameras import NLF
from n2nf_core.evaluation.classical_denoisers import calibrate, nl_means, wavelet
from n2nf_core.simulation import SETTINGS, physical_bursts, simulated_bursts

TRUTH = camera_nlf(["GP", "IP", "S6"])


@pytest.fixture(scope="module")
def bursts():
    return simulated_bursts(TRUTH, [("S6", 800), ("IP", 100)], scenes=4, size=48, frames=3, seed=1)


def flat_burst(sigma=0.1, frames=4, clean=True, camera="A", scene="flat"):
    noise = sigma * np.random.default_rng(0).standard_normal((frames, 4, 32, 32))
    truth = np.full((4, 32, 32), 0.5, np.float32)
    return Burst(
        (truth + noise).astype(np.float32), 0.0, 1.0, "MONO", camera, 100.0, scene, clean=truth if clean else None
    )


def test_simulated_bursts_have_the_noise_they_say(bursts):
    for burst in bursts:
        noise = burst.planes(slice(None)) - torch.from_numpy(burst.clean)
        expected = burst.nlf.shot * torch.from_numpy(burst.clean) + burst.nlf.read
        ratio = (noise.square() / expected).mean().item()
        assert abs(ratio - 1) < 4 * (2 / noise.numel()) ** 0.5
    again = simulated_bursts(TRUTH, [("S6", 800), ("IP", 100)], scenes=4, size=48, frames=3, seed=1)
    assert np.array_equal(again[5].frames, bursts[5].frames)
    assert len({burst.scene for burst in bursts}) == 8
    assert len(SETTINGS) == 6 and len({camera for camera, _ in SETTINGS}) == 3


def test_split_by_scene_leaves_every_setting_on_both_sides(bursts):
    train, test = train_test_split(bursts, 0.25, seed=0)
    assert not {b.scene for b in train} & {b.scene for b in test}
    assert len(train) + len(test) == 8
    for side, count in ((train, 3), (test, 1)):
        assert [sum(b.camera == c for b in side) for c in ("S6", "IP")] == [count, count]


def test_split_of_few_scenes_is_by_rows(bursts):
    train, test = train_test_split(bursts[:3], 0.25)
    assert [b.shape[2] for b in train] == [48 - 12 - GAP] * 3
    assert np.array_equal(test[1].frames, np.asarray(bursts[1].frames)[:, :, 36:])


def test_a_scene_taken_at_several_settings_stays_on_one_side():
    shared = [flat_burst(camera=c, scene=f"s{k}") for k in range(4) for c in ("A", "B")]
    train, test = train_test_split(shared, 0.25, seed=3)
    assert len(test) == 2 and test[0].scene == test[1].scene not in {b.scene for b in train}


def test_settings_of_many_and_of_few_scenes_are_split_each_in_its_way():
    many = [flat_burst(camera="A", scene=f"s{k}") for k in range(4)]
    train, test = train_test_split([*many, flat_burst(camera="B", scene="alone")], 0.25)
    assert [(b.camera, b.shape[2]) for b in train] == [("A", 32)] * 3 + [("B", 32 - 8 - GAP)]
    assert [(b.camera, b.shape[2]) for b in test] == [("A", 32), ("B", 8)]
    train, test = train_test_split([*many, flat_burst(camera="B", scene="s1")], 0.25)
    assert {b.shape[2] for b in test} == {8} and len(test) == len(train) == 5  # shared: rows for all


def test_patches_shrink_to_the_smallest_burst():
    large, small = flat_burst(), flat_burst().crop(slice(0, 9), slice(0, 32))
    assert evaluation.held_out_patches([large, small], patch=32).noise.shape[2:] == (8, 8)


def test_reference_is_the_clean_signal_or_the_mean_of_the_others():
    known, unknown = flat_burst(), flat_burst(clean=False)
    assert torch.equal(known.reference(), torch.full((4, 4, 32, 32), 0.5))
    frames = unknown.planes(slice(None))
    torch.testing.assert_close(unknown.reference()[1], frames[[0, 2, 3]].mean(0))


def test_held_out_patches_and_their_places():
    held = evaluation.held_out_patches([flat_burst(camera="A"), flat_burst(camera="B")], patch=16)
    assert held.noise.shape == (2 * 4 * 16, 4, 8, 8)  # 8 places of 16x16 are too few: halved
    assert held.place[:16].tolist() == held.place[16:32].tolist() == list(range(16))
    assert held.place[64:].min() == 16 and held.settings == [("A", 100.0), ("B", 100.0)]
    assert len(held.of("B", 100.0).noise) == 64
    burst = flat_burst()
    torch.testing.assert_close(held.noise[17], (burst.planes(1) - 0.5)[0, :, :8, 8:16])


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


def test_scores_of_denoisers():
    burst = flat_burst(sigma=0.1)
    rows = evaluation.score_denoisers(
        {"noisy": evaluation.noisy, "perfect": lambda b: b.reference() + 1e-3}, [burst]
    )
    assert rows["noisy"]["psnr_db"] == pytest.approx(20.0, abs=0.2)
    assert rows["perfect"]["psnr_db"] == pytest.approx(60.0, abs=0.01)
    assert rows["perfect"]["ssim"] > 0.99 > rows["noisy"]["ssim"]


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


def test_recovered_parameters_are_ratios_to_the_truth():
    from n2nf_core.baselines import fit_photon_transfer

    bursts = simulated_bursts(TRUTH, [("S6", 800)], scenes=4, size=64, seed=2)
    model, fits = fit_photon_transfer(recordings(bursts))
    row = evaluation.recovered_nlf({"photon_transfer": model}, fits, TRUTH)["S6 800"]["photon_transfer"]
    assert abs(row["shot_ratio"] - 1) < 4 * row["shot_ratio_error"]
    assert row["shot_ratio"] == pytest.approx(row["shot"] / 3.696e-3)


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


def test_physical_bursts_follow_their_sensor():
    from n2nf_core.simulation import PhysicalSensor

    sensor = PhysicalSensor.draw("Canon 70D", torch.Generator().manual_seed(0))
    bursts = physical_bursts(sensor, "mine", scenes=2, size=64, frames=6, exposure=0.2)
    for burst in bursts:
        frames = burst.planes(slice(None))
        assert burst.camera == "mine" and burst.nlf == sensor.nlf
        expected = sensor.variance(torch.from_numpy(burst.clean)).mean()
        assert frames.var(0).mean() == pytest.approx(float(expected), rel=0.1)


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
