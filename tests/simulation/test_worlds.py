"""Worlds of known density: which there are, what their bursts hold, and how hard their scenes are."""

import pytest
import torch

from n2nf_core.baselines import GaussianNoise
from n2nf_core.simulation import dead_leaves
from n2nf_core.simulation.worlds import SETTINGS, known_worlds, textured
from n2nf_core.types import NLF, NoiseModel

NOISES = ("nlf", "photons", "rows", "tails", "telegraph")


def test_every_noise_falls_on_smooth_and_on_textured_scenes():
    assert sorted(known_worlds()) == sorted(f"{noise}, {kind}" for noise in NOISES for kind in ("smooth", "textured"))
    assert all(isinstance(world.truth, NoiseModel) for world in known_worlds().values())


@pytest.mark.parametrize("name", [f"{noise}, textured" for noise in NOISES])
def test_bursts_have_the_noise_of_the_truth(name):
    """The mean of n^2 over its stated variance, within 5 standard errors of its mean over rows."""
    world = known_worlds(scenes=["textured"])[name]
    bursts = world.bursts(scenes=1, size=32, frames=4, seed=1)
    assert [(b.camera, b.iso) for b in bursts] == [(camera, float(iso)) for camera, iso in SETTINGS]
    for burst in bursts:
        clean = torch.from_numpy(burst.clean)
        variance = burst.nlf.shot * clean + burst.nlf.read
        ratio = ((burst.planes(slice(None)) - clean).square() / variance).mean(3)  # row noise is shared by a row
        assert abs(ratio.mean() - 1) < 5 * ratio.std() / ratio.numel() ** 0.5


def test_a_learned_density_is_a_world_too():
    model = GaussianNoise({camera: {iso: NLF(0.01, 1e-4)} for camera, iso in SETTINGS})
    found = known_worlds({"mine": model}, ["smooth"])
    assert found["mine, smooth"].truth is model
    burst = found["mine, smooth"].bursts(scenes=1, size=16, frames=3, seed=0)[0]
    assert burst.shape == (3, 4, 16, 16) and burst.nlf == NLF(0.01, 1e-4)


def test_a_world_in_the_dark_has_its_exposure():
    bright, dark = (known_worlds(scenes=["smooth"])[f"{name}, smooth"] for name in ("nlf", "tails"))
    levels = [torch.from_numpy(w.bursts(scenes=1, size=16, frames=2, seed=0)[0].clean) for w in (bright, dark)]
    torch.testing.assert_close(levels[1], levels[0] * 0.25)


def test_textured_scenes_differ_more_between_neighbours():
    contrast = [
        float((x[..., 1:] - x[..., :-1]).square().mean() / x.var())
        for x in (textured(4, 48, 48, seed=0), dead_leaves(4, 48, 48, seed=0))
    ]
    assert contrast[0] > 5 * contrast[1]
