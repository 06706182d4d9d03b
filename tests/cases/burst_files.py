"""Files of bursts of photons and read noise, for the command line."""

import numpy as np
from cases.poisson_bursts import BLACK, WHITE, exposed

SETTINGS = {"black": BLACK, "white": WHITE, "cfa": "RGGB", "camera": "cam", "iso": 100}


def mosaic_of(planes):
    """(T, 4, h, w) -> (T, 2 h, 2 w)."""
    count, _, height, width = planes.shape
    return planes.reshape(count, 2, 2, height, width).transpose(0, 3, 1, 4, 2).reshape(count, 2 * height, 2 * width)


def burst_file(path, scene, changes=None, **exposure):
    """An .npz of ``scene`` in electrons, (4, h, w); ``changes`` replace what it states."""
    np.savez(path, frames=mosaic_of(exposed(scene, **exposure)), **(SETTINGS | (changes or {})))
    return str(path)
