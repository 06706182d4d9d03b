"""Every profile's sizes fit together."""

import pytest
from cases.pairs import make_burst, patch_pairs

from n2nf_core.training import PROFILES


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_s_batches_can_be_drawn(profile):
    sizes = PROFILES[profile]
    side = sizes.patch + 4
    batch = patch_pairs([make_burst(height=side, width=side)], ["S6"], patch=sizes.patch, batch=sizes.batch).batch(0)
    assert batch.first.shape == (sizes.batch, 4, sizes.patch, sizes.patch)
    for config in (sizes.pretraining(0), sizes.joint_training(0), sizes.noise2noise_training(0)):
        assert config.steps in (sizes.pretrain, sizes.joint)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_training_has_its_steps_and_what_is_given_wins(profile):
    sizes = PROFILES[profile]
    alone, joint, more = sizes.pretraining(3), sizes.joint_training(3), sizes.noise2noise_training(3)
    assert (alone.steps, alone.pretrain_steps) == (sizes.pretrain, sizes.pretrain)
    assert (joint.steps, joint.pretrain_steps) == (sizes.joint, 0)
    assert (more.steps, more.pretrain_steps) == (sizes.joint, sizes.joint)
    assert joint.denoiser_lr == more.denoiser_lr < alone.denoiser_lr
    assert {config.seed for config in (alone, joint, more)} == {3}
    given = sizes.joint_training(0, steps=7, denoiser_lr=0.5, precision="32-true")
    assert (given.steps, given.denoiser_lr, given.precision) == (7, 0.5, "32-true")
