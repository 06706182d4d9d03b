"""From bursts to noisy pairs: which frames and patches go together, and the batches that feed training."""

from n2nf_core.pairs.patch_pairs import PatchPairs, frame_pairs, grid_patches

__all__ = ["PatchPairs", "frame_pairs", "grid_patches"]
