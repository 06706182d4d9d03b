import numpy as np
import pytest
import torch

from n2nf_core import raw
from n2nf_core.bursts import Burst
from n2nf_core.cameras import UnknownCameraError
from n2nf_core.pairs import PatchPairs, frame_pairs, grid_patches, mirror
from n2nf_core.profiles import PROFILES


def make_burst(camera="S6", iso=800.0, frames=3, height=20, width=14, scene=0, clean=True):
    """Every value tells frame, plane, row and column, so that a patch tells where it is from."""
    t, c, y, x = np.meshgrid(*map(np.arange, (frames, 4, height, width)), indexing="ij")
    values = (scene * 1e6 + t * 1e5 + c * 1e4 + y * 100 + x).astype(np.float32)
    return Burst(values, 0.0, 1.0, "RGGB", camera, iso, f"scene{scene}", clean=values[0] - 0.5 if clean else None)


def test_frame_pairs():
    assert frame_pairs(4) == [(0, 1), (1, 2), (2, 3)]
    assert frame_pairs(4, 2) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    assert len(frame_pairs(20, 19)) == 190
    with pytest.raises(ValueError, match="at least 2 frames"):
        frame_pairs(1)


def test_grid_patches_tile_the_image_in_order():
    image = torch.arange(2 * 4 * 7 * 9).view(2, 4, 7, 9)
    patches = grid_patches(image, 3)
    assert patches.shape == (2 * 2 * 3, 4, 3, 3)
    assert torch.equal(patches[4], image[0, :, 3:6, 3:6])
    assert torch.equal(patches[6], image[1, :, 0:3, 0:3])
    with pytest.raises(ValueError, match="no 8x8 patch fits into planes of 7x9"):
        grid_patches(image, 8)


def test_a_batch_holds_two_frames_of_one_place_and_its_settings():
    bursts = [make_burst("S6", 800.0, scene=0), make_burst("IP", 100.0, scene=1, height=33)]
    batch = PatchPairs(bursts, ["IP", "S6"], patch=8, batch=64, scenes=64, lag=2).batch(0)
    assert batch.first.shape == (64, 4, 8, 8)
    scene = (batch.first[:, 0, 0, 0] // 1e6).long()
    assert set(scene.tolist()) == {0, 1}
    assert torch.equal(batch.camera, 1 - scene)
    assert torch.equal(batch.iso, torch.where(scene == 0, 800.0, 100.0))
    frame1, frame2 = ((f[:, 0, 0, 0] % 1e6 // 1e5).long() for f in (batch.first, batch.second))
    assert (frame1 != frame2).all() and set(zip(frame1.tolist(), frame2.tolist(), strict=True)) >= {(0, 2), (2, 1)}
    place = batch.first - frame1[:, None, None, None] * 1e5
    torch.testing.assert_close(batch.second - frame2[:, None, None, None] * 1e5, place, atol=0, rtol=0)
    torch.testing.assert_close(batch.clean, place - 0.5, atol=0.1, rtol=0)
    rows, columns = (batch.first.diff(dim=d).flatten(1) for d in (2, 3))
    assert all(len(v.unique()) == 1 and v[0].abs() == 100 for v in rows)
    assert all(len(v.unique()) == 1 and v[0].abs() == 1 for v in columns)
    assert {float(v[0]) for v in rows} == {100, -100} and {float(v[0]) for v in columns} == {1, -1}


def test_places_cover_the_frame():
    loader = PatchPairs([make_burst(height=12, width=10)], ["S6"], patch=8, batch=64, scenes=4)
    seen = torch.cat([loader.batch(k).first[:, 1].flatten() % 1e4 for k in range(20)]).unique()
    assert seen.tolist() == [100 * y + x for y in range(12) for x in range(9)]  # a mirrored patch is one column short


@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize("horizontal", [False, True])
def test_mirror_is_a_mirrored_mosaic_cropped_to_the_same_cfa(vertical, horizontal):
    mosaic = torch.randn(2, 10, 8)
    flipped = mosaic.flip([d for d, on in ((1, vertical), (2, horizontal)) if on])
    rows = slice(1, -1) if vertical else slice(0, -2)
    columns = slice(1, -1) if horizontal else slice(0, -2)
    assert torch.equal(mirror(raw.pack(mosaic), vertical, horizontal), raw.pack(flipped[:, rows, columns]))


def test_batch_number_k_depends_on_seed_and_k_alone():
    loader, other = (PatchPairs([make_burst()], ["S6"], patch=8, batch=8, scenes=2, seed=s) for s in (1, 2))
    stream = loader.from_step(3)
    assert torch.equal(next(stream).first, loader.batch(3).first)
    assert torch.equal(next(stream).first, loader.batch(4).first)
    assert not torch.equal(loader.batch(3).first, loader.batch(4).first)
    assert not torch.equal(loader.batch(3).first, other.batch(3).first)


def test_a_small_cache_gives_the_same_batches():
    bursts = [make_burst(scene=k) for k in range(3)]
    roomy, tight = (PatchPairs(bursts, ["S6"], patch=8, batch=8, scenes=4, cache_bytes=b) for b in (1 << 30, 1))
    for k in range(5):
        assert torch.equal(roomy.batch(k).second, tight.batch(k).second)
    assert len(tight._cache) <= 3


def test_bad_input_is_named():
    with pytest.raises(UnknownCameraError, match="'S6'"):
        PatchPairs([make_burst()], ["IP"], patch=8)
    with pytest.raises(ValueError, match="too small for patches of 32x32"):
        PatchPairs([make_burst()], ["S6"])
    with pytest.raises(ValueError, match="multiple of scenes"):
        PatchPairs([make_burst()], ["S6"], patch=8, batch=9, scenes=2)
    with pytest.raises(ValueError, match="no bursts"):
        PatchPairs([], ["S6"])


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_s_batches_can_be_drawn(profile):
    sizes = PROFILES[profile]
    side = sizes.patch + 4
    batch = PatchPairs([make_burst(height=side, width=side)], ["S6"], patch=sizes.patch, batch=sizes.batch).batch(0)
    assert batch.first.shape == (sizes.batch, 4, sizes.patch, sizes.patch)
    for config in (sizes.pretraining(0), sizes.joint_training(0), sizes.noise2noise_training(0)):
        assert config.steps in (sizes.pretrain, sizes.joint)
