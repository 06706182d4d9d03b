"""Photon transfer on simulated bursts of known NLF and on real sensors."""

import numpy as np
import pytest
import torch

from n2nf_core import raw
from n2nf_core.baselines.photon_transfer import photon_transfer

SHOT, READ = 0.004, 2e-4


def burst(frames=2, side=96, seed=0, low=0.0, high=0.8):
    generator = torch.Generator().manual_seed(seed)
    clean = torch.linspace(low, high, 4 * side * side, dtype=torch.float64).view(4, side, side)
    noise = torch.randn(frames, 4, side, side, generator=generator, dtype=torch.float64)
    return clean + (SHOT * clean + READ).sqrt() * noise


def assert_recovers(fit, sigmas=4):
    assert abs(fit.shot - SHOT) < sigmas * fit.shot_error
    assert abs(fit.read - READ) < sigmas * fit.read_error


@pytest.mark.parametrize("frames", [2, 3, 12])
def test_recovers_shot_and_read_within_its_standard_errors(frames):
    fit = photon_transfer([burst(frames)])
    assert_recovers(fit)
    assert fit.shot_error < 0.03 * SHOT and fit.read_error < 0.1 * READ


def test_standard_errors_are_honest():
    """Over 60 bursts the spread of the estimate is its standard error: chi-squared, 4 standard errors wide."""
    fits = [photon_transfer([burst(side=32, seed=seed)]) for seed in range(60)]
    for value, error, truth in (("shot", "shot_error", SHOT), ("read", "read_error", READ)):
        z = torch.tensor([(getattr(f, value) - truth) / getattr(f, error) for f in fits])
        assert abs(z.square().mean() - 1) < 4 * (2 / 60) ** 0.5


def test_hot_pixels_are_set_aside():
    frames = burst(6)
    generator = torch.Generator().manual_seed(1)
    hot = torch.rand(frames.shape[1:], generator=generator) < 0.01
    frames += hot * 0.2 * torch.randn(frames.shape, generator=generator, dtype=torch.float64)
    fit = photon_transfer([frames])
    assert_recovers(fit, sigmas=5)
    assert fit.excluded > 0.008


