"""Integer frames with uniform noise added, so that a density has an honest value on them."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import partial

import numpy as np

from n2nf_core.bursts.burst import Burst, LazyFrames


def dequantised(burst: Burst, seed: int = 0) -> Burst:
    """y + v in DN, v uniform in [-1/2, 1/2) and independent for every pixel of every frame; float32.

    A camera's DN are integers. Where the noise is narrower than about half a DN, a density can put ever narrower peaks
    on them, and its likelihood has no upper bound. With v it has one, and -E log p(y + v - x) - log d is at least the
    exact -log P(y), where P(y) is the integral of p over the bin of width d = ``burst.step`` (Theis et al., A note on
    the evaluation of generative models, 2016). Give such bursts to training and to evaluation alike: every measurement
    of the noise, every noise term and every score then belongs to the same density, whose variance is larger by 1/12
    DN^2. Rounding its samples to DN takes v away again.

    Arguments:
        burst: of integer frames. One whose frames are float32 already is returned as it is.
        seed: of v, which also depends on the scene and on the number of the frame.

    Frames that are read when asked for stay so.

    >>> flat = Burst(np.full((2, 4, 8, 8), 100, np.uint16), 64, 1023, "RGGB", "S6", 800, "flat")
    >>> float(np.abs(dequantised(flat).frames - 100).max()) <= 0.5
    True
    """
    if burst.frames.dtype == np.float32:
        return burst
    read = partial(_spread, burst.frames, (seed, zlib.crc32(burst.scene.encode())))
    if isinstance(burst.frames, LazyFrames):
        whole = range(burst.shape[2]), range(burst.shape[3])
        frames = LazyFrames(read, len(burst), np.dtype(np.float32), *whole)
    else:
        frames = np.stack([read(t) for t in range(len(burst))])
    about = {name: value for name, value in burst.provenance.items() if name != "frames_sha256"}
    return replace(burst, frames=frames, provenance=about | {"dequantised": seed})


def _spread(frames: np.ndarray | LazyFrames, seed: tuple[int, int], t: int) -> np.ndarray:
    """Frame number ``t`` + v, (4, h, w) float32."""
    frame = frames[t]
    return frame + (np.random.default_rng((*seed, t)).random(frame.shape, np.float32) - np.float32(0.5))
