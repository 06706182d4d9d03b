"""The faster precision is chosen by measurement, and a run that goes on keeps its own."""

import pytest
import torch
from cases.training import LOSS, config, models, pairs

from n2nf_core.denoisers import DnCNN
from n2nf_core.study import results
from n2nf_core.training import fit, precision

IMAGES = torch.rand(2, 4, 8, 8)


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch):
    monkeypatch.setattr(precision, "_measured", {})


@pytest.mark.parametrize("half, chosen", [(0.5, "bf16-mixed"), (0.99, "32-true"), (2.0, "32-true"), (9.0, "32-true")])
def test_the_faster_one_is_chosen_and_ties_go_to_float32(monkeypatch, half, chosen):
    asked = []

    def step(network, images, name):
        asked.append(name)
        return half if name == "bf16-mixed" else 1.0

    monkeypatch.setattr(precision, "_step", step)
    denoiser = DnCNN(layers=2, features=4)
    assert precision.choose(denoiser, IMAGES) == chosen
    count = len(asked)
    assert asked.count("bf16-mixed") == (1 if half > precision.HOPELESS else 1 + precision.REPEATS)
    assert precision.choose(denoiser, IMAGES) == chosen and len(asked) == count, "measured once"
    precision.choose(DnCNN(layers=2, features=8), IMAGES)
    assert len(asked) > count, "another network is measured on its own"


def test_measuring_leaves_the_network_and_the_random_state_as_they_are():
    denoiser = DnCNN(layers=3, features=4)
    before = {name: value.clone() for name, value in denoiser.state_dict().items()}
    state = torch.get_rng_state()
    assert precision.choose(denoiser, IMAGES) in precision.PRECISIONS
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in denoiser.state_dict().items())
    assert all(parameter.grad is None for parameter in denoiser.parameters())


@pytest.mark.parametrize("first, then", [("bf16-mixed", "32-true"), ("32-true", "bf16-mixed")])
def test_a_run_that_goes_on_keeps_its_precision(tmp_path, monkeypatch, first, then):
    monkeypatch.setattr(precision, "choose", lambda *_: first)
    auto = config(precision="auto")
    run = fit(*models(), pairs(), auto, tmp_path, loss=LOSS, stop=lambda history: len(history) == 3)
    assert run.precision == first and first in results.provenance("c", "smoke", 0)["precision"]
    monkeypatch.setattr(precision, "choose", lambda *_: then)
    again = fit(*models(), pairs(), auto, tmp_path, loss=LOSS)
    assert again.precision == first and again.history[-1]["step"] == 30
