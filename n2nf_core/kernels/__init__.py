"""Kernels for speed: the flow's steps in Numba (CPU) and Triton (GPU), and histograms. Skip them on first reading."""
