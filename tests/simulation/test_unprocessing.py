"""Photographs made linear: no network, any names, any size of a crop."""

from __future__ import annotations

import socket

import numpy as np
import pytest
import torch

from n2nf_core.raw import srgb_from_linear
from n2nf_core.simulation import photographs
from n2nf_core.simulation.unprocessing import PHOTOGRAPHS, linearise


def test_linearise_undoes_tone_curve_and_gamma():
    light = np.linspace(0, 1, 101)
    gamma = srgb_from_linear(light)
    assert linearise(3 * gamma**2 - 2 * gamma**3) == pytest.approx(light, abs=1e-4)


def test_photographs_need_no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "socket", refuse)
    for name in PHOTOGRAPHS:
        assert photographs(1, 16, 16, seed=0, names=[name]).std() > 0


def test_photographs_go_round_the_names():
    both = photographs(4, 16, 16, seed=0, names=["coffee", "rocket"])
    assert torch.equal(both[0], photographs(1, 16, 16, seed=0, names=["coffee"])[0])
    assert torch.equal(both[1], photographs(2, 16, 16, seed=0, names=["rocket"])[1])


def test_a_crop_larger_than_the_photograph_is_enlarged():
    planes = photographs(1, 260, 40, seed=0, names=["chelsea"])  # 520 rows of mosaic from 300
    assert planes.shape == (1, 4, 260, 40)
    assert planes[0, 1, -20:].std() > 0


def test_level_is_the_mean_of_a_scene():
    planes = photographs(3, 32, 32, seed=0, level=lambda rng: 0.05)
    assert planes.mean((1, 2, 3)).tolist() == pytest.approx([0.05] * 3, rel=0.02)  # highlights are cut