def test_gain_drift_is_corrected():
    gains = torch.tensor([1.0, 1.03, 0.98, 1.05])[:, None, None, None]
    clean = torch.linspace(0.1, 0.8, 4 * 96 * 96, dtype=torch.float64).view(4, 96, 96)
    noise = torch.randn(4, 4, 96, 96, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert_recovers(photon_transfer([gains * clean + (SHOT * gains * clean + READ).sqrt() * noise]))


def test_light_that_changes_much_changes_the_weight_of_shot_and_read_noise():
    """Divided by its gain g, a frame has shot noise of 1 / g and read noise of 1 / g^2 times their variance."""
    gains = torch.tensor([0.25, 1.0, 1.75])[:, None, None, None]
    clean = torch.linspace(0.0, 0.3, 4 * 96 * 96, dtype=torch.float64).view(4, 96, 96)
    noise = torch.randn(3, 4, 96, 96, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    assert_recovers(photon_transfer([gains * clean + (SHOT * gains * clean + READ).sqrt() * noise]))


def test_dark_frames_do_not_raise_read_noise_nor_lower_shot_noise():
    """Hardly any read noise, so that the error of a block's signal counts: over 20 seeds the mean is the truth."""
    shot, read, deviations = 0.02, 2e-6, []
    for seed in range(20):
        clean = torch.linspace(0, 0.02, 4 * 64 * 64, dtype=torch.float64).view(4, 64, 64)
        clean[:2] = 0
        noise = torch.randn(2, 4, 64, 64, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        fit = photon_transfer([clean + (shot * clean + read).sqrt() * noise])
        deviations.append(((fit.shot - shot) / fit.shot_error, (fit.read - read) / fit.read_error))
    assert torch.tensor(deviations).mean(0).abs().max() < 4 / 20**0.5


@pytest.mark.parametrize("vignetting", [0.0, 0.02])
def test_a_flat_field_gives_the_variance_at_its_signal(vignetting):
    """One exposure does not divide into shot and read, but neither is negative and their sum is right, to 4 errors."""
    for seed in range(10, 18):
        fall = 1 - vignetting * torch.linspace(-1, 1, 96, dtype=torch.float64).square()
        clean = 0.4 * fall.expand(4, 80, 96)
        noise = torch.randn(4, 4, 80, 96, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        fit = photon_transfer([clean + (SHOT * clean + READ).sqrt() * noise])
        level = clean.mean()
        chance = (2 / (3 * clean.numel())) ** 0.5
        assert min(fit.shot, fit.read) >= 0 and fit.shot_error > fit.shot / 4
        for shot, read in (fit[:2], fit.nlf()):
            assert float((shot * level + read) / (SHOT * level + READ)) == pytest.approx(1, abs=4 * chance)


def test_the_error_of_a_block_is_its_scatter():
    """chi-squared of the blocks about the line: 1 within 4 standard errors, for few and for many frames."""
    for frames in (2, 5):
        fit = photon_transfer([burst(frames)])
        z = (fit.variance - fit.shot * fit.signal - fit.read) / fit.error
        assert abs(float(z.square().mean()) - 1) < 4 * (2 / len(z)) ** 0.5 * (1 + 6 / (64 * (frames - 1))) ** 0.5


def test_a_black_level_that_is_too_high_shows_as_a_signal_below_zero():
    assert photon_transfer([burst(low=0.0)]).darkest == 0
    fit = photon_transfer([burst(low=-0.03, high=0.3)])
    assert fit.darkest == pytest.approx(-0.03 + 0.33 / 64, abs=0.005)  # the mean of the darkest 32nd
    assert_recovers(fit)


def test_a_line_has_no_curvature_and_a_parabola_has_its_own():
    straight = photon_transfer([burst(6)])
    assert abs(straight.curvature) < 4 * straight.curvature_error
    generator = torch.Generator().manual_seed(4)
    clean = torch.linspace(0, 0.8, 4 * 96 * 96, dtype=torch.float64).view(4, 96, 96)
    noise = torch.randn(6, 4, 96, 96, generator=generator, dtype=torch.float64)
    bent = photon_transfer([clean + (SHOT * clean + READ + 2e-3 * clean.square()).sqrt() * noise])
    assert abs(bent.curvature - 2e-3) < 4 * bent.curvature_error < 1e-3


def test_frames_that_are_read_when_asked_for_give_what_the_tensor_gives():
    class Lazy:
        def __init__(self, frames):
            self.frames, self.shape = frames, tuple(frames.shape)

        def planes(self, index):
            return self.frames[index : index + 1]

    frames = burst(3)
    assert photon_transfer([Lazy(frames)])[:4] == photon_transfer([frames])[:4]


def test_dark_texture_and_several_bursts():
    fit = photon_transfer([burst(low=0.0, high=0.01, seed=1), burst(low=0.3, high=0.6, seed=2)])
    assert_recovers(fit)


def test_dark_pixels_of_shot_noise_are_no_outliers():
    """Two frames near black with hardly any read noise: a pixel's own mean is often below 0, its variance is not."""
    generator = torch.Generator().manual_seed(7)
    clean = torch.linspace(0, 0.05, 4 * 96 * 96, dtype=torch.float64).view(4, 96, 96)
    noise = torch.randn(2, 4, 96, 96, generator=generator, dtype=torch.float64)
    fit = photon_transfer([clean + (0.02 * clean + 2e-6).sqrt() * noise])
    assert abs(fit.shot - 0.02) < 4 * fit.shot_error
    assert abs(fit.read - 2e-6) < 4 * fit.read_error
    assert fit.excluded < 1e-3


def test_nlf_of_a_fit_is_positive():
    fit = photon_transfer([burst()])
    assert fit.nlf() == (fit.shot, fit.read)
    level = float(fit.signal.mean())
    assert fit._replace(read=0.0).nlf() == pytest.approx((fit.shot, 1e-3 * fit.shot * level))
    assert fit._replace(shot=0.0).nlf() == pytest.approx((1e-3 * fit.read / level, fit.read))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="at least two frames"):
        photon_transfer([burst()[:1]])
    with pytest.raises(ValueError, match="got none"):
        photon_transfer([])
    with pytest.raises(ValueError, match="saturated"):
        photon_transfer([burst() + 10])
    with pytest.raises(ValueError, match="only 1 block"):
        photon_transfer([burst(side=8)[:, :1]])


def planes(mosaic):
    return torch.from_numpy(raw.pack(mosaic.astype(np.float64)))


def test_emva_ccd(real_data):
    """Shot .282 DN within 2 %, read within 5 % of the variance of the dark frames."""
    with np.load(real_data / "emva1288_basler_ccd12.npz") as file:
        black, white = float(file["black"]), float(file["white"])
        pairs, dark = [planes(p) - black for p in file["pairs"]], planes(file["stack_dark"])
    fit = photon_transfer(pairs, saturation=0.9 * (white - black))
    assert fit.shot == pytest.approx(0.282, rel=0.02)
    assert fit.read == pytest.approx(float(dark.var(0).mean()), rel=0.05)


@pytest.mark.parametrize(
    ("plane", "shot", "read"), [(0, 0.446, 2.1), (1, 0.393, 1.9), (2, 0.397, 1.7), (3, 0.461, 2.3)]
)
def test_nikon_d7000(real_data, plane, shot, read):
    """Per plane within 3 % of the figures of a gain-matched reference fit, DN above black."""
    with np.load(real_data / "nikon_d7000_iso100_flats.npz") as file:
        frames, setting = planes(file["frames"]), file["setting"]
    bursts = [frames[setting == s][:, plane : plane + 1] for s in np.unique(setting)]
    fit = photon_transfer(bursts, saturation=0.9 * 16383)
    assert fit.shot == pytest.approx(shot, rel=0.03)
    assert fit.read == pytest.approx(read, rel=0.03)
