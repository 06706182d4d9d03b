"""Worlds of known density: scenes, cameras and a noise whose exact density is known, as bursts to train on.

On them the regret of a noise model, its NLL minus that of the truth, is measured and not estimated. They differ in what
makes learning without clean images hard: noise that is skewed, heavy-tailed or not white, and scenes with so much
texture that a denoiser's error is as large as the noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from torch import Tensor

from n2nf_core.baselines import GaussianNoise, camera_nlf
from n2nf_core.bursts import Burst
from n2nf_core.simulation.densities import PhotonNoise, RowNoise, ScaledNoise, StudentT, Telegraph
from n2nf_core.simulation.embedded import Scene, simulated_bursts
from n2nf_core.simulation.scenes import dead_leaves, expose
from n2nf_core.types import NLF, NoiseModel

SETTINGS = (("IP", 400), ("GP", 800), ("S6", 1600))
"""Three cameras, each at one ISO: the settings of every world."""


def textured(count: int, height: int, width: int, *, seed: int) -> Tensor:
    """Dead leaves of 0.7 to 6 pixels, hardly blurred: (count, 4, height, width) in [0, 1] units.

    The variance of a small denoiser's error on them is about half of that of a camera's noise.

    Arguments:
        count: number of scenes.
        height: rows of a plane.
        width: columns of a plane.
        seed: fixes all scenes.
    """
    return dead_leaves(count, height, width, seed=seed, blur=0.35, radius=(0.7, 6.0))


def _electrons(gain: float, read: float) -> NLF:
    """Gain in [0, 1] units per electron, and read noise in electrons, as shot and read."""
    return NLF(gain, (gain * read) ** 2)


def _table(**isos: NLF) -> dict[str, dict[float, NLF]]:
    return {camera: {iso: isos[camera]} for camera, iso in SETTINGS}


SINGLE_PHOTONS = _table(IP=_electrons(0.02, 0.8), GP=_electrons(0.03, 1.0), S6=_electrons(0.04, 0.7))
"""A few electrons per pixel: a scene of mean signal 0.1 has 2.5 to 5 of them."""

READ_LIMITED = _table(IP=_electrons(0.004, 4.0), GP=_electrons(0.006, 5.0), S6=_electrons(0.003, 6.0))
"""Read noise of 4 to 6 electrons, which a scene in the dark does not outshine."""


class World(NamedTuple):
    """A noise of known density, and the scenes that it falls on.

    Arguments:
        truth: the density, for the three cameras of :data:`SETTINGS`.
        scene: makes the scenes.
        exposure: factor on the signal.
    """

    truth: NoiseModel
    scene: Scene
    exposure: float = 1.0

    def bursts(self, *, scenes: int, size: int, frames: int, seed: int) -> list[Burst]:
        """Bursts of this world, as :func:`~n2nf_core.simulation.simulated_bursts` makes them.

        Arguments:
            scenes: number of bursts per camera.
            size: rows and columns of a plane.
            frames: number of frames of a burst.
            seed: fixes scenes and noise.
        """
        sizes = {"scenes": scenes, "size": size, "frames": frames, "seed": seed}
        return simulated_bursts(self.truth, SETTINGS, **sizes, scene=partial(_exposed, self.scene, self.exposure))


def _exposed(scene: Scene, exposure: float, count: int, height: int, width: int, *, seed: int) -> Tensor:
    return expose(scene(count, height, width, seed=seed), exposure)


def known_worlds(
    learned: Mapping[str, NoiseModel] | None = None, scenes: Sequence[str] = ("smooth", "textured")
) -> dict[str, World]:
    """ "<noise>, <scenes>" -> world, for every noise on every kind of scenes.

    nlf: Gaussian noise of published cameras. photons: Poisson-Gaussian noise of few photons. tails: photons and read
    noise of Student's law with 5 degrees of freedom, in the dark. rows: Gaussian noise with row noise, in the dark.
    telegraph: Gaussian noise of which a share of the pixels jumps, in the dark.

    Arguments:
        learned: further densities by name, such as a trained flow or the authors' model; each must know the cameras
            and ISO values of :data:`SETTINGS`.
        scenes: the kinds of scenes, "smooth" or "textured".

    >>> sorted(known_worlds(scenes=["smooth"]))
    ['nlf, smooth', 'photons, smooth', 'rows, smooth', 'tails, smooth', 'telegraph, smooth']
    """
    published = {c: {iso: camera_nlf([c]).nlf()[c][iso]} for c, iso in SETTINGS}
    truths = {
        "nlf": (GaussianNoise(published), 1.0),
        "photons": (PhotonNoise(SINGLE_PHOTONS), 1.0),
        "tails": (PhotonNoise(READ_LIMITED, StudentT(5)), 0.25),
        "rows": (RowNoise(READ_LIMITED), 0.25),
        "telegraph": (ScaledNoise(READ_LIMITED, Telegraph()), 0.25),
        **{name: (model, 1.0) for name, model in (learned or {}).items()},
    }
    kinds = {"smooth": dead_leaves, "textured": textured}
    return {
        f"{name}, {kind}": World(truth, kinds[kind], exposure)
        for name, (truth, exposure) in truths.items()
        for kind in scenes
    }
