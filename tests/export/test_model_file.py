"""The file to take away: both models come back to the bit, and what is no such file is named."""

import json
import pickle
from functools import partial

import pytest
import torch
from torch import nn

from n2nf_core import raw
from n2nf_core.baselines import camera_nlf
from n2nf_core.denoisers import DnCNN, LinearSkip, UNet
from n2nf_core.export import load_model, save_model
from n2nf_core.export.model_file import describe, digest, rebuild
from n2nf_core.files import CheckpointError
from n2nf_core.flow import AffineCoupling, nlf_flow, noise_flow, sensor_flow

ABOUT = {"camera": "S6", "iso": 800.0, "black": [60.0, 61.0, 62.0, 63.0], "white": 1023.0, "notes": ["mine"]}


def perturbed(model):
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor += 0.05 * torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
    return model.eval()


NOISE = {
    "gaussian": lambda: camera_nlf(["S6", "IP"]),
    "nlf_flow": lambda: nlf_flow(["S6", "IP"], {"S6": [100, 800], "IP": [800]}),
    "noise_flow": lambda: noise_flow(["S6"], [800]),
    "sensor_flow": lambda: sensor_flow(["S6"], [400, 800], components=2, columns=True, steps=1),
    "noise_flow_float64": lambda: noise_flow(["S6"], [800]).double(),
}
DENOISERS = {
    "dncnn_batch": lambda: DnCNN(layers=3, features=8),
    "dncnn_skip": lambda: DnCNN(layers=4, features=8, norm=nn.Identity, skip=LinearSkip()),
    "unet": lambda: UNet(features=8, depth=2),
}


@pytest.mark.parametrize("denoise", DENOISERS)
@pytest.mark.parametrize("noise", NOISE)
@torch.no_grad()
def test_both_models_come_back_to_the_bit(noise, denoise, tmp_path):
    model, denoiser = perturbed(NOISE[noise]()), perturbed(DENOISERS[denoise]())
    path = save_model(tmp_path / "deep" / "mine.safetensors", model, denoiser, ABOUT)
    again_denoiser, again, about = load_model(path)
    assert about == ABOUT and again.cameras == model.cameras and again.knots.isos == model.knots.isos
    assert not again.training and not again_denoiser.training
    for mine, other in ((model, again), (denoiser, again_denoiser)):
        state = other.state_dict()
        assert list(state) == list(mine.state_dict())
        for key, tensor in mine.state_dict().items():
            assert tensor.dtype == state[key].dtype and torch.equal(tensor, state[key]), key
    clean = torch.rand(1, 4, 10, 14, dtype=torch.float64 if noise.endswith("64") else torch.float32)
    samples = [
        m.sample(m.context(clean, "S6", 800), generator=torch.Generator().manual_seed(1)) for m in (model, again)
    ]
    assert torch.equal(*samples)
    assert torch.equal(denoiser(clean.float()), again_denoiser(clean.float()))
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_file_is_enough_for_data_in_dn(tmp_path):
    truth = camera_nlf(["S6"])
    _, model, about = load_model(save_model(tmp_path / "m.safetensors", truth, DnCNN(layers=2, features=4), ABOUT))
    black = torch.tensor(ABOUT["black"])[:, None, None]
    dn = (black + 0.5 * (ABOUT["white"] - black)).expand(1, 4, 128, 128)
    clean = raw.normalise(dn, about["black"], about["white"])
    generator = torch.Generator().manual_seed(0)
    noise = model.sample(model.context(clean, about["camera"], about["iso"]), generator=generator)
    found = (raw.denormalise(clean + noise, about["black"], about["white"]) - dn).var((0, 2, 3))
    shot, read = truth.nlf()["S6"][800]
    expected = (shot * 0.5 + read) * (ABOUT["white"] - black.flatten()) ** 2
    assert ((found / expected - 1).abs() < 4 * (2 / 128**2) ** 0.5).all()  # 4 standard errors of a variance


