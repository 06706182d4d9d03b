"""BM3D (Dabov et al. 2007; PyPI bm3d), frame by frame: python bm3d_frames.py IN.npz OUT.npz SECONDS SEED

IN holds ``train`` and ``test``, (scenes, T, C, h, w); several planes of a frame are denoised together. The strength is
a multiple of the noise's standard deviation, which the differences of frames tell: the multiple that brings the first
training frame nearest to the second one. SECONDS and SEED change nothing.
"""

import sys
import time

import numpy as np
from bm3d import bm3d

STRENGTHS = (0.7, 0.85, 1.0, 1.2, 1.4, 1.7, 2.0)


def denoise(frame, sigma):
    """One frame (C, h, w)."""
    image = np.squeeze(frame.transpose(1, 2, 0))
    return bm3d(image, sigma).reshape(*image.shape[:2], -1).transpose(2, 0, 1)


with np.load(sys.argv[1]) as given:
    train, test = (given[name].astype(np.float64) for name in ("train", "test"))
start = time.process_time()
sigma = float(np.sqrt(np.diff(train, axis=1).var() / 2))
first, second = train[0, :2]
errors = {strength: np.square(denoise(first, strength * sigma) - second).mean() for strength in STRENGTHS}
best = min(errors, key=errors.get)
chosen = time.process_time()
denoised = np.stack([denoise(frame, best * sigma) for frame in test.reshape(-1, *test.shape[2:])])
seconds = time.process_time() - chosen
frames = denoised.astype(np.float32).reshape(test.shape)
np.savez(sys.argv[2], denoised=frames, training_seconds=chosen - start, denoising_seconds=seconds)
