"""Bursts, the one format for all data: T frames of a static scene as packed planes, in memory and on disk."""

from n2nf_core.bursts.burst import (
    Burst,
    BurstError,
    BurstWarning,
    Index,
    LazyFrames,
    iso_knots,
    recordings,
    with_means,
)  # fmt: skip
from n2nf_core.bursts.checks.check import BurstCheck, check_burst, find
from n2nf_core.bursts.checks.findings import Finding
from n2nf_core.bursts.dequantised import dequantised
from n2nf_core.bursts.splits import check_size, split_regions, split_scenes, train_test_split
from n2nf_core.bursts.store import SUFFIX, open_burst, write_burst

__all__ = [
    "SUFFIX", "Burst", "BurstCheck", "BurstError", "BurstWarning", "Finding", "Index", "LazyFrames", "check_burst",
    "check_size", "dequantised", "find", "iso_knots", "open_burst", "recordings", "split_regions", "split_scenes",
    "train_test_split", "with_means", "write_burst",
]  # fmt: skip
