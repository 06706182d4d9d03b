"""Bursts whose values say where they come from, and the pairs of them."""

import threading
from dataclasses import replace

import numpy as np
import torch

from n2nf_core.bursts import Burst, LazyFrames
from n2nf_core.pairs import PatchPairs, Reading, Sampling


def make_burst(camera="S6", iso=800.0, frames=3, height=20, width=14, scene=0, clean=True):
    """Every value tells frame, plane, row and column, so that a patch tells where it is from."""
    t, c, y, x = np.meshgrid(*map(np.arange, (frames, 4, height, width)), indexing="ij")
    values = (scene * 1e6 + t * 1e5 + c * 1e4 + y * 100 + x).astype(np.float32)
    return Burst(values, 0.0, 1.0, "RGGB", camera, iso, f"scene{scene}", clean=values[0] - 0.5 if clean else None)


def patch_pairs(bursts, cameras, **options):
    """PatchPairs with the options of both records by name."""
    sampling = {k: v for k, v in options.items() if k in Sampling.__dataclass_fields__}
    reading = {k: v for k, v in options.items() if k in Reading.__dataclass_fields__}
    assert set(options) == set(sampling) | set(reading)
    return PatchPairs(bursts, cameras, Sampling(**sampling), Reading(**reading))


def tensors(batch):
    return [field for field in batch if field is not None]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(other), strict=True))


def many_bursts(frames=5, clean=True):
    return [make_burst(frames=frames, scene=k, height=12 + k, width=11, clean=clean) for k in range(6)]


WINDOW = {"patch": 8, "batch": 8, "frame_pairs": 4, "lag": 2, "cache_bytes": 3 * 4 * 17 * 11 * (8 + 4), "reuse": 2.0}


class Reads:
    """Bursts whose frames are read when asked for; remembers which, and how many at most wait to be used."""

    def __init__(self, bursts, fail=None):
        self.seen, self.fail, self.threads = [], fail, set()
        self.bursts = [replace(b, frames=self.lazy(k, b.frames)) for k, b in enumerate(bursts)]

    def lazy(self, burst, frames):
        def read(t):
            self.seen.append((burst, t))
            self.threads.add(threading.current_thread())
            if (burst, t) == self.fail:
                raise RuntimeError("the disk is gone")
            return frames[t]

        return LazyFrames(read, len(frames), frames.dtype, *map(range, frames.shape[2:]))
