"""Any iterable of batches as a source of pairs for training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import torch

from n2nf_core.types import NoisyPair


class IterablePairs:
    """Any iterable of batches as a :class:`~n2nf_core.types.PairSource`: read again from its start to begin later."""

    def __init__(self, pairs: Iterable[NoisyPair]):
        self.pairs = pairs

    def batches(self, step: int, device: torch.device, rank: int = 0, world: int = 1) -> Iterator[NoisyPair]:
        """The batches from a step on.

        Arguments:
            step: number of the first batch.
            device: where they are brought.
            rank, world: this process and the number of all: it gets the rows [rank::world].

        ValueError for a batch that cannot be shared evenly.
        """
        for pair in islice(self.pairs, step, None):
            if len(pair.first) % world:
                raise ValueError(f"a batch of {len(pair.first)} pairs cannot be shared evenly by {world} processes")
            yield NoisyPair(*(None if field is None else field[rank::world] for field in pair)).to(device)

    def fingerprint(self) -> None:
        """None: nothing is known of the data."""
