"""A bijection, a denoiser, a noise model and an importer, each added in one place, as CONTRIBUTING.md says, and used.

Each class and function below is what a newcomer would write in the place that the map names; nothing else is changed.
"""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import bijections
from torch import Tensor, nn
from torch.nn import functional as F

from n2nf_core import evaluation, export, importers, losses, metrics, plots, tiles
from n2nf_core.bursts import BurstError, check_burst, open_burst, train_test_split
from n2nf_core.cameras import IsoKnots, camera_index
from n2nf_core.flow import (
    AffineCoupling,
    Bijection,
    FusedChain,
    Gain,
    InvertibleConv1x1,
    NoiseFlow,
    SignalDependentScale,
    nlf_flow,
)
from n2nf_core.importers import Options, Stack, Stated, read_stacks
from n2nf_core.importers.conversion import convert
from n2nf_core.pairs import PatchPairs, Sampling
from n2nf_core.simulation import simulated_bursts
from n2nf_core.training import PROFILES, Profile, Recipe
from n2nf_core.types import Context, HasNLF, NoiseModel, Tileable
from n2nf_core.widgets import weights
from n2nf_core.widgets.before_after import BeforeAfter
from n2nf_core.widgets.burst import YourBurst
from n2nf_core.widgets.burst_training import Training

CAMERA, ISO = "mine", 400.0
SMALL = Profile(scenes=6, size=48, patch=16, batch=16, features=4, pretrain=40, joint=60)


# A noise model: a plain class with four members


class HeavyTails:
    """n = sigma(x) t, t of Student's distribution with 5 degrees of freedom, sigma^2 = 0.01 x + 1e-4."""

    cameras = (CAMERA,)
    freedom = 5

    def context(self, clean: Tensor, camera: str | Sequence[str], iso: float | Sequence[float]) -> Context:
        names = [camera] * len(clean) if isinstance(camera, str) else camera
        index = torch.tensor([camera_index(name, (CAMERA,)) for name in names])
        return Context(clean, index, torch.as_tensor(iso, dtype=clean.dtype).expand(len(clean)))

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        scale = (0.01 * context.clean.clamp(min=0) + 1e-4).sqrt()
        return torch.distributions.StudentT(float(self.freedom), 0.0, scale).log_prob(noise).flatten(1).sum(1)

    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        shape = (1 + self.freedom, *context.clean.shape)
        normal = torch.randn(shape, generator=generator, dtype=context.clean.dtype)
        student = normal[0] / normal[1:].square().mean(0).sqrt()
        return temperature * student * (0.01 * context.clean.clamp(min=0) + 1e-4).sqrt()


@pytest.fixture(scope="module")
def bursts():
    """Training and held-out bursts of the newcomer's noise model: simulation draws from it."""
    return train_test_split(simulated_bursts(HeavyTails(), [(CAMERA, ISO)], scenes=SMALL.scenes, size=SMALL.size))


@pytest.fixture(scope="module")
def held(bursts):
    return evaluation.held_out_patches(bursts[1], patch=8)


@pytest.fixture(scope="module")
def gaussian(bursts):
    """Photon transfer of the same bursts, to compare with."""
    return Recipe(bursts[0], SMALL, 0, "unused").photon_transfer


def test_a_noise_model_is_scored_and_compared(bursts, held, gaussian):
    models = {"heavy_tails": HeavyTails(), "photon_transfer": gaussian}
    rows = evaluation.score_noise_models(models, held, truth=HeavyTails())
    assert rows["heavy_tails"]["regret_nats_per_dim"] == 0 and rows["photon_transfer"]["regret_nats_per_dim"] > 0
    assert rows["heavy_tails"]["kl_nats"] < rows["photon_transfer"]["kl_nats"]
    gain, (low, high) = evaluation.nll_gain(HeavyTails(), gaussian, held)
    assert low < gain < high < 0  # the truth is better than any Gaussian
    assert all(burst.nlf is None for side in bursts for burst in side)  # it states no noise level function


