"""Bursts of one grey, and published noise to simulate others with."""

import numpy as np

from n2nf_core.baselines import camera_nlf
from n2nf_core.bursts import Burst

TRUTH = camera_nlf(["GP", "IP", "S6"])


def flat_burst(sigma=0.1, frames=4, clean=True, camera="A", scene="flat"):
    noise = sigma * np.random.default_rng(0).standard_normal((frames, 4, 32, 32))
    truth = np.full((4, 32, 32), 0.5, np.float32)
    return Burst(
        (truth + noise).astype(np.float32), 0.0, 1.0, "MONO", camera, 100.0, scene, clean=truth if clean else None
    )
