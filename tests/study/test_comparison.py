"""The shared variants: what each learns from, what it starts with, and that it is trained once."""

import math

import numpy as np
import pytest
import torch

from n2nf_core import baselines, losses
from n2nf_core.bursts import Burst
from n2nf_core.denoisers import DnCNN
from n2nf_core.flow import nlf_flow
from n2nf_core.simulation import simulated_bursts
from n2nf_core.study.comparison import VARIANTS, Comparison
from n2nf_core.training import Profile, Recipe
from n2nf_core.types import NoisyPair

SIZES = Profile(scenes=4, size=24, patch=8, batch=8, features=4, pretrain=3, joint=2)


@pytest.fixture(scope="module")
def bursts():
    return simulated_bursts(baselines.camera_nlf(["S6"]), [("S6", 800)], scenes=4, size=24)


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(3, 4, 8, 8, generator=generator)
    noisy = clean + 0.05 * torch.randn(2, 3, 4, 8, 8, generator=generator)
    return NoisyPair(*noisy, torch.zeros(3, dtype=torch.long), torch.full((3,), 800.0), clean)


@pytest.fixture
def denoiser():
    torch.manual_seed(0)
    return DnCNN(layers=3, features=4, norm=torch.nn.Identity)


def test_after_denoising_takes_what_d_removed_for_the_noise_and_leaves_d_alone(pair, denoiser):
    model = nlf_flow(["S6"], [800])
    terms = losses.after_denoising(denoiser, model, pair)
    terms.total.backward()
    assert all(p.grad is None for p in denoiser.parameters())
    assert any(p.grad.abs().sum() > 0 for p in model.parameters())
    with torch.no_grad():
        removed = [y - denoiser(y).clamp(0, 1) for y in (pair.first, pair.second)]
        clean = [denoiser(y).clamp(0, 1) for y in (pair.first, pair.second)]
        by_hand = sum(losses.nll_per_dim(model, n, pair.context(x)) for n, x in zip(removed, clean, strict=True)) / 2
    assert math.isclose(terms.nll_per_dim.item(), by_hand.item(), rel_tol=1e-5)


def test_on_samples_is_the_error_on_drawn_noise(pair, denoiser):
    model = baselines.camera_nlf(["S6"])
    before = torch.get_rng_state()
    terms = losses.on_samples(denoiser, model, pair, torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())
    clean = torch.cat((pair.clean, pair.clean))
    noisy = clean + model.sample(model.context(clean, "S6", 800), generator=torch.Generator().manual_seed(1))
    assert torch.equal(terms.total, (denoiser(noisy) - clean).square().mean())
    assert terms.total > 1e-5


def test_an_variant_is_trained_once(bursts, tmp_path):
    first = Comparison(Recipe(bursts, SIZES, 0, tmp_path)).get("noise2noiseflow")
    folders = {path.name for path in tmp_path.iterdir()}
    assert {name.split("-")[0] for name in folders} == {"pretrained", "noise2noiseflow"}
    again = Comparison(Recipe(bursts, SIZES, 0, tmp_path)).get("noise2noiseflow")
    assert math.isnan(again.result.images_per_second), "it took steps"
    assert {path.name for path in tmp_path.iterdir()} == folders
    for model in ("denoiser", "noise_model"):
        weights = getattr(first, model).state_dict()
        assert all(torch.equal(weights[k], v) for k, v in getattr(again, model).state_dict().items())
    Comparison(Recipe(bursts, SIZES, 1, tmp_path)).get("pretrained")
    assert len(list(tmp_path.iterdir())) == 3


def test_every_variant_starts_where_it_says(bursts, tmp_path):
    still = Comparison(Recipe(bursts, SIZES, 0, tmp_path))
    trained = {name: still.get(name) for name in VARIANTS}
    assert all(run.result.history[-1]["step"] == (2 if VARIANTS[n].start else 3) for n, run in trained.items())
    drawn_from = trained["synthesized"].noise_model.state_dict()
    assert all(torch.equal(drawn_from[k], v) for k, v in trained["supervised"].noise_model.state_dict().items())
    n2n, after = trained["noise2noise"].denoiser.state_dict(), trained["n2n_nf"].denoiser.state_dict()
    assert all(torch.equal(n2n[k], v) for k, v in after.items()), "N2N+NF goes on training the denoiser"
    after = trained["cross_sample_after"].denoiser.state_dict()
    assert all(torch.equal(n2n[k], v) for k, v in after.items()), "the control goes on training the denoiser"
    assert not torch.equal(n2n["body.0.weight"], trained["pretrained"].denoiser.state_dict()["body.0.weight"])


def test_without_clean_images_the_variants_that_need_them_are_left_out(bursts, tmp_path):
    blind = [Burst(b.frames, black=0.0, white=1.0, cfa="RGGB", camera="S6", iso=800.0, scene=b.scene) for b in bursts]
    assert all(isinstance(b.frames, np.ndarray) for b in blind)
    kept = Comparison(Recipe(blind, SIZES, 0, tmp_path)).possible(VARIANTS)
    assert kept == [name for name in VARIANTS if "supervised" not in name and "synthesized" not in name]


def test_an_unknown_variant_is_named(bursts, tmp_path):
    with pytest.raises(KeyError, match="noise2noiseflow"):
        Comparison(Recipe(bursts, SIZES, 0, tmp_path)).get("noise2void")
