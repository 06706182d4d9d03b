"""One training on a reader's bursts: what it is watched on, when it stops, and which folder is its own."""

import math
from dataclasses import replace

import pytest
import torch

from n2nf_core import losses
from n2nf_core.baselines import camera_nlf
from n2nf_core.simulation import simulated_bursts
from n2nf_core.training import Profile
from n2nf_core.widgets.burst_training import Training

SIZES = Profile(scenes=2, size=24, patch=16, batch=8, features=4, pretrain=2, joint=3)


def bursts(size=40, seed=0):
    return simulated_bursts(camera_nlf(["S6", "IP"]), [("S6", 800), ("IP", 100)], scenes=1, size=size, seed=seed)


def test_it_is_watched_on_rows_that_it_does_not_train_on(tmp_path):
    training = Training(bursts(), SIZES, tmp_path)
    burst = training.test[0]
    first = burst.planes(0)[0]
    assert torch.equal(training.probe.first[0], first) and training.probe.camera.item() == 1, "S6 after IP"
    assert first.shape[1] == 10 and all(b.shape[2] == 26 for b in training.recipe.bursts)
    error = float((first - burst.reference()[0]).square().mean())
    assert training.about()["noisy_psnr_db"] == pytest.approx(-10 * math.log10(error))


def test_patches_fit_into_a_small_burst(tmp_path):
    assert Training(bursts(), SIZES, tmp_path).recipe.pairs.sampling.patch == 16
    assert Training(bursts(size=24), SIZES, tmp_path).recipe.pairs.sampling.patch == 12


def test_the_same_burst_and_sizes_have_one_folder_and_others_their_own(tmp_path):
    def folder(bursts, sizes=SIZES):
        return Training(bursts, sizes, tmp_path).folder

    assert folder(bursts()) == folder(bursts()) and folder(bursts()).parent == tmp_path
    longer = Profile(scenes=2, size=24, patch=16, batch=8, features=4, pretrain=2, joint=9)
    assert len({folder(bursts()), folder(bursts(seed=1)), folder(bursts(), longer)}) == 3


def test_photon_transfer_is_scored_as_the_camera_that_it_knows(tmp_path):
    """The bursts name the cameras in another order than the recipe does."""
    training = Training(bursts(), SIZES, tmp_path)
    denoiser, pair = training.recipe.new_denoiser().eval(), training.probe
    with torch.no_grad():
        found = training.observe(denoiser, training.recipe.new_noise_model())
        clean = [denoiser(frame).clamp(0, 1) for frame in (pair.first, pair.second)]
        model = training.recipe.photon_transfer
        both = model.context(torch.cat(clean), ["S6", "S6"], [800.0, 800.0])
        alone = pair._replace(camera=both.camera[:1])
        expected = losses.pair_difference(model, alone, *(denoiser(frame) for frame in (pair.first, pair.second)))
    assert found["photon_nll_nats_per_dim"] == pytest.approx(float(expected), rel=1e-5)


def test_it_shows_every_step_and_ends_when_it_is_told_to(tmp_path):
    training, shown = Training(bursts(), SIZES, tmp_path), []

    def show(history):
        shown.append(len(history))
        if len(shown) == 3:
            training.stopping.set()

    first = training.run(show)
    assert len(shown) == 3 and training.trained is first
    assert {"held_nll_nats_per_dim", "photon_nll_nats_per_dim", "held_psnr_db"} <= set(first.result.history[-1])
    training.stopping.clear()
    whole = training.run(lambda history: None).result.history
    assert whole[-1]["step"] == training.steps == 5 and whole[:3] == first.result.history


def test_a_recipe_with_the_recommended_term_is_watched_by_the_pair_difference(tmp_path):
    training = Training(bursts(), SIZES, tmp_path)
    models = training.recipe.new_denoiser().eval(), training.recipe.new_noise_model()
    expected = training.observe(*models)
    training.recipe = replace(training.recipe, noise_term="recommended")
    assert training.observe(*models) == expected
