"""Stacks of mosaics, and the files that hold them."""

import numpy as np

from n2nf_core.importers import read_bursts

HEIGHT, WIDTH = 16, 24


FULL = {"black": 100, "white": 4095, "cfa": "RGGB", "camera": "cam", "iso": 400}


def mosaics(count: int = 4, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(80, 4000, (count, height, width)).astype(np.uint16)


def npz_stack(**changes):
    """The arrays of an .npz of values that are evenly spread, which passes the checks."""
    rng = np.random.default_rng(0)
    return {"frames": rng.integers(200, 900, (4, 64, 64)).astype(np.uint16), "black": 100, "white": 4095} | changes


def save(folder, **arrays):
    np.savez(folder / "s.npz", **arrays)
    return folder / "s.npz"


def one(path, **options):
    (burst,) = read_bursts(path, **options)
    return burst


PATTERNS = {"RGGB": (0, 1, 1, 2), "GRBG": (1, 0, 2, 1), "GBRG": (1, 2, 0, 1), "BGGR": (2, 1, 1, 0)}
