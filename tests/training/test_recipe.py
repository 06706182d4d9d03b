"""The recipe's steps: what each starts from, and that random choices depend on the seed alone."""

import math
from dataclasses import replace

import pytest
import torch

from n2nf_core import losses
from n2nf_core.baselines import camera_nlf
from n2nf_core.bursts import with_means
from n2nf_core.denoisers import UNet
from n2nf_core.export import load_model, save_model
from n2nf_core.flow import nlf_flow, sensor_flow
from n2nf_core.simulation import simulated_bursts
from n2nf_core.training import Profile, Recipe

SIZES = Profile(scenes=2, size=24, patch=8, batch=8, features=4, pretrain=3, joint=2)
SETTINGS = [("S6", 800), ("IP", 100), ("S6", 3200)]


@pytest.fixture(scope="module")
def bursts():
    return simulated_bursts(camera_nlf(["S6", "IP"]), SETTINGS, scenes=2, size=24, frames=4)


@pytest.fixture
def recipe(bursts, tmp_path):
    return Recipe(bursts, SIZES, 0, tmp_path)


def same(one, other):
    state = other.state_dict()
    return all(torch.equal(value, state[name]) for name, value in one.state_dict().items())


def test_knots_are_the_isos_of_the_bursts(recipe):
    assert recipe.isos == {"S6": [800, 3200], "IP": [100]}
    assert {camera: list(rows) for camera, rows in recipe.fits.items()} == recipe.isos


def test_a_camera_has_one_number_in_the_pairs_and_in_all_models(recipe):
    """The bursts name the cameras in another order than that of the alphabet."""
    assert recipe.new_noise_model().cameras == recipe.photon_transfer.cameras == tuple(recipe.isos)


def test_a_pair_is_any_two_frames_unless_a_lag_is_given(recipe, bursts, tmp_path):
    near = Recipe(bursts, SIZES, 0, tmp_path, lag=1)
    assert (len(recipe.pairs.pairs[0]), len(near.pairs.pairs[0])) == (6, 3)


def test_the_noise_model_starts_from_photon_transfer(recipe):
    found, known = recipe.new_noise_model(nlf_flow).nlf(), recipe.photon_transfer.nlf()
    for camera, isos in recipe.isos.items():
        for iso in isos:
            assert found[camera][iso] == pytest.approx(known[camera][iso], rel=1e-4)


def test_random_choices_depend_on_the_seed_alone(recipe, bursts, tmp_path):
    first = recipe.new_denoiser(), recipe.new_noise_model()
    torch.rand(7)
    again = Recipe(bursts, SIZES, 0, tmp_path)
    assert same(again.new_noise_model(), first[1]) and same(again.new_denoiser(), first[0])
    assert not same(Recipe(bursts, SIZES, 1, tmp_path).new_denoiser(), first[0])


def test_a_denoiser_corrects_a_copy_of_the_linear_skip(recipe):
    built = recipe.new_denoiser()
    assert built.skip is not recipe.linear_skip and same(built.skip, recipe.linear_skip)
    with torch.no_grad():
        for parameter in built.skip.parameters():
            parameter.zero_()
    assert same(recipe.new_denoiser().skip, recipe.linear_skip)
    unet = recipe.new_denoiser(lambda skip, profile: UNet(profile.features, skip=skip))
    assert isinstance(unet, UNet)


def test_the_loss_is_the_named_term_and_weight(recipe, bursts, tmp_path):
    own = Recipe(bursts, SIZES, 0, tmp_path, noise_term=losses.self_sample, mse_weight=7.0)
    pair, models = recipe.pairs.batch(0), (recipe.new_denoiser().eval(), recipe.photon_transfer)
    with torch.no_grad():
        found = own.joint_loss()(*models, pair)
        expected = losses.joint_loss(*models, pair, mse_weight=7.0, noise_term=losses.self_sample)
        other = recipe.joint_loss()(*models, pair)
    assert torch.equal(found.total, expected.total) and not torch.equal(found.total, other.total)


def test_training_leaves_what_it_starts_from_and_trains_the_noise_model_in_place(recipe, tmp_path):
    start, model = recipe.new_denoiser(), recipe.new_noise_model()
    first, before = recipe.pretrain(start), {k: v.clone() for k, v in model.state_dict().items()}
    assert same(start, recipe.new_denoiser()) and not same(first.denoiser, start)
    seen = []
    watch = {"observe": lambda *both: seen.append(both) or {"mine": 1.0}}
    joint = recipe.train_jointly(first.denoiser, model, **watch)
    assert joint.noise_model is model and not all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert joint.denoiser is not first.denoiser and seen[0] == (joint.denoiser, model)
    assert joint.result.history[-1]["mine"] == 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["joint", "pretraining"]


def test_in_one_call_is_step_by_step_and_is_not_done_twice(recipe, bursts, tmp_path):
    whole = recipe.train()
    apart = Recipe(bursts, SIZES, 0, tmp_path / "apart")
    steps = apart.train_jointly(apart.pretrain().denoiser)
    assert same(whole.denoiser, steps.denoiser) and same(whole.noise_model, steps.noise_model)
    again = Recipe(bursts, SIZES, 0, tmp_path).train()
    assert math.isnan(again.result.images_per_second), "it took steps"
    assert same(again.denoiser, whole.denoiser)


