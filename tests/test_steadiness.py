"""A still burst passes, one that moves is refused before any work; pictures become planes of the right colour."""

import numpy as np
import pytest
import torch

from n2nf_core.bursts import Burst, BurstError
from n2nf_core.clean_images import read_clean
from n2nf_core.scenes import dead_leaves
from n2nf_core.steadiness import steadiness


def burst_of(frames):
    return Burst(frames.numpy(), 0.0, 1.0, "RGGB", "mine", 100, "scene")


def frames_of(shift):
    scene = dead_leaves(1, 64, 96, seed=0)[0]
    noise = 0.01 * torch.randn(6, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    return torch.stack([scene[:, :, shift * t : shift * t + 64] for t in range(6)]) + noise


def test_a_still_burst_passes():
    found = steadiness(burst_of(frames_of(0)))
    chance = 1 / (5 * 4 * 64 * 64) ** 0.5
    assert abs(found.correlation) < 5 * chance * 2**0.5 and abs(found.growth) < 0.05 and found.drift < 0.01


def test_frames_that_move_are_refused():
    with pytest.raises(BurstError, match="scene: the frames differ by more than noise"):
        steadiness(burst_of(frames_of(2)))


def test_pictures_become_planes(tmp_path):
    from skimage.io import imsave

    image = np.zeros((5, 7, 3), np.uint8)
    image[..., 0], image[..., 2] = 255, 188
    imsave(tmp_path / "a.png", image, check_contrast=False)
    planes = read_clean(tmp_path / "a.png", "RGGB")
    assert planes.shape == (1, 4, 2, 3)
    linear = ((188 / 255 + 0.055) / 1.055) ** 2.4
    assert torch.allclose(planes[0, :, 0, 0], torch.tensor([1.0, 0, 0, linear], dtype=torch.float32))
    assert torch.allclose(read_clean(tmp_path / "a.png", "MONO"), torch.tensor((1 + linear) / 3, dtype=torch.float32))
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="b.png: not a readable picture"):
        read_clean(tmp_path / "b.png", "RGGB")
