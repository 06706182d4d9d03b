"""An iterable of batches is read from its start, and its batches are shared by rows."""

import pytest
import torch

from n2nf_core.pairs.iterable_pairs import IterablePairs
from n2nf_core.types import NoisyPair, PairSource


def batch(number, count=4):
    rows = torch.arange(count), torch.full((count,), 100.0)
    return NoisyPair(torch.full((count, 4, 2, 2), float(number)), torch.zeros(count, 4, 2, 2), *rows)


def test_batches_begin_at_any_step_and_are_shared_by_rows():
    source = IterablePairs([batch(k) for k in range(5)])
    assert isinstance(source, PairSource) and source.fingerprint() is None
    assert [float(pair.first.mean()) for pair in source.batches(3, torch.device("cpu"))] == [3.0, 4.0]
    shares = [next(source.batches(0, torch.device("cpu"), rank, 2)).camera.tolist() for rank in (0, 1)]
    assert shares == [[0, 2], [1, 3]]


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="4 pairs cannot be shared evenly by 3 processes"):
        next(IterablePairs([batch(0)]).batches(0, torch.device("cpu"), 0, 3))
