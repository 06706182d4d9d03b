"""TIFF stacks, and folders of single frames."""

import numpy as np
import pytest
import tifffile
from cases.stacks import mosaics, one

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.importers import read_bursts


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zlib"},
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"metadata": None},
        {"tile": (16, 16)},
        {"bigtiff": True},
    ],
)
def test_tiff_stack(tmp_path, how):
    frames = mosaics()
    tifffile.imwrite(tmp_path / "s.tif", frames, photometric="minisblack", **how)
    burst = one(tmp_path / "s.tif", black=100, white=4095, cfa="GRBG", camera="c", iso=200)
    assert np.array_equal(burst.frames, raw.pack(raw.unify(frames, "GRBG")))
    assert (burst.scene, burst.camera, burst.iso) == ("s", "c", 200)


def test_a_folder_of_single_tiffs_is_one_burst_in_the_order_of_names(tmp_path):
    frames = mosaics()
    for t in (2, 0, 3, 1):
        tifffile.imwrite(tmp_path / f"f{t}.tiff", frames[t])
    assert np.array_equal(one(tmp_path, white=4095).frames, raw.pack(frames))
    tifffile.imwrite(tmp_path / "f4.tiff", frames[0, :8])
    with pytest.raises(BurstError, match=r"frames differ, 16 x 24 in f0.tiff, 8 x 24 in f4.tiff"):
        read_bursts(tmp_path)


def test_a_folder_of_tiff_stacks_is_a_burst_each(tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        tifffile.imwrite(tmp_path / f"{name}.tif", mosaics(seed=seed), photometric="minisblack")
    assert [burst.scene for burst in read_bursts(tmp_path, white=4095)] == ["a", "b"]


def test_tiff_pages_of_different_size_and_colour_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "s.tif") as file:
        file.write(mosaics(1)[0], metadata=None)
        file.write(mosaics(1)[0, :8], metadata=None)
    with pytest.raises(BurstError, match="frames differ, 16 x 24 in page 0, 8 x 24 in page 1"):
        read_bursts(tmp_path / "s.tif")
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    with pytest.raises(BurstError, match="3 samples per pixel"):
        read_bursts(tmp_path / "c.tif")


@pytest.mark.parametrize(
    "how", [{}, {"compression": "zlib", "rowsperstrip": 2}, {"imagej": True, "metadata": {"axes": "TYX"}}]
)
def test_a_truncated_tiff(tmp_path, how):
    """An error, or every frame: tags behind the last frame may be lost without harm."""
    path, whole = tmp_path / "s.tif", 0
    tifffile.imwrite(path, mosaics(), photometric="minisblack", **how)
    data = path.read_bytes()
    for keep in [*range(0, len(data), 11), len(data) - 10]:
        path.write_bytes(data[:keep])
        try:
            frames = one(path, white=4095).frames
        except BurstError as error:
            assert "s.tif: " in str(error) and "truncated" in str(error) and "\n" not in str(error)
        else:
            assert np.array_equal(frames, raw.pack(mosaics())) and keep > mosaics().nbytes
            whole += 1
    assert whole < 40
