"""CameraNoise: the noise that it adds has the model's variance, in every form of image, and can be drawn again."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from cases.augmentation import Noisy
from torch.utils.data import DataLoader

from n2nf_core import raw
from n2nf_core.baselines import GaussianNoise, camera_nlf
from n2nf_core.cameras import UnknownCameraError
from n2nf_core.denoisers import DnCNN
from n2nf_core.export import CameraNoise, save_model
from n2nf_core.flow import noise_flow
from n2nf_core.types import NLF

SHOT, READ = 4e-3, 1e-5
ONE = {"mine": {100: NLF(SHOT, READ)}}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def variance_error(variance, count):
    """Standard error of the variance of ``count`` Gaussian values."""
    return variance * (2 / count) ** 0.5


def test_planes_get_the_noise_of_the_model():
    model = GaussianNoise(ONE)
    clean = torch.full((6, 4, 64, 64), 0.25)
    noise = CameraNoise(model)(clean, seeded()) - clean
    expected = SHOT * 0.25 + READ
    assert abs(float(noise.var()) - expected) < 5 * variance_error(expected, noise.numel())


def test_the_exposure_scales_the_signal_before_the_noise_and_back():
    """var(y) = (shot e x + read) / e^2."""
    clean = torch.full((6, 4, 64, 64), 0.5)
    noise = CameraNoise(GaussianNoise(ONE), exposure=0.125)(clean, seeded()) - clean
    expected = (SHOT * 0.125 * 0.5 + READ) / 0.125**2
    assert abs(float(noise.var()) - expected) < 5 * variance_error(expected, noise.numel())
    assert abs(float(noise.mean())) < 5 * (expected / noise.numel()) ** 0.5


def test_a_mosaic_gets_the_noise_of_its_planes():
    planes = torch.rand(2, 4, 9, 7, generator=seeded(1))
    augment = CameraNoise(noise_flow(["a"], [100, 400]))
    of_planes = augment(planes, seeded())
    assert torch.equal(raw.pack(augment(raw.unpack(planes)[:, None], seeded())[:, 0]), of_planes)


def test_rgb_gets_the_mosaics_noise_interpolated():
    """At its own pixels a colour has the mosaic's noise; between them the mean of the pixels beside it."""
    rgb = torch.rand(1, 3, 10, 12, generator=seeded(1)).expand(2, -1, -1, -1)
    augment = CameraNoise(GaussianNoise(ONE))
    mosaic = torch.zeros(2, 1, 10, 12)
    for colour, i, j in ((0, 0, 0), (1, 0, 1), (1, 1, 0), (2, 1, 1)):
        mosaic[:, 0, i::2, j::2] = rgb[:, colour, i::2, j::2]
    noise = (augment(mosaic, seeded()) - mosaic)[:, 0].double()
    found = (augment(rgb, seeded()) - rgb).double()
    red, green, blue = found.unbind(1)
    near = {"rtol": 0, "atol": 1e-6}
    for colour, i, j in ((red, 0, 0), (green, 0, 1), (green, 1, 0), (blue, 1, 1)):
        torch.testing.assert_close(colour[:, i::2, j::2], noise[:, i::2, j::2], **near)
    inner = noise[:, 1:-1, 1:-1]
    left, right, up, down = noise[:, 1:-1, :-2], noise[:, 1:-1, 2:], noise[:, :-2, 1:-1], noise[:, 2:, 1:-1]
    corners = (noise[:, :-2, :-2] + noise[:, :-2, 2:] + noise[:, 2:, :-2] + noise[:, 2:, 2:]) / 4
    assert inner.shape == corners.shape
    cross = (left + right + up + down) / 4
    for (i, j), r, g, b in (
        ((1, 1), corners, cross, None),
        ((0, 0), None, cross, corners),
        ((0, 1), (left + right) / 2, None, (up + down) / 2),
        ((1, 0), (up + down) / 2, None, (left + right) / 2),
    ):
        for colour, expected in ((red, r), (green, g), (blue, b)):
            if expected is not None:  # pixel (i, j) of the image is pixel (i - 1, j - 1) of the inner part
                at = (slice(None), slice((i + 1) % 2, None, 2), slice((j + 1) % 2, None, 2))
                torch.testing.assert_close(colour[:, 1:-1, 1:-1][at], expected[at], **near)
    torch.testing.assert_close(red[:, 0::2, -1], noise[:, 0::2, -2], **near)  # as a reflection at the edge


