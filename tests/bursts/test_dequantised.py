"""Integer frames are spread evenly over their bins, in the same way whenever they are read."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch

from n2nf_core.baselines import GaussianNoise
from n2nf_core.bursts import Burst, LazyFrames, dequantised
from n2nf_core.evaluation import held_out_patches, nll
from n2nf_core.pairs import PatchPairs, Sampling
from n2nf_core.types import NLF


def integers(scene="scene"):
    frames = np.random.default_rng(0).integers(90, 110, (3, 4, 40, 50)).astype(np.uint16)
    return Burst(frames, 64, 1023, "RGGB", "S6", 800, scene, provenance={"notes": [], "frames_sha256": "of integers"})


def test_what_is_added_is_uniform_and_independent():
    burst = integers()
    spread = dequantised(burst, seed=1)
    added = spread.frames - burst.frames.astype(np.float32)
    assert spread.frames.dtype == np.float32 and np.abs(added).max() <= 0.5
    assert abs(added.mean()) < 5 / np.sqrt(12 * added.size)
    assert abs(12 * (added**2).mean() - 1) < 5 * np.sqrt(0.8 / added.size)
    for first, second in ((added[0], added[1]), (added[:, 0], added[:, 1]), (added[..., :-1], added[..., 1:])):
        assert abs(12 * (first * second).mean()) < 5 / np.sqrt(first.size)
    again, other = dequantised(burst, seed=1), dequantised(integers("another scene"), seed=1)
    assert np.array_equal(again.frames, spread.frames) and not np.array_equal(other.frames, spread.frames)
    assert not np.array_equal(dequantised(burst, seed=2).frames, spread.frames)
    assert dequantised(spread) is spread


def test_frames_that_are_read_when_asked_for_are_spread_when_asked_for():
    burst = integers()
    asked = []

    def read(t):
        asked.append(t)
        return burst.frames[t]

    lazy = replace(burst, frames=LazyFrames(read, 3, burst.frames.dtype, range(40), range(50)))
    spread = dequantised(lazy)
    assert isinstance(spread.frames, LazyFrames) and not asked
    assert np.array_equal(spread.frames[:], dequantised(burst).frames)
    window = spread.crop(slice(8, 40), slice(2, 20))
    assert np.array_equal(window.frames[1], dequantised(burst).frames[1, :, 8:40, 2:20])


def test_a_training_on_spread_frames_is_another_training():
    pairs = partial(PatchPairs, cameras=["S6"], sampling=Sampling(patch=8, batch=4))
    burst = integers()
    lazy = replace(burst, frames=LazyFrames(burst.frames.__getitem__, 3, burst.frames.dtype, range(40), range(50)))
    prints = {pairs([b]).fingerprint() for b in (lazy, dequantised(lazy), dequantised(lazy, seed=1))}
    assert len(prints) == 3
    steps = pairs([dequantised(burst)]).batch(0).first * (1023 - 64) + 64
    assert torch.all((steps - steps.round()).abs() <= 0.5) and (steps != steps.round()).float().mean() > 0.9


def test_no_density_beats_the_exact_likelihood_on_spread_frames_as_it_can_on_integers():
    """A flat frame of noise far below one DN: the mass of its value is at most 1, so no honest NLL in DN is below 0."""
    burst = Burst(np.full((2, 4, 40, 50), 100, np.uint16), 64, 1064, "RGGB", "S6", 800, "flat")
    clean = np.full((4, 40, 50), 0.036, np.float32)
    for deviation in (1e-3, 1e-2, 0.1, 1.0):
        model = GaussianNoise({"S6": {800: NLF(0.0, (deviation / 1000) ** 2)}})
        on_integers, on_spread = (
            float(nll(model, held_out_patches([replace(b, clean=clean)])).mean()) + np.log(1000)
            for b in (burst, dequantised(burst))
        )
        assert on_spread > 0 and (on_integers < 0) == (deviation < 0.3)