def test_a_term_of_many_frames_is_trained_with_the_means_of_the_bursts(bursts, tmp_path):
    recipe = Recipe(bursts, SIZES, 0, tmp_path)
    term = losses.Reshaped(losses.OfManyFrames(4), ())
    pair, plain = recipe.pairs_for(term).batch(0), recipe.pairs.batch(0)
    assert torch.equal(pair.first, plain.first) and not torch.equal(pair.clean, plain.clean)
    means = [with_means(burst, 4)[0] for burst in bursts]
    expected = Recipe(means, SIZES, 0, tmp_path).pairs.batch(0).clean
    assert torch.equal(pair.clean, expected)
    assert recipe.pairs_for(losses.pair_difference) is recipe.pairs


def test_the_recommended_term_is_measured_with_the_denoiser_that_is_given(bursts, tmp_path):
    recipe = Recipe(bursts, SIZES, 0, tmp_path, noise_term="recommended")
    with pytest.raises(ValueError, match="'recommended' depends on the denoiser"):
        recipe.joint_loss()
    denoiser = recipe.pretrain().denoiser
    found = recipe.train_jointly(denoiser, steps=2)
    by_hand = Recipe(bursts, SIZES, 0, tmp_path / "by hand", noise_term=recipe.recommend(denoiser).term)
    assert same(found.noise_model, by_hand.train_jointly(denoiser, steps=2).noise_model)


def test_joint_training_gives_a_term_the_pairs_that_it_needs(bursts, tmp_path):
    recipe = Recipe(bursts, SIZES, 0, tmp_path)
    denoiser = recipe.new_denoiser()
    term = recipe.recommend(denoiser.eval()).terms["leave_one_out"]
    found = replace(recipe, noise_term=term).train_jointly(denoiser, steps=2).noise_model
    means = Recipe([with_means(burst, 4)[0] for burst in bursts], SIZES, 0, tmp_path / "means", noise_term=term)
    by_hand = means.train_jointly(denoiser, loss=means.joint_loss(), steps=2).noise_model
    with_clean = recipe.train_jointly(denoiser, loss=means.joint_loss(), steps=2, name="clean").noise_model
    assert same(found, by_hand) and not same(found, with_clean)


@pytest.fixture(scope="module")
def sensor(bursts, tmp_path_factory):
    """The recipe, its pre-trained denoiser and a Sensor Flow trained with the recommended term."""
    own = Recipe(bursts, SIZES, 0, tmp_path_factory.mktemp("sensor"), noise_model=sensor_flow, noise_term="recommended")
    denoiser = own.pretrain().denoiser
    return own, denoiser, own.train_jointly(denoiser)


def test_a_sensor_flow_starts_from_photon_transfer_of_every_camera(sensor):
    recipe, known = sensor[0], sensor[0].photon_transfer.nlf()
    start = recipe.new_noise_model()
    for camera, isos in recipe.isos.items():
        for iso in isos:
            assert start.signal_scale.nlf()[camera][iso] == pytest.approx(known[camera][iso], rel=1e-4)
            unit = start.mixture.log_unit[start.knots.cell(camera, iso)].exp()
            assert float(unit) == pytest.approx(known[camera][iso].read ** 0.5, rel=1e-4)


def test_a_sensor_flow_learns_with_the_recommended_term_for_every_camera_and_ISO(sensor):
    recipe, _, trained = sensor
    start, learned = recipe.new_noise_model(), trained.noise_model
    for camera, isos in recipe.isos.items():
        for iso in isos:
            cell = learned.knots.cell(camera, iso)
            for old, new in ((start.lines, learned.lines), (start.mixture, learned.mixture)):
                pairs = zip(old.parameters(), new.parameters(), strict=True)
                assert any(not torch.equal(a[cell], b[cell]) for a, b in pairs), f"{camera} {iso} learned nothing"
    context = learned.context(torch.full((2, 4, 8, 8), 0.2), ["IP", "S6"], [100.0, 1600.0])
    assert learned.log_prob(learned.sample(context), context).isfinite().all()


def test_a_stopped_recommended_training_goes_on_bit_by_bit(sensor, tmp_path):
    recipe, denoiser, whole = sensor
    again = replace(recipe, folder=tmp_path)
    first = again.train_jointly(denoiser, stop=lambda history: True)
    assert len(first.result.history) < len(whole.result.history)
    assert same(again.train_jointly(denoiser).noise_model, whole.noise_model)


def test_a_trained_sensor_flow_is_the_same_from_its_file(sensor, tmp_path):
    trained = sensor[2]
    about = {"camera": "S6", "iso": 800, "black": 0, "white": 1}
    denoiser, model, _ = load_model(
        save_model(tmp_path / "m.safetensors", trained.noise_model, trained.denoiser, about)
    )
    assert same(model, trained.noise_model) and same(denoiser, trained.denoiser)
