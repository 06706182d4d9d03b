"""Stacks of mosaics, and the files that hold them."""

import numpy as np
import tifffile

from n2nf_core.importers import read_bursts

HEIGHT, WIDTH = 16, 24


FULL = {"black": 100, "white": 4095, "cfa": "RGGB", "camera": "cam", "iso": 400}


def mosaics(count: int = 4, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(80, 4000, (count, height, width)).astype(np.uint16)


def save(folder, **arrays):
    np.savez(folder / "s.npz", **arrays)
    return folder / "s.npz"


def one(path, **options):
    (burst,) = read_bursts(path, **options)
    return burst


PATTERNS = {"RGGB": (0, 1, 1, 2), "GRBG": (1, 0, 2, 1), "GBRG": (1, 2, 0, 1), "BGGR": (2, 1, 1, 0)}


def write_dng(path, mosaic, cfa="RGGB", black=(60, 61, 62, 63), white=4095, iso=400, active=None, profile=True):
    """The tags that LibRaw needs to take a TIFF for a DNG with a mosaic, and those the importer reads."""
    byte, text, short, long, rational, signed, double = 1, 2, 3, 4, 5, 10, 12
    tags = [
        (271, text, 0, "Maker", True),
        (272, text, 0, "Model 1", True),
        (33421, short, 2, (2, 2), True),
        (33422, byte, 4, bytes(PATTERNS[cfa]), True),
        (34855, short, 1, iso, True),
        (50706, byte, 4, bytes((1, 4, 0, 0)), True),
        (50708, text, 0, "Maker Model 1", True),
        (50713, short, 2, (2, 2), True),
        (50714, short, 4, black, True),
        (50717, short, 1, white, True),
        (50721, signed, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, rational, 3, (1, 1) * 3, True),
        (50778, short, 1, 21, True),
    ]
    if profile:
        tags.append((51041, double, 2, (1e-3, 2e-6), True))
    if active:
        tags.append((50829, long, 4, active, True))
    tifffile.imwrite(path, mosaic, photometric="cfa", extratags=tags, metadata=None)
