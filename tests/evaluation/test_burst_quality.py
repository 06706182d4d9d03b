"""Light that drifts is matched, and the burst to look at is found."""

import pickle
from dataclasses import replace
from itertools import permutations

import torch
from cases.still_bursts import burst_of

from n2nf_core.baselines.photon_transfer import photon_transfer
from n2nf_core.bursts import LazyFrames
from n2nf_core.evaluation import choose_burst, difference_correlation, match_light
from n2nf_core.importers import read_bursts
from n2nf_core.simulation import dead_leaves


def still_frames():
    noise = 0.01 * torch.randn(6, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    return dead_leaves(1, 64, 64, seed=0)[0] + noise


def test_correlation_of_neighbours_is_found_also_in_few_rows():
    noise = torch.randn(9, 4, 5, 400, generator=torch.Generator().manual_seed(0))
    found = difference_correlation(noise[..., 1:] + noise[..., :-1])
    assert found.shape == (5, 9) and found[2, 4] == 1
    chance = 2 / (8 * 4 * 5 * 399) ** 0.5
    assert (found[2, [3, 5]] - 0.5).abs().max() < 5 * chance and found[[1, 3], 4].abs().max() < 5 * chance


def test_light_that_drifts_is_matched_and_the_rows_of_a_sensor_are_not_taken_for_it():
    drift = 1 + 0.03 * torch.linspace(-1, 1, 6)[:, None, None, None]
    even, drifting = still_frames(), burst_of(still_frames() * drift)
    found = match_light(drifting).planes(range(6))
    assert torch.allclose(found.mean((2, 3)), even.mean((0, 2, 3)).expand(6, 4), rtol=0.01)
    rows = 0.01 + 0.01 * torch.randn(6, 4, 64, 1, generator=torch.Generator().manual_seed(1)).expand(-1, -1, -1, 64)
    still = burst_of((rows + 0.001 * torch.randn(rows.shape)).contiguous())
    assert match_light(still) is still


def test_matched_frames_are_read_one_at_a_time_and_by_other_processes():
    drifting = burst_of(still_frames() * (1 + 0.03 * torch.linspace(-1, 1, 6)[:, None, None, None]))
    asked = []

    def read(t: int):
        asked.append(t)
        return drifting.frames[t]

    whole = range(64), range(64)
    lazy = replace(drifting, frames=LazyFrames(read, 6, drifting.frames.dtype, *whole))
    found = match_light(lazy)
    asked.clear()
    assert torch.equal(found.planes(2), match_light(drifting).planes(2)) and asked == [2]
    assert torch.equal(pickle.loads(pickle.dumps(match_light(drifting))).planes(2), found.planes(2))


def test_frames_that_are_matched_are_not_those_of_the_checksum():
    drifting = burst_of(still_frames() * (1 + 0.03 * torch.linspace(-1, 1, 6)[:, None, None, None]))
    stored = replace(drifting, provenance={"frames_sha256": "0123", "name": "b"})
    assert match_light(stored).provenance == {"name": "b"}


def test_the_burst_to_look_at_has_contrast_or_middle_brightness():
    noise = 0.01 * torch.randn(4, 4, 32, 32, generator=torch.Generator().manual_seed(0))
    flats = [burst_of(level + noise) for level in (0.8, 0.0, 0.3)]
    assert all(choose_burst(order) is flats[2] for order in permutations(flats))
    scene = burst_of(0.1 * dead_leaves(1, 32, 32, seed=0)[0] + noise)
    assert choose_burst([*flats, scene]) is scene


def test_photon_transfer_of_real_flats_finds_their_gains(real_data):
    bursts = read_bursts(real_data / "nikon_d7000_iso100_flats.npz")
    checks = [b.provenance["checks"] for b in bursts]
    assert max(abs(c["correlation"]) for c in checks) < 0.03 and 0.01 < checks[0]["drift"] < 0.1
    known = ((0.446, 2.1), (0.393, 1.9), (0.397, 1.7), (0.461, 2.3))  # DN and DN^2, measured apart, gains matched
    for plane, (shot, read) in enumerate(known):
        fit = photon_transfer([match_light(b).planes(range(len(b)))[:, plane : plane + 1] for b in bursts])
        assert abs(fit.shot * 16383 - shot) < 4 * fit.shot_error * 16383
        assert abs(fit.read * 16383**2 - read) < 4 * fit.read_error * 16383**2
