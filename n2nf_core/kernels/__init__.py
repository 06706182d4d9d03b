"""Numba kernels of the flow's steps and of histograms on the CPU: to skip on first reading."""
