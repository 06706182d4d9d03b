"""Pictures become planes of the right colour."""

import numpy as np
import pytest
import torch

from n2nf_core.importers.pictures import read_clean


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
