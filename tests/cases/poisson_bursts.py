"""Bursts of photons and read noise as files have them: whole numbers with a black level."""

import numpy as np

from n2nf_core.bursts import Burst

BLACK, WHITE = 64, 4095


def ramp(height=96, width=96):
    """Electrons of a scene that brightens along its rows, (4, h, w)."""
    return np.broadcast_to(np.linspace(20, 1000, width), (4, height, width))


def texture(height=96, width=96, seed=0):
    """Electrons of a scene with detail everywhere, (4, h, w), alike in its planes as the real world is."""
    coarse = np.random.default_rng(seed).uniform(100, 900, (height // 4 + 1, width // 4 + 1))
    return np.broadcast_to(np.kron(coarse, np.ones((4, 4)))[:height, :width], (4, height, width))


def exposed(scene, count=6, gain=1.0, read=3.0, seed=0, black=BLACK):
    """Frames (count, 4, h, w) uint16 of ``scene`` in electrons, (4, h, w) or one per frame (count, 4, h, w)."""
    rng = np.random.default_rng(seed)
    photons = rng.poisson(np.broadcast_to(scene, (count, *np.shape(scene)[-3:]))) * gain
    return np.clip(np.round(photons + rng.normal(0, read, photons.shape) + black), 0, 65535).astype(np.uint16)


def burst_in_dn(frames, **changes) -> Burst:
    known = {"black": BLACK, "white": WHITE, "cfa": "RGGB", "camera": "cam", "iso": 100, "scene": "desk"}
    return Burst(frames, **(known | changes))