def test_a_noise_model_is_plotted(held):
    drawn = evaluation.sample(HeavyTails(), held, torch.Generator().manual_seed(0))
    rows = evaluation.score_noise_models({"heavy_tails": HeavyTails()}, held, truth=HeavyTails())
    kl = [float(value) for value in metrics.marginal_kl(held.noise[:2], drawn[:2])]
    couples = list(zip(held.noise[:2, 0].numpy(), drawn[:2, 0].numpy(), kl, strict=True))
    figures = [
        plots.histograms({"real": held.noise.numpy(), "heavy_tails": drawn.numpy()}, limit=0.3),
        plots.panels({"real": couples[0][0], "heavy_tails": couples[0][1]}, unit="noise", signed=True),
        plots.worst_patches({"heavy_tails": couples}),
        plots.scores(rows, "nll_nats_per_dim", "NLL (nats/dim)"),
        plots.by_setting({f"{CAMERA} {ISO:g}": rows}, "kl_nats", "KL (nats)"),
    ]
    assert all(figure.axes and figure.axes[0].has_data() for figure in figures)


def test_a_noise_model_stands_in_widgets(bursts, tmp_path):
    training = Training([*bursts[0], *bursts[1]], PROFILES["smoke"], tmp_path)
    seen = training.observe(Smoothing(), HeavyTails())
    assert all(map(math.isfinite, seen.values()))
    assert seen["held_nll_nats_per_dim"] != seen["photon_nll_nats_per_dim"]
    clean, generator = torch.full((1, 4, 16, 24), 0.5), torch.Generator().manual_seed(0)
    noisy = clean + HeavyTails().sample(HeavyTails().context(clean, CAMERA, ISO), 0.5, generator)
    assert BeforeAfter({"noisy": noisy[0], "reference": clean[0]}).settings["left"] == "noisy"
    with pytest.raises(ValueError, match="can be stored, got a HeavyTails"):  # its formula is in Python
        weights.dump({"mine": HeavyTails()})


def test_what_only_some_models_have_is_asked_for_by_name(bursts):
    fits = Recipe(bursts[0], SMALL, 0, "unused").fits
    assert not isinstance(HeavyTails(), HasNLF)
    with pytest.raises(TypeError, match=r"HeavyTails has no nlf: only a model that follows n2nf_core\.types\.HasNLF"):
        evaluation.recovered_nlf({"mine": HeavyTails()}, fits)


def works(model: NoiseModel) -> None:
    """Drawing, training data by the model's cameras, a loss, scores."""
    bursts = simulated_bursts(model, [(CAMERA, ISO)], scenes=4, size=16)
    pair = PatchPairs(bursts, list(model.cameras), Sampling(8, 4, lag=1, seed=0)).batch(0)
    assert losses.pair_difference(model, pair, pair.first, pair.second).isfinite()
    evaluation.score_noise_models({"model": model}, evaluation.held_out_patches(bursts, patch=8))


def test_a_class_with_the_four_members_is_a_noise_model_and_works():
    assert isinstance(HeavyTails(), NoiseModel)
    works(HeavyTails())


@pytest.mark.parametrize("name", ["cameras", "context", "log_prob", "sample"])
def test_a_class_without_one_of_them_is_none_and_does_not_work(name):
    members = {key: value for key, value in vars(HeavyTails).items() if key not in (name, "__dict__", "__weakref__")}
    model = type("Lacking", (), members)()
    assert not isinstance(model, NoiseModel)
    with pytest.raises(AttributeError, match=name):
        works(model)


# A bijection: a file in flow/ and a line in the registry of tests


