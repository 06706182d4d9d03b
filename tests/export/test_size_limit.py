"""Models that a file describes as larger than its tensors are not built."""

import pytest
import torch
from torch import nn

from n2nf_core.export.size_limit import AtMost

TENSORS = {"weight": torch.zeros(8, 4), "bias": torch.zeros(8)}


def described(**changes):
    return {"noise_model": {"cameras": ["A"], "isos": {"A": [100, 6400]}}, "denoiser": {"features": 8} | changes}


def test_a_model_of_the_stated_size_is_built():
    with AtMost(TENSORS, described()):
        nn.Linear(4, 8)


def test_a_size_that_no_tensor_has_is_refused_before_anything_is_built():
    with pytest.raises(ValueError, match="it states a size of 9,"):
        AtMost(TENSORS, described(features=9))


def test_more_cameras_than_the_tensors_hold_are_refused():
    many = {"noise_model": {"cameras": ["A"] * 41, "isos": {"A": [100]}}, "denoiser": {}}
    with pytest.raises(ValueError, match="more cameras and ISO values"):
        AtMost(TENSORS, many)


def test_building_stops_where_it_needs_more_than_the_tensors_hold():
    with pytest.raises(ValueError, match="larger than its tensors"), AtMost(TENSORS, described()):
        nn.Sequential(*(nn.Linear(4, 8) for _ in range(1000)))
