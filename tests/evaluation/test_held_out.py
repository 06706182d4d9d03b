"""Held-out patches: where they lie, and how much noise they hold."""

import numpy as np
import torch
from cases.flat_bursts import flat_burst
from cases.still_bursts import burst_of

from n2nf_core import evaluation
from n2nf_core.bursts import Burst, dequantised
from n2nf_core.evaluation import held_out_patches
from n2nf_core.pairs import grid_patches


def test_patches_shrink_to_the_smallest_burst():
    large, small = flat_burst(), flat_burst().crop(slice(0, 9), slice(0, 32))
    assert evaluation.held_out_patches([large, small], patch=32).noise.shape[2:] == (8, 8)


def test_held_out_patches_and_their_places():
    held = evaluation.held_out_patches([flat_burst(camera="A"), flat_burst(camera="B")], patch=16)
    assert held.noise.shape == (2 * 4 * 16, 4, 8, 8)  # 8 places of 16x16 are too few: halved
    assert held.place[:16].tolist() == held.place[16:32].tolist() == list(range(16))
    assert held.place[64:].min() == 16 and held.settings == [("A", 100.0), ("B", 100.0)]
    assert len(held.of("B", 100.0).noise) == 64
    burst = flat_burst()
    torch.testing.assert_close(held.noise[17], (burst.planes(1) - 0.5)[0, :, :8, 8:16])


def test_held_out_noise_without_a_clean_image_has_the_variance_of_one_frame_and_the_signal_of_all():
    noise = 0.01 * torch.randn(7, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    bursts = [burst_of(0.5 + noise[:2]), burst_of(0.3 + noise[2:])]
    found = held_out_patches(bursts, 16)
    for part in (found.noise[: 2 * 16], found.noise[2 * 16 :]):  # the two frames of a pair hold the same difference
        assert abs(float(part.var()) / 1e-4 - 1) < 5 * (2 / (4 * 64 * 64)) ** 0.5
    mean = 0.3 + noise[2:].mean(0)[:, :16, 16:32]
    for t in range(5):
        torch.testing.assert_close(found.clean[2 * 16 + 16 * t + 1], mean, atol=1e-6, rtol=0)
    product = found.noise * (found.clean - found.clean.mean())
    assert abs(product[2 * 16 :].mean()) < 4 * product[2 * 16 :].std() / (5 * 4 * 64 * 64 / 5) ** 0.5


def test_of_many_patches_some_are_kept_with_their_places():
    bursts = [flat_burst(camera="A"), flat_burst(camera="B", sigma=0.2)]
    every, some = (held_out_patches(bursts, 16, most=most) for most in (2**20, 40 * 4 * 8 * 8))
    assert len(some.noise) == 40 == len(some.camera) == len(some.iso) and len(every.noise) == 128
    at = {tuple(patch.flatten().tolist()): k for k, patch in enumerate(every.noise)}
    found = [at[tuple(patch.flatten().tolist())] for patch in some.noise]
    assert found == sorted(set(found)) and 0 < found[0] < found[-1] > 100, "from both bursts, in their order"
    assert [every.camera[k] for k in found] == some.camera and every.place[found].tolist() == some.place.tolist()
    assert torch.equal(every.clean[found], some.clean)


def test_noise_of_integer_frames_lies_on_a_grid_whose_step_is_stated():
    frames = np.random.default_rng(0).integers(60, 90, (5, 4, 32, 32)).astype(np.uint16)
    five = Burst(frames, 64, 1023, "RGGB", "S6", 800, "five")
    pair = Burst(frames[:2], (64, 65, 66, 67), 1023, "RGGB", "S6", 800, "pair")
    known = Burst(frames, 64, 1023, "RGGB", "S6", 100, "known", clean=np.zeros((4, 32, 32), np.float32))
    held = held_out_patches([five, pair, known], 8)
    one, two, true = held.step[: 5 * 16], held.step[5 * 16 : 7 * 16], held.of("S6", 100)
    torch.testing.assert_close(one, torch.full((80, 4, 1, 1), 0.8**0.5 / 959))
    torch.testing.assert_close(two[0, :, 0, 0], 0.5**0.5 / (1023 - torch.tensor([64.0, 65, 66, 67])))
    torch.testing.assert_close(true.step, torch.full((80, 4, 1, 1), 1 / 959))
    others = 959 * grid_patches(five.planes(slice(1, 5)).mean(0, keepdim=True), 8)
    for whole in (held.noise[:16] / one[:16] + others, true.noise / true.step):
        torch.testing.assert_close(whole, whole.round(), atol=1e-3, rtol=0)
    assert true.to("cpu").step is not None and held_out_patches([dequantised(pair)], 8).step is None


def test_patches_that_are_left_out_are_counted_for_every_setting():
    bursts = [flat_burst(camera="A"), flat_burst(camera="B", sigma=0.2)]
    every, some = (held_out_patches(bursts, 16, most=most) for most in (2**20, 40 * 4 * 8 * 8))
    assert every.counts() == {"patches": 128, "patches_left_out": 0}
    assert some.counts() == {"patches": 40, "patches_left_out": 88}
    parts = [some.of(camera, 100.0) for camera in "AB"]
    assert [sum(part.counts().values()) for part in parts] == [64, 64]
    assert [part.counts()["patches"] for part in parts] == [len(part.noise) for part in parts]
