"""NPZ and NPY stacks: the arrays in a file, and what they say about the frames."""

from n2nf_core.importers.npz.reader import read_npy, read_npz

__all__ = ["read_npy", "read_npz"]
