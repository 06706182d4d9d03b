"""Published calibrations of phone cameras: camera -> ISO -> shot and read, variances in [0, 1] units.

There are two: the noise level functions (NLF) published with Noise Flow, and the Poisson-Gaussian calibration of Zhang
et al., in which shot is the Poisson part and read the Gaussian part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from n2nf_core.baselines.gaussian import GaussianNoise
from n2nf_core.cameras import UnknownCameraError
from n2nf_core.types import NLF


def _table(isos: Sequence[int], shots: Sequence[float], reads: Sequence[float]) -> Mapping[int, NLF]:
    return MappingProxyType({i: NLF(s, r) for i, s, r in zip(isos, shots, reads, strict=True)})


CAMERA_NLF: Mapping[str, Mapping[int, NLF]] = MappingProxyType(
    {
        "IP": _table((100, 400, 800, 1600), (7.02e-4, 7.35e-4, 7.23e-4, 6.87e-4), (3e-6, 3e-6, 3e-6, 2e-6)),
        "GP": _table(
            (100, 400, 800, 1600, 3200),
            (2.28e-4, 8.86e-4, 1.764e-3, 3.519e-3, 7.029e-3),
            (2e-6, 5e-6, 1.2e-5, 4.5e-5, 1.79e-4),
        ),
        "S6": _table((100, 400, 800, 1600, 3200), (4.79e-4, 1.774e-3, 3.696e-3, 8.211e-3, 1.993e-2), (2e-6,) * 5),
        "N6": _table(
            (100, 400, 800, 1600, 3200),
            (4.73e-4, 1.76e-3, 3.476e-3, 6.909e-3, 1.3773e-2),
            (3e-6, 1.3e-5, 5.2e-5, 2.08e-4, 8.33e-4),
        ),
        "G4": _table((100, 400, 800), (7.39e-4, 1.86e-3, 3.356e-3), (2e-6, 2e-6, 6.3e-5)),
    }
)
"""Camera NLF of the SIDD phones, as published with Noise Flow (Abdelhamed et al., ICCV 2019)."""

CALIBRATED_PG: Mapping[str, Mapping[int, NLF]] = MappingProxyType(
    {
        "IP": _table(
            (100, 200, 400, 800, 1600, 2000),
            (9.3595e-4, 1.04404e-3, 1.16461e-3, 1.29911e-3, 1.44915e-3, 1.50104e-3),
            (4.6977e-7, 6.9045e-7, 6.7395e-7, 6.7768e-7, 6.7820e-7, 6.7832e-7),
        ),
        "S6": _table(
            (100, 200, 400, 800, 1600, 3200),
            (1.62521e-3, 2.56175e-3, 4.03799e-3, 6.36492e-3, 1.003277e-2, 1.581424e-2),
            (1.17922e-6, 1.60760e-6, 2.98726e-6, 5.19158e-6, 1.00110e-5, 2.06527e-5),
        ),
        "GP": _table(
            (100, 200, 400, 800, 1600, 3200, 6400),
            (2.4718e-4, 4.8489e-4, 9.5121e-4, 1.866e-3, 3.66055e-3, 7.18092e-3, 1.408686e-2),
            (1.68193e-6, 2.05570e-6, 2.70307e-6, 4.11641e-6, 7.56926e-6, 1.51990e-5, 5.33142e-5),
        ),
    }
)
"""Calibrated Poisson-Gaussian (Zhang et al., ICCV 2021). We assume that the second published number is a variance."""


def _published(table: Mapping[str, Mapping[int, NLF]], cameras: Sequence[str] | None) -> GaussianNoise:
    for camera in cameras or ():
        if camera not in table:
            raise UnknownCameraError(camera, tuple(table))
    return GaussianNoise({camera: table[camera] for camera in cameras or table})


def camera_nlf(cameras: Sequence[str] | None = None) -> GaussianNoise:
    """The noise model of :data:`CAMERA_NLF` for ``cameras``, or for all; UnknownCameraError for any other camera."""
    return _published(CAMERA_NLF, cameras)


def calibrated_pg(cameras: Sequence[str] | None = None) -> GaussianNoise:
    """The noise model of :data:`CALIBRATED_PG` for ``cameras``, or for all; UnknownCameraError for any other camera."""
    return _published(CALIBRATED_PG, cameras)


def published_models(cameras: Sequence[str]) -> dict[str, GaussianNoise]:
    """The published models that know all of ``cameras``, by name: ``camera_nlf``, ``calibrated_pg``, both or none."""
    tables = {"camera_nlf": CAMERA_NLF, "calibrated_pg": CALIBRATED_PG}
    return {name: _published(table, cameras) for name, table in tables.items() if set(cameras) <= set(table)}
