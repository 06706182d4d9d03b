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
