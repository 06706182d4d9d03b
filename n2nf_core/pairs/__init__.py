"""From bursts to noisy pairs: which frames and patches go together, and the batches that feed training."""

from n2nf_core.pairs.patch_pairs import PatchPairs, difference_correlation, frame_pairs, grid_patches, lag_variance

__all__ = ["PatchPairs", "difference_correlation", "frame_pairs", "grid_patches", "lag_variance"]