@pytest.mark.parametrize("shape", [(3, 9, 11), (1, 9, 11), (1, 1, 1), (3, 1, 2), (2, 3, 9, 10), (4, 5, 7)])
def test_every_size_and_single_images(shape):
    image = torch.rand(shape, generator=seeded(1))
    noisy = CameraNoise(camera_nlf(["S6"]), iso=800)(image, seeded())
    assert noisy.shape == image.shape and noisy.dtype == image.dtype and not torch.equal(noisy, image)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_the_type_is_kept(dtype):
    image = torch.rand(2, 4, 8, 8, generator=seeded(1)).to(dtype)
    noisy = CameraNoise(noise_flow(["a"], [100]))(image, seeded())
    assert noisy.dtype == dtype and float((noisy - image).abs().max()) > 0


def test_the_gradient_of_the_image_is_kept():
    image = torch.rand(1, 4, 8, 8, generator=seeded(1)).requires_grad_()
    CameraNoise(camera_nlf(["S6"]))(image, seeded()).sum().backward()
    assert torch.equal(image.grad, torch.ones_like(image))


@pytest.mark.parametrize("image", [torch.rand(2, 2, 4, 4), torch.rand(4, 4), torch.zeros(4, 8, 8, dtype=torch.uint8)])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="an image must be"):
        CameraNoise(camera_nlf(["S6"]))(image)


class Settings(torch.nn.Module):
    """A noise model that keeps the contexts it is asked for; it knows nothing beyond the protocol."""

    cameras = ("a", "b", "c")

    def __init__(self):
        super().__init__()
        self.seen = []

    def context(self, clean, camera, iso):
        return camera_nlf(["S6", "IP", "GP"]).context(
            clean, [{"a": "S6", "b": "IP", "c": "GP"}[n] for n in camera], iso
        )

    def log_prob(self, noise, context):
        return noise.flatten(1).sum(1)

    def sample(self, context, temperature=1.0, generator=None):
        self.seen.append(context)
        return torch.zeros_like(context.clean)


def test_every_image_draws_camera_iso_and_exposure():
    """log ISO and log exposure are uniform: quarters hold a quarter each, within 5 standard errors of a count."""
    model, count = Settings(), 4000
    augment = CameraNoise(model, iso=(100, 1600), cameras=["c", "a"], exposure=(0.25, 4.0))
    clean = torch.full((count, 4, 1, 1), 0.5)
    torch.testing.assert_close(augment(clean, seeded()), clean)  # the model's noise is 0
    (context,) = model.seen
    assert {0, 2} == set(context.camera.tolist())
    error = (count * 0.25 * 0.75) ** 0.5
    for values, ends in ((context.iso, (100, 1600)), (context.clean[:, 0, 0, 0] / 0.5, (0.25, 4.0))):
        assert ends[0] <= values.min() and values.max() <= ends[1]
        counts = torch.histc(values.log(), 4, *np.log(ends))
        assert ((counts - count / 4).abs() < 5 * error).all()
    half = float((context.camera == 0).sum())
    assert abs(half - count / 2) < 5 * (count / 4) ** 0.5
    chosen = torch.stack([context.camera.float(), context.iso.log(), context.clean[:, 0, 0, 0].log()])
    assert (torch.corrcoef(chosen) - torch.eye(3)).abs().max() < 5 / count**0.5  # independent draws


