"""Noise on images in files: levels, forms and types are kept, and the noise is that of the model."""

import numpy as np
import pytest
import tifffile
import torch
from skimage.io import imread, imsave

from n2nf_core import raw
from n2nf_core.baselines import GaussianNoise
from n2nf_core.export import CameraNoise
from n2nf_core.export.images import noise_on_files, read_picture
from n2nf_core.flow import noise_flow
from n2nf_core.types import NLF

SHAPES = [(10, 12), (9, 11), (9, 11, 3), (9, 12, 4), (4, 6, 7)]


def quiet():
    """The least noise that a model can have, a standard deviation of 1e-6: far below one level of 8 bits."""
    return CameraNoise(GaussianNoise({"mine": {100: NLF(0.0, 1e-12)}}))


def picture(shape, dtype=np.float32):
    values = np.random.default_rng(0).uniform(0.05, 0.95, shape)
    return (values * (np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint16, np.uint8])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["tif", "npz"])
def test_without_noise_a_linear_file_comes_back(tmp_path, form, shape, dtype):
    image, path = picture(shape, dtype), tmp_path / f"a.{form}"
    if form == "tif":
        tifffile.imwrite(path, image, photometric="rgb" if shape[-1] == 3 else "minisblack")
    else:
        np.savez(path, image=image, other=np.arange(3))
    ((found, note),) = noise_on_files(quiet(), [path], tmp_path / "out")
    if form == "tif":
        again = tifffile.imread(found)
    else:
        with np.load(found) as file:
            again = file["image"]
            assert np.array_equal(file["other"], np.arange(3))
    assert found == tmp_path / "out" / f"a.{form}" and again.dtype == dtype and again.shape == shape
    np.testing.assert_allclose(again, image, rtol=0, atol=1e-5 if np.dtype(dtype).kind == "f" else 0)
    assert note == f"linear, black 0 and white {1 if np.dtype(dtype).kind == 'f' else np.iinfo(dtype).max:g}"


@pytest.mark.parametrize("how", ["options", "file"])
def test_levels_in_dn(tmp_path, how):
    """The noise is drawn in [0, 1] units between the levels, here 4 standard deviations of a variance."""
    dn = np.full((128, 128), 612, np.uint16)
    levels = {"black": 100, "white": 1124}
    np.savez(tmp_path / "a.npz", image=dn, **(levels if how == "file" else {}))
    noise = CameraNoise(GaussianNoise({"mine": {100: NLF(4e-3, 1e-4)}}))
    given = levels if how == "options" else {}
    ((found, note),) = noise_on_files(noise, [tmp_path / "a.npz"], tmp_path / "b.npz", **given)
    values = np.load(found)["image"]
    expected = (4e-3 * 0.5 + 1e-4) * 1024**2 + 1 / 12  # and the rounding to DN
    assert values.dtype == np.uint16 and note == "linear, black 100 and white 1124"
    assert abs(values.astype(float).var() - expected) < 4 * expected * (2 / values.size) ** 0.5
    assert abs(values.mean() - 612) < 4 * (expected / values.size) ** 0.5


@pytest.mark.parametrize("shape", [(9, 11), (9, 11, 3)])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_srgb_is_made_linear_and_back(tmp_path, suffix, shape):
    imsave(tmp_path / f"a.{suffix}", picture(shape, np.uint8), check_contrast=False)
    image = imread(tmp_path / f"a.{suffix}")
    light = read_picture(tmp_path / f"a.{suffix}").light.numpy()
    expected = raw.linear_from_srgb(image / 255)
    np.testing.assert_allclose(light, expected[None] if image.ndim == 2 else expected.transpose(2, 0, 1), atol=1e-6)
    ((found, note),) = noise_on_files(quiet(), [tmp_path / f"a.{suffix}"], tmp_path / "out")
    assert found.name == "a.png" and np.array_equal(imread(found), image)
    assert "tone curve are not undone, so the noise is approximate" in note
    assert [each.name for each in found.parent.iterdir()] == ["a.png"]


def test_the_transparency_of_a_png_is_left_out(tmp_path):
    image = picture((8, 8, 4), np.uint8)
    imsave(tmp_path / "a.png", image, check_contrast=False)
    ((found, _),) = noise_on_files(quiet(), [tmp_path / "a.png"], tmp_path / "out")
    assert np.array_equal(imread(found), image[..., :3])


def test_integers_are_clipped_to_their_type(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 255]] * 64, np.uint8))
    loud = CameraNoise(GaussianNoise({"mine": {100: NLF(0.0, 0.1)}}))
    ((found, _),) = noise_on_files(loud, [tmp_path / "a.tif"], tmp_path / "out")
    values = tifffile.imread(found)
    assert (values[:, 0] == 0).any() and (values[:, 1] == 255).any() and len(np.unique(values)) > 20