def test_describing_a_model_draws_nothing_and_keeps_its_sizes():
    small = noise_flow(["S6"], [100], channels=2, steps=1)
    before = torch.get_rng_state()
    about = describe(small)
    assert torch.equal(torch.get_rng_state(), before)
    assert (about["kind"], about["channels"], about["steps"]) == ("noise_flow", 2, 1)
    again = rebuild(about, small.state_dict())
    context = small.context(torch.rand(1, 2, 5, 6), "S6", 100)
    assert torch.equal(again.log_prob(context.clean, context), small.log_prob(context.clean, context))


@pytest.mark.parametrize("missing", ["camera", "iso", "black", "white"])
def test_a_file_without_levels_is_not_written(missing, tmp_path):
    about = {k: v for k, v in ABOUT.items() if k != missing}
    with pytest.raises(ValueError, match=f"about must state {missing}"):
        save_model(tmp_path / "m.safetensors", camera_nlf(), DnCNN(layers=2), about)
    assert not list(tmp_path.iterdir())


def test_models_that_could_not_be_built_again_are_refused(tmp_path):
    path = tmp_path / "m.safetensors"
    with pytest.raises(ValueError, match="only a DnCNN or a UNet"):
        save_model(path, camera_nlf(), nn.Identity(), ABOUT)
    with pytest.raises(ValueError, match="differs from what its sizes build"):
        save_model(path, camera_nlf(), DnCNN(layers=3, norm=lambda n: nn.BatchNorm2d(n, eps=0.1)), ABOUT)
    with pytest.raises(ValueError, match="only Gaussian tables"):
        save_model(path, noise_flow(["S6"], [100], coupling=partial(AffineCoupling, width=3)), DnCNN(layers=2), ABOUT)
    with pytest.raises(ValueError, match="must lie above the black level"):
        save_model(path, camera_nlf(), DnCNN(layers=2), ABOUT | {"white": 60})
    assert not path.exists()


def test_an_interrupted_write_leaves_the_former_file(tmp_path, monkeypatch):
    path = save_model(tmp_path / "m.safetensors", camera_nlf(), DnCNN(layers=2, features=4), ABOUT)
    before = path.read_bytes()

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="disk full"):
        save_model(path, camera_nlf(["S6"]), DnCNN(layers=2, features=8), ABOUT)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_other_files_are_named(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(FileNotFoundError, match="no model file at"):
        load_model(tmp_path / "absent.safetensors")
    path = save_model(tmp_path / "m.safetensors", camera_nlf(), DnCNN(layers=2, features=4), ABOUT)
    whole = path.read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-9])
    (tmp_path / "pickle").write_bytes(pickle.dumps({"a": 1}))
    for name in ("cut", "pickle"):
        with pytest.raises(CheckpointError, match=f"{name} is not a readable model file"):
            load_model(tmp_path / name)
    save_file({"a": torch.zeros(1)}, tmp_path / "other")
    with pytest.raises(CheckpointError, match="other is not a model file"):
        load_model(tmp_path / "other")
    future = {"format": "n2nf-model", "version": "2"}
    save_file({"a": torch.zeros(1)}, tmp_path / "newer", future)
    with pytest.raises(CheckpointError, match="newer: model file version 2, this program reads 1"):
        load_model(tmp_path / "newer")
    described = {k: json.dumps(v) for k, v in {"noise_model": {"kind": "x"}, "denoiser": {}, "about": {}}.items()}
    save_file({"a": torch.zeros(1)}, tmp_path / "odd", future | {"version": "1"} | described)
    with pytest.raises(CheckpointError, match="odd does not hold the models"):
        load_model(tmp_path / "odd")


# A stranger's file: its weights, its sizes and its settings are checked before they are used.