def test_iso_values_come_from_the_model_unless_given():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        augment = CameraNoise(GaussianNoise({"a": {100: NLF(1e-3, 0), 800: NLF(1e-2, 0)}, "b": {50: NLF(1e-3, 0)}}))
        augment(torch.rand(64, 4, 2, 2), seeded())
    assert torch.allclose(augment.log_iso.exp().float(), torch.tensor([[100.0, 800.0], [50.0, 50.0]]))
    with pytest.raises(TypeError, match="Settings has no isos"):
        CameraNoise(Settings())


def test_iso_values_beyond_the_models_are_cut_and_it_says_so():
    with pytest.warns(
        UserWarning, match="ISO 50 to 6400 reaches beyond the values known for S6 .100 to 3200.: drawing"
    ):
        augment = CameraNoise(camera_nlf(["S6"]), iso=(50, 6400))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        augment(torch.rand(64, 4, 2, 2), seeded())


@pytest.mark.parametrize(
    "wrong", [{"iso": 0}, {"iso": (400, 100)}, {"exposure": -1.0}, {"exposure": (1, float("inf"))}]
)
def test_ranges_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a positive number or two that ascend"):
        CameraNoise(camera_nlf(["S6"]), **wrong)


def test_an_unknown_camera_is_named():
    with pytest.raises(UnknownCameraError, match="'X1' is not known"):
        CameraNoise(camera_nlf(["S6"]), iso=100, cameras=["X1"])


def test_it_comes_from_a_file_and_can_be_pickled(tmp_path):
    about = {"camera": "a", "iso": 100, "black": 64, "white": 1023}
    path = save_model(tmp_path / "m.safetensors", noise_flow(["a"], [100, 400]), DnCNN(layers=2, features=4), about)
    augment = CameraNoise(path, exposure=(0.5, 1))
    again = pickle.loads(pickle.dumps(augment))
    image = torch.rand(2, 3, 8, 8, generator=seeded(1))
    assert torch.equal(augment(image, seeded()), again(image, seeded()))
    assert not torch.equal(augment(image, seeded()), augment(image, seeded(1)))


def test_arrays_are_called_as_albumentations_does():
    augment = CameraNoise(camera_nlf(["S6"]), iso=800)
    mask = np.ones((9, 8))
    for shape in ((9, 8), (9, 8, 3), (9, 8, 4)):
        image = np.random.default_rng(0).random(shape).astype(np.float32)
        found = augment.on_arrays(image=image, mask=mask, generator=seeded())
        assert set(found) == {"image", "mask"} and found["mask"] is mask
        assert found["image"].dtype == np.float32 and found["image"].flags.c_contiguous
        tensor = torch.from_numpy(image if image.ndim == 3 else image[..., None]).permute(2, 0, 1)
        expected = augment(tensor, seeded()).permute(1, 2, 0).reshape(shape)
        assert np.array_equal(found["image"], expected.numpy())


def epoch(context, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        flow = noise_flow(["a"], [100, 400])
    loader = DataLoader(
        Noisy(CameraNoise(flow, exposure=(0.5, 1))),
        batch_size=2,
        num_workers=2,
        multiprocessing_context=context,
        generator=seeded(seed),
    )
    return torch.cat(list(loader))


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_two_workers_draw_the_same_noise_again(context):
    first = epoch(context, 0)
    assert len({tuple(each.flatten().tolist()) for each in first}) == len(first)  # no worker repeats another
    if context == "fork":
        assert torch.equal(first, epoch(context, 0)) and not torch.equal(first, epoch(context, 1))
    else:
        assert torch.equal(first, epoch("fork", 0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_on_a_gpu(channels):
    image = torch.rand(2, channels, 8, 8, device="cuda")
    augment = CameraNoise(noise_flow(["a"], [100, 400])).to("cuda")
    first, second = (augment(image, torch.Generator("cuda").manual_seed(0)) for _ in range(2))
    assert first.is_cuda and torch.equal(first, second) and not torch.equal(first, image)