def test_the_seed_decides_and_every_image_has_its_own(tmp_path):
    for name in "ab":
        np.savez(tmp_path / f"{name}.npz", image=picture((12, 12)))
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    noise = CameraNoise(noise_flow(["mine"], [100, 400]), exposure=(0.5, 1))

    def run(folder, seed, files=paths):
        return [np.load(path)["image"] for path, _ in noise_on_files(noise, files, tmp_path / folder, seed)]

    first, again, other = run("1", 0), run("2", 0), run("3", 1)
    assert np.array_equal(first, again) and not np.array_equal(first[0], first[1])
    assert np.array_equal(other[0], first[1])  # image k has the seed seed + k
    image = torch.from_numpy(picture((12, 12)))[None]
    np.testing.assert_allclose(first[0], noise(image, torch.Generator().manual_seed(0))[0], atol=1e-6)


def test_a_frame_larger_than_a_tile_has_the_noise_of_the_whole(tmp_path):
    """The flow cuts frames into tiles of 512 plane pixels; the map of the whole frame gives the same noise."""
    flow = noise_flow(["mine"], [100], steps=1)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    image = picture((24, 1100))
    tifffile.imwrite(tmp_path / "a.tif", image)
    ((found, _),) = noise_on_files(CameraNoise(flow), [tmp_path / "a.tif"], tmp_path / "b.tif", seed=3)
    planes = raw.pack(torch.from_numpy(image))[None]
    generator = torch.Generator().manual_seed(3)
    torch.rand(3, 1, generator=generator)  # camera, ISO and exposure
    with torch.no_grad():
        eps = torch.randn(planes.shape, generator=generator)
        whole = planes + flow.from_normal(eps, flow.context(planes, "mine", 100))
    np.testing.assert_allclose(tifffile.imread(found), raw.unpack(whole)[0].numpy(), atol=1e-5)


def test_nothing_is_overwritten_by_chance(tmp_path):
    for folder in ("1", "2"):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "a.npz", image=picture((8, 8)))
    paths = [tmp_path / folder / "a.npz" for folder in ("1", "2")]
    with pytest.raises(ValueError, match="a.npz would be overwritten by noise on .*2/a.npz: choose another folder"):
        noise_on_files(quiet(), paths, tmp_path / "out")
    before = paths[0].read_bytes()
    with pytest.raises(ValueError, match="would be overwritten"):
        noise_on_files(quiet(), paths[:1], paths[0])
    assert paths[0].read_bytes() == before
    with pytest.raises(ValueError, match="b.tif: noise on a.npz is written as .npz: end the name in it"):
        noise_on_files(quiet(), paths[:1], tmp_path / "b.tif")


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        ("a.npz", {"x": np.zeros((4, 4)), "y": np.zeros(2)}, "needs the key image, but it has x, y"),
        ("a.npz", {"image": np.zeros((4, 4), np.int32)}, "must be .H, W., .* got int32"),
        ("a.npz", {"image": np.zeros((5, 4, 2))}, "got float64 .5, 4, 2"),
        ("a.npz", {"image": np.full((4, 4), np.nan)}, "NaN or infinite"),
        (
            "a.npz",
            {"image": np.zeros((4, 4)), "black": 5, "white": 5},
            "white level 5 must lie above the black level 5",
        ),
    ],
)
def test_arrays_that_are_no_image_are_named(tmp_path, name, arrays, message):
    np.savez(tmp_path / name, **arrays)
    with pytest.raises(ValueError, match=rf"a\.npz: .*{message}"):
        read_picture(tmp_path / name)


def test_files_that_are_no_image_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no image at"):
        read_picture(tmp_path / "a.png")
    for name in ("a.png", "a.tif", "a.npz"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(ValueError, match=f"{name}: not a readable image"):
            read_picture(tmp_path / name)
    (tmp_path / "a.exr").write_bytes(b"")
    with pytest.raises(ValueError, match="a.exr: images are read from .tif, .tiff, .npz, .png, .jpg, .jpeg files"):
        read_picture(tmp_path / "a.exr")


def test_an_interrupted_write_leaves_the_former_file(tmp_path, monkeypatch):
    np.savez(tmp_path / "a.npz", image=picture((8, 8)))
    imsave(tmp_path / "a.png", picture((8, 8), np.uint8), check_contrast=False)
    out = tmp_path / "out"
    noise_on_files(quiet(), [tmp_path / "a.npz"], out)
    noise_on_files(quiet(), [tmp_path / "a.png"], out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    for name in ("a.npz", "a.png"):
        with pytest.raises(OSError, match="disk full"):
            noise_on_files(quiet(), [tmp_path / name], out, seed=1)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
