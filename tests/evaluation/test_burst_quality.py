"""A still burst passes, and one that moves is refused before any work."""

import pytest
import torch
from cases.still_bursts import burst_of

from n2nf_core.baselines.photon_transfer import photon_transfer
from n2nf_core.bursts import BurstError
from n2nf_core.evaluation import assess_burst, choose_burst, match_light
from n2nf_core.importers import read_bursts
from n2nf_core.simulation import dead_leaves


def frames_of(shift):
    scene = dead_leaves(1, 64, 96, seed=0)[0]
    noise = 0.01 * torch.randn(6, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    return torch.stack([scene[:, :, shift * t : shift * t + 64] for t in range(6)]) + noise


def test_a_still_burst_passes():
    found = assess_burst(burst_of(frames_of(0)))
    chance = 1 / (5 * 4 * 64 * 64) ** 0.5
    assert abs(found.correlation) < 5 * chance * 2**0.5 and abs(found.growth) < 0.05 and found.drift < 0.01


def test_frames_that_move_are_refused():
    with pytest.raises(BurstError, match="scene: the frames differ by more than noise"):
        assess_burst(burst_of(frames_of(2)))


def test_light_that_drifts_is_matched_and_the_rows_of_a_sensor_are_not_taken_for_it():
    drift = 1 + 0.03 * torch.linspace(-1, 1, 6)[:, None, None, None]
    even, drifting = frames_of(0), burst_of(frames_of(0) * drift)
    assert abs(assess_burst(drifting).drift - 0.03) < 0.002
    found = match_light(drifting).planes(range(6))
    assert torch.allclose(found.mean((2, 3)), even.mean((0, 2, 3)).expand(6, 4), rtol=0.01)
    rows = 0.01 + 0.01 * torch.randn(6, 4, 64, 1, generator=torch.Generator().manual_seed(1)).expand(-1, -1, -1, 64)
    still = burst_of((rows + 0.001 * torch.randn(rows.shape)).contiguous())
    assert assess_burst(still).drift == 0 and match_light(still) is still


def test_the_burst_to_look_at_has_contrast_or_middle_brightness():
    noise = 0.01 * torch.randn(4, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    flats = [burst_of(level + noise) for level in (0.8, 0.0, 0.3)]
    assert choose_burst(flats) is flats[2]
    scene = burst_of(0.1 * dead_leaves(1, 32, 32, seed=0)[0] + noise)
    assert choose_burst([*flats, scene]) is scene


def test_photon_transfer_of_real_flats_finds_their_gains(real_data):
    bursts = read_bursts(real_data / "nikon_d7000_iso100_flats.npz")
    assert max(assess_burst(b).correlation for b in bursts) < 0.02 and 0.01 < assess_burst(bursts[0]).drift < 0.1
    known = ((0.446, 2.1), (0.393, 1.9), (0.397, 1.7), (0.461, 2.3))  # DN and DN^2, measured apart, gains matched
    for plane, (shot, read) in enumerate(known):
        fit = photon_transfer([match_light(b).planes(range(len(b)))[:, plane : plane + 1] for b in bursts])
        assert abs(fit.shot * 16383 - shot) < 4 * fit.shot_error * 16383
        assert abs(fit.read * 16383**2 - read) < 4 * fit.read_error * 16383**2