def rewritten(path, tensors=None, **descriptions):
    """A valid file at ``path`` after changes of a stranger, who knows how to write the checksum."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    save_model(path, nlf_flow(["S6"], [800]), DnCNN(layers=3, features=8), ABOUT)
    with safe_open(path, "pt") as file:
        metadata, old = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    for name, change in descriptions.items():
        metadata[name] = json.dumps(json.loads(metadata[name]) | change)
    new = old | (tensors or {})
    save_file(new, path, metadata | {"sha256": digest(metadata, new)})
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tensors": {"denoiser/body.0.bias": torch.full((8,), float("nan"))}}, r"denoiser/body\.0\.bias has NaN"),
        ({"tensors": {"noise_model/bijection.layers.1.log_gain": torch.tensor(float("inf"))}}, "log_gain has NaN or"),
        ({"tensors": {"denoiser/body.0.bias": torch.zeros(8, dtype=torch.complex64)}}, "of torch.complex64, which no"),
        ({"denoiser": {"layers": 10**7}}, "states a size of 10000000, which none of its tensors has"),
        ({"denoiser": {"features": 10**9}}, "states a size of 1000000000, which none"),
        ({"denoiser": {"kind": "unet", "depth": 10**12}}, "states a size of 1000000000000, which none"),
        ({"noise_model": {"kind": "noise_flow", "steps": 10**7}}, "states a size of 10000000, which none"),
        (
            {"noise_model": {"cameras": ["S6"] * 30, "isos": {"S6": [*range(1, 200)]}}},
            "more cameras and ISO values than",
        ),
        ({"noise_model": {"cameras": 3}}, "does not hold the models it describes"),
        ({"noise_model": {"isos": None}}, "does not hold the models it describes"),
        ({"denoiser": {"skip": "wide"}}, "does not hold the models it describes"),
        ({"about": {"iso": "fast"}}, "does not hold the models it describes"),
        ({"about": {"iso": -1.0}}, "a positive ISO and a finite white level"),
        ({"about": {"white": float("inf")}}, "it states Infinity, which is no number"),
        ({"about": {"black": [1, 2, 3]}}, "the black level must be one number or four"),
        ({"about": {"camera": 5}}, "about must state a name"),
    ],
)
def test_a_strangers_file_is_refused_in_one_line(tmp_path, change, message):
    path = rewritten(tmp_path / "m.safetensors", **change)
    with pytest.raises(CheckpointError, match=message) as error:
        load_model(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_models_larger_than_their_tensors_are_not_built(tmp_path, monkeypatch):
    """Sizes that some tensor has, but not together: 700 layers of 700 features would be 3.1e9 weights."""
    other = {f"denoiser/{k}": torch.zeros(1) for k in range(700)} | {"denoiser/wide": torch.zeros(700)}
    path = rewritten(tmp_path / "m.safetensors", other, denoiser={"layers": 700, "features": 700})
    made, empty = [], torch.empty
    monkeypatch.setattr(torch, "empty", lambda *a, **k: made.append(1) or empty(*a, **k))
    with pytest.raises(CheckpointError, match="larger than its tensors"):
        load_model(path)
    assert sum(made) < 20


@pytest.mark.parametrize("place", [0.05, 0.3, 0.6, 0.95])
def test_a_flipped_bit_is_an_error(tmp_path, place):
    path = save_model(tmp_path / "m.safetensors", nlf_flow(["S6"], [800]), DnCNN(layers=3, features=8), ABOUT)
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged|not a readable|not a model file") as error:
        load_model(path)
    assert "\n" not in str(error.value)


def test_a_file_from_before_checksums_is_read(tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    path = rewritten(tmp_path / "m.safetensors")
    with safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    del metadata["sha256"]
    save_file(tensors, path, metadata)
    assert load_model(path)[2] == ABOUT


def test_the_same_models_give_the_same_bytes(tmp_path):
    """The library that writes the format orders its metadata anew each time."""
    models = NOISE["nlf_flow"](), DENOISERS["unet"]()
    files = [save_model(tmp_path / f"{k}.safetensors", *models, ABOUT).read_bytes() for k in range(8)]
    assert len(set(files)) == 1
