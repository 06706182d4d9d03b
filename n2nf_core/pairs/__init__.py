"""From bursts to noisy pairs: which frames and patches go together, and the batches that training uses."""

from n2nf_core.pairs.patch_pairs import PatchPairs, Reading, grid_patches
from n2nf_core.pairs.schedule import Sampling, frame_pairs

__all__ = ["PatchPairs", "Reading", "Sampling", "frame_pairs", "grid_patches"]
