"""A scene from dark to bright, and whether a mean is what it should be."""

from __future__ import annotations

import torch

STANDARD_ERRORS = 4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramp(height: int = 32, width: int = 24) -> torch.Tensor:
    """(4, h, w): dark to bright along the columns, each plane at its own level."""
    return torch.linspace(0.001, 0.4, width).expand(4, height, width) * torch.tensor([1, 2, 2, 1])[:, None, None]


def within(values: torch.Tensor, expected: float = 0.0) -> bool:
    """Whether independent ``values`` have mean ``expected`` within their standard errors."""
    values = values.double().flatten()
    return abs(values.mean() - expected) <= STANDARD_ERRORS * values.std() / len(values) ** 0.5
