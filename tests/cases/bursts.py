"""A small burst of made-up numbers."""

from dataclasses import replace

import numpy as np

from n2nf_core.bursts import (
    Burst,
)
from n2nf_core.cameras import NLF

BLACK, WHITE = (60.0, 62.0, 64.0, 66.0), 1023.0


def make(count: int = 5, height: int = 12, width: int = 10, seed: int = 0, **changes) -> Burst:
    rng = np.random.default_rng(seed)
    frames = rng.integers(40, 900, (count, 4, height, width)).astype(np.uint16)
    clean = rng.random((4, height, width)).astype(np.float32)
    burst = Burst(frames, BLACK, WHITE, "RGGB", "S6", 800.0, "desk", clean, NLF(1e-3, 2e-6), {"notes": ["made"]})
    return replace(burst, **changes)
