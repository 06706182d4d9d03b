"""Benchmarks know the processor, and lesser ones are this one with instructions forbidden."""

import pytest
import torch
from torch.nn import functional as F

from benchmarks import timing, winograd

SAY = "import json, os; print('noise'); print(json.dumps({name: os.environ.get(name) for name in %r}))"


@pytest.mark.parametrize(("here", "kinds"), [("AVX2", 1), ("AVX-512 with bfloat16", 3), ("aarch64", 1)])
def test_every_kind_up_to_this_one_is_a_process_of_its_own(monkeypatch, here, kinds):
    monkeypatch.setattr(timing, "processor", lambda: here)
    names = sorted(timing.KINDS["AVX2"])
    found = timing.on_every_kind("-c", SAY % [*names, "NUMBA_CACHE_DIR"])
    assert len(found) == kinds and here in found
    for kind, environment in found.items():
        assert environment.pop("NUMBA_CACHE_DIR"), "compiled code of one kind may crash on another"
        forbidden = {name: value for name, value in environment.items() if value is not None}
        assert forbidden == timing.KINDS.get(kind, {})


def test_the_convolution_with_fewer_products_is_a_convolution():
    images, weight = torch.randn(2, 3, 8, 6), torch.randn(5, 3, 3, 3)
    torch.testing.assert_close(winograd.winograd(images, weight), F.conv2d(images, weight, padding=1))
