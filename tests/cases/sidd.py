"""SIDD's files, written in the documented formats."""

from pathlib import Path

import h5py
import numpy as np
import scipy.io
from cases.stacks import PATTERNS

HEIGHT, WIDTH = 12, 18


PROFILE = (5e-4, 3e-6)
COLOURS = 3


def mosaics(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, HEIGHT, WIDTH)).astype(np.float32) * 0.9


def write_raw(path: Path, mosaic: np.ndarray) -> None:
    """MATLAB v7.3: HDF5 behind a 512-byte header, the array transposed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        x = file.create_dataset("x", data=mosaic.T, compression="gzip")
        x.attrs["MATLAB_class"] = np.bytes_("single")
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def write_metadata(path: Path, cfa: str | None, iso: int, model: str = "SM-G925I", iphone: bool = False) -> None:
    """MATLAB v5; the iPhone keeps its CFA and noise profile in SubIFDs and its ISO in DigitalCamera."""
    rows = [(33421, [2, 2]), (51041, PROFILE * COLOURS)] + ([(33422, PATTERNS[cfa])] if cfa else [])
    tags = np.zeros((len(rows), 1), dtype=[("ID", "O"), ("Offset", "O"), ("Value", "O")])
    for k, (number, value) in enumerate(rows):
        tags[k, 0] = (np.uint16(number), np.uint8(0), np.atleast_2d(value).astype(float))
    root = {"Make": "maker", "Model": model, "ISOSpeedRatings": np.zeros((1, 0)), "BitDepth": 16}
    if iphone:
        inner = np.empty((1, 1), object)
        inner[0, 0] = {"BitDepth": 16, "UnknownTags": tags}
        root |= {"DigitalCamera": {"ISOSpeedRatings": iso, "FNumber": 1.8}, "SubIFDs": inner}
        root["UnknownTags"] = tags[:1]
    else:
        root |= {"ISOSpeedRatings": iso, "UnknownTags": tags, "Thumbnail": {"ISOSpeedRatings": 7, "Model": "no"}}
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {"metadata": root}, format="5")


def write_instance(folder, number, frames, cfa, iso, *, full=False, clean=None, first=10, **metadata):
    def place(kind, k):
        inner = folder / f"{number}_{kind}_RAW" if full else folder
        return inner / f"{number}_{kind}_RAW_{k:03d}.MAT"

    for k, frame in enumerate(frames, first):
        write_raw(place("NOISY", k), frame)
    for k, frame in enumerate([] if clean is None else clean, first):
        write_raw(place("GT", k), frame)
    write_metadata(place("METADATA", first), cfa, iso, **metadata)