class SinhArcsinh(Bijection):
    """z = sinh(tail asinh(x) + skew), tail = exp(log_tail): x has heavy tails where tail < 1.

    ladj = sum log(tail cosh(tail asinh(x) + skew) / sqrt(1 + x^2))  (Jones and Pewsey, Biometrika 2009)
    """

    def __init__(self):
        super().__init__()
        self.log_tail = nn.Parameter(torch.zeros(()))
        self.skew = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        inner = self.log_tail.exp() * x.asinh() + self.skew
        ladj = self.log_tail + inner.cosh().log() - 0.5 * x.square().log1p()
        return inner.sinh(), ladj.flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        return ((z.asinh() - self.skew) * (-self.log_tail).exp()).sinh()


class Forgetful(SinhArcsinh):
    """The same with the log-determinant of the identity."""

    def forward(self, x: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        return super().forward(x, context)[0], x.new_zeros(len(x))


def tailed_flow(cameras, isos) -> NoiseFlow:
    """S-A-T-G: one step of Noise Flow, and the tails."""
    knots = IsoKnots(cameras, isos)
    layers = [SignalDependentScale(knots), InvertibleConv1x1(4), AffineCoupling(4), SinhArcsinh(), Gain()]
    return NoiseFlow(FusedChain(layers), knots)


REGISTRY = {"alone": SinhArcsinh, "in a flow": lambda: tailed_flow(("IP", "S6"), (100, 3200)).bijection}


@pytest.mark.parametrize("check", bijections.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", REGISTRY)
def test_a_bijection_passes_the_checks_of_the_registry(name, check):
    check(bijections.perturbed(REGISTRY[name]))


def test_a_bijection_is_saved_and_loaded(tmp_path):
    bijections.saved_and_loaded_is_the_same(bijections.perturbed(SinhArcsinh), tmp_path / "state.pt")


def test_the_checks_see_a_wrong_log_determinant():
    case = bijections.perturbed(Forgetful)
    bijections.round_trip(case)
    with pytest.raises(AssertionError):
        bijections.ladj_is_that_of_autograd(case)


def test_a_flow_with_the_bijection_is_trained_by_the_recipe(bursts, held, tmp_path):
    """On heavy-tailed noise it learns the tails: better than the Gaussian flow, by its interval."""
    found = {}
    for name, build in (("tailed", tailed_flow), ("gaussian", nlf_flow)):
        recipe = Recipe(bursts[0], SMALL, 0, tmp_path / name, noise_model=build)
        found[name] = recipe.train().noise_model
    tails = next(layer for layer in found["tailed"].bijection.layers if isinstance(layer, SinhArcsinh))
    assert tails.log_tail < -0.05
    assert evaluation.nll_gain(found["tailed"], found["gaussian"], held)[1][1] < 0
    context = found["tailed"].context(torch.full((4, 4, 60, 70), 0.3), CAMERA, ISO)
    drawn = found["tailed"].sample(context, generator=torch.Generator().manual_seed(1))
    whole = drawn.flatten() / drawn.std()
    assert drawn.shape == (4, 4, 60, 70) and whole.pow(4).mean() > 3 + 5 * math.sqrt(24 / len(whole))  # 5 errors
    with pytest.raises(ValueError, match="can be stored, got a NoiseFlow"):  # no function of the core builds it anew
        export.model_file.describe(found["tailed"])


# A denoiser: a class, and a function that builds it for the recipe


class Smoothing(nn.Module):
    """D(y) = y + w (mean of y over 3 x 3 pixels - y), w learned."""

    margin, multiple = 1, 1

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, noisy: Tensor) -> Tensor:
        mean = F.avg_pool2d(noisy, 3, stride=1, padding=1, count_include_pad=False)
        return noisy + self.weight * (mean - noisy)


def test_a_denoiser_is_trained_by_the_recipe_and_scored(bursts, tmp_path):
    recipe = Recipe(bursts[0], SMALL, 0, tmp_path, denoiser=lambda skip, profile: Smoothing(), noise_model=nlf_flow)
    pretrained = recipe.pretrain(denoiser_lr=0.05).denoiser
    trained = recipe.train_jointly(pretrained).denoiser
    assert isinstance(trained, Smoothing) and trained.weight > 0.5
    denoisers = {"noisy": evaluation.noisy, "smoothing": evaluation.network(trained)}
    rows = evaluation.score_denoisers(denoisers, bursts[1])
    assert rows["smoothing"]["psnr_db"] > rows["noisy"]["psnr_db"] + 3
    assert evaluation.psnr_gain(denoisers["smoothing"], denoisers["noisy"], bursts[1])[1][0] > 0


def test_a_denoiser_is_cut_into_tiles_where_it_states_how():
    frame, smoothing, seen = torch.rand(1, 4, 40, 50), Smoothing().eval(), []
    smoothing.weight.data.fill_(0.7)
    smoothing.register_forward_hook(lambda module, inputs, output: seen.append(output.shape[2:]))
    assert isinstance(smoothing, Tileable)
    torch.testing.assert_close(tiles.denoise(smoothing, frame, tile=16), smoothing(frame), atol=1e-6, rtol=0)
    assert len(seen) == 3 * 4 + 1
    assert not isinstance(torch.square, Tileable)  # any function serves, in one piece
    assert torch.equal(tiles.denoise(torch.square, frame, tile=16), frame.square())


# An importer: a function that reads a file, and its entry in READERS


def read_pgm(path: Path) -> list[Stack]:
    """One frame (1, H, W) of a portable grey map: a line "P5 W H WHITE", then 16 bits per pixel."""
    head, _, values = path.read_bytes().partition(b"\n")
    width, height, white = map(int, head.removeprefix(b"P5 ").split())
    if len(values) != 2 * width * height:
        raise BurstError(f"{path}: {len(values)} bytes for {width} x {height} pixels of 16 bits, truncated?")
    return [Stack(np.frombuffer(values, ">u2").reshape(1, height, width), Stated(white=white))]


@pytest.fixture
def folder(tmp_path):
    """Four frames of one scene."""
    frames = np.random.default_rng(0).integers(1100, 3000, (4, 16, 24)).astype(">u2")
    (tmp_path / "scene").mkdir()
    for number, frame in enumerate(frames):
        (tmp_path / "scene" / f"{number}.pgm").write_bytes(b"P5 24 16 4095\n" + frame.tobytes())
    return tmp_path / "scene"


def test_without_its_entry_the_format_is_unknown(folder):
    with pytest.raises(BurstError, match="nothing here is understood"):
        importers.read_bursts(folder)


def test_an_importer_is_read_checked_and_converted(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(importers.READERS, ".pgm", partial(read_stacks, read=read_pgm, importer="pgm"))
    (burst,) = importers.read_bursts(folder, camera=CAMERA, cfa="RGGB")
    check_burst(burst)
    assert (burst.camera, burst.white, burst.shape) == (CAMERA, 4095.0, (4, 4, 8, 12))
    assert burst.provenance["importer"] == "pgm" and len(burst.provenance["sha256"]) == 64
    done = convert(importers.parts(folder, Options(camera=CAMERA, cfa="RGGB")), tmp_path / "out", jobs=1)
    assert np.array_equal(open_burst(done.written[0]).frames[:], burst.frames)
    widget = YourBurst(folder, output_dir=tmp_path / "runs")
    widget.wait()
    assert (widget.state, widget.about["frames"]) == ("open", 4)


def test_an_importer_takes_part_in_the_errors_of_all(folder, tmp_path, monkeypatch):
    monkeypatch.setitem(importers.READERS, ".pgm", partial(read_stacks, read=read_pgm, importer="pgm"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(BurstError, match=r"Give one of: .*\.pgm"):
        importers.read_bursts(tmp_path / "empty")
    np.savez(folder / "other.npz", frames=np.zeros((2, 4, 4)))
    with pytest.raises(BurstError, match="frames of several kinds"):
        importers.read_bursts(folder)
    (folder / "other.npz").unlink()
    (folder / "2.pgm").write_bytes(b"P5 24 16 4095\n")
    with pytest.raises(BurstError, match=r"2\.pgm: 0 bytes for 24 x 16 pixels"):
        importers.read_bursts(folder)
