"""The default data: simulated bursts of cameras with a published noise level function.

The scenes are dead leaves, as smooth as full-resolution raw frames. The noise is drawn from the cameras' published
noise level functions. It is neither clipped nor quantised, so the true density of every frame is known, and regret can
be measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from n2nf_core.bursts import Burst
from n2nf_core.simulation.calibrations import CALIBRATIONS
from n2nf_core.simulation.scenes import dead_leaves, expose
from n2nf_core.simulation.sensor import PhysicalSensor
from n2nf_core.types import NLF, HasNLF, NoiseModel

SETTINGS = (("IP", 100), ("IP", 800), ("GP", 400), ("GP", 1600), ("S6", 800), ("S6", 3200))
"""Three cameras at two ISO values each: the default of every notebook."""

FIVE_CAMERAS = tuple((camera, iso) for camera in ("IP", "GP", "S6", "N6", "G4") for iso in (100, 800))
"""The five cameras of SIDD at two ISO values for which each of them has a published noise level function."""

Scene = Callable[..., Tensor]
"""(count, height, width, seed=...) -> clean scenes (count, 4, height, width) in [0, 1] units."""


@torch.no_grad()
def simulate_burst_frames(
    noise_model: NoiseModel,
    clean: Tensor,
    camera: str,
    iso: float,
    frames: int,
    generator: torch.Generator | None = None,
) -> Tensor:
    """y_t = x + n_t with independent n_t ~ p(n | x, camera, ISO).

    The frames are neither clipped nor quantised, so the density of y_t - x is exactly that of the model. Frames are
    drawn one by one, so that beyond the result the memory needed does not grow with the number of frames.

    Arguments:
        noise_model: the density of the noise.
        clean: (4, h, w) the scene x, in [0, 1] units.
        camera: name of the camera, one of ``noise_model.cameras``.
        iso: ISO setting.
        frames: number of frames T.
        generator: source of randomness; None uses PyTorch's global one.

    Returns (T, 4, h, w) in [0, 1] units. Errors: UnknownCameraError for a camera that the model does not know;
    ValueError for another shape of ``clean`` or less than one frame.

    >>> from n2nf_core.baselines import camera_nlf
    >>> clean, generator = torch.full((4, 8, 8), 0.5), torch.Generator().manual_seed(0)
    >>> simulate_burst_frames(camera_nlf(), clean, "S6", 800, 3, generator).shape
    torch.Size([3, 4, 8, 8])
    """
    if clean.dim() != 3:
        raise ValueError(f"clean must be one scene (4, h, w), got the shape {(*clean.shape,)}")
    if frames < 1:
        raise ValueError(f"a burst needs at least 1 frame, got {frames}")
    context = noise_model.context(clean[None], camera, iso)
    return torch.cat([clean + noise_model.sample(context, generator=generator) for _ in range(frames)])


def simulated_bursts(
    truth: NoiseModel,
    settings: Sequence[tuple[str, float]] = SETTINGS,
    *,
    scenes: int,
    size: int,
    frames: int = 2,
    seed: int = 0,
    scene: Scene = dead_leaves,
) -> list[Burst]:
    """Bursts of dead leaves with noise of known density: ``scenes`` of them for every (camera, ISO).

    Every burst shows another scene.

    Arguments:
        truth: the density that the noise is drawn from. Any noise model can be used.
        settings: pairs (camera, ISO).
        scenes: number of bursts per setting.
        size: rows and columns of a plane.
        frames: number of frames T of a burst.
        seed: fixes scenes and noise.
        scene: makes the scenes.

    Returns bursts with frames (T, 4, size, size) in [0, 1] units. ``Burst.clean`` is the scene. ``Burst.nlf`` is the
    noise level function that ``truth`` states for the camera and ISO, or None where it states none. Errors:
    UnknownCameraError for a camera that ``truth`` does not know.

    >>> from n2nf_core.baselines import camera_nlf
    >>> [b.scene for b in simulated_bursts(camera_nlf(), [("S6", 800)], scenes=2, size=16)]
    ['leaves-0-000', 'leaves-0-001']
    """
    generator = torch.Generator().manual_seed(seed)
    clean = scene(scenes * len(settings), size, size, seed=seed)
    known = truth.nlf() if isinstance(truth, HasNLF) else {}
    bursts = []
    for number, planes in enumerate(clean):
        camera, iso = settings[number % len(settings)]
        noisy = simulate_burst_frames(truth, planes, camera, iso, frames, generator)
        nlf = known.get(camera, {}).get(float(iso))
        source = {"importer": "simulator", "seed": seed, "notes": ["noise of known density"]}
        bursts.append(_burst(noisy, planes, camera, iso, f"leaves-{seed}-{number:03d}", nlf, source))
    return bursts


def _burst(frames: Tensor, clean: Tensor, camera: str, iso: float, scene: str, nlf: NLF | None, source: dict) -> Burst:
    """A burst made of frames and their scene, both in [0, 1] units."""
    levels = {"black": 0.0, "white": 1.0, "cfa": "RGGB"}
    settings = {"camera": camera, "iso": float(iso), "scene": scene}
    return Burst(frames.numpy(), **levels, **settings, clean=clean.numpy(), nlf=nlf, provenance=source)


def physical_bursts(
    sensor: PhysicalSensor,
    camera: str,
    *,
    scenes: int,
    size: int,
    frames: int = 2,
    seed: int = 0,
    exposure: float = 1.0,
) -> list[Burst]:
    """Bursts of one physical sensor, whose noise density has no closed form.

    Arguments:
        sensor: the sensor.
        camera: the camera name that the bursts carry. Their ISO is 100.
        scenes: number of bursts, each of its own scene of dead leaves.
        size: rows and columns of a plane.
        frames: number of frames T of a burst.
        seed: fixes scenes and noise.
        exposure: positive factor on the signal. At a very low exposure, read noise and row noise dominate.

    Returns bursts with frames (T, 4, size, size) in [0, 1] units. ``Burst.clean`` is the scene, and ``Burst.nlf`` the
    shot and read noise of the sensor.
    """
    leaves = expose(dead_leaves(scenes, size, size, seed=seed), exposure)
    generator = torch.Generator().manual_seed(seed)
    source = {"importer": "physical sensor", "seed": seed, "notes": ["noise without closed-form density"]}
    return [
        _burst(
            sensor.burst(planes, frames, generator), planes, camera, 100, f"leaves-{seed}-{k:03d}", sensor.nlf, source
        )
        for k, planes in enumerate(leaves)
    ]


def sensors_in_the_dark(
    names: Sequence[str] = tuple(CALIBRATIONS), *, scenes: int, size: int, frames: int = 2, seed: int = 0
) -> list[Burst]:
    """The same scenes through several physical sensors, under-exposed by 6 stops (2^-6), as one list of bursts.

    At this exposure row noise, heavy tails and single photons dominate the noise. The sensors are the same for every
    seed.

    Arguments:
        names: names of sensors in :data:`CALIBRATIONS`.
        scenes: number of bursts per sensor.
        size: rows and columns of a plane.
        frames: number of frames of a burst.
        seed: fixes scenes and noise.
    """
    sensors = {name: PhysicalSensor.draw(name, torch.Generator().manual_seed(0)) for name in names}
    sizes = {"scenes": scenes, "size": size, "frames": frames, "seed": seed, "exposure": 2.0**-6}
    return [b for name, sensor in sensors.items() for b in physical_bursts(sensor, name.replace(" ", "-"), **sizes)]


def dark_bursts(truth: NoiseModel, camera: str, iso: float, *, count: int, size: int, seed: int) -> list[Burst]:
    """Pairs of frames taken with the lens cap on: y = n, read noise alone, since x = 0.

    Arguments:
        truth: the density that the noise is drawn from.
        camera: name of the camera.
        iso: ISO setting.
        count: number of bursts.
        size: rows and columns of a plane.
        seed: fixes the noise.

    Returns bursts with frames (2, 4, size, size) in [0, 1] units. Errors: UnknownCameraError for a camera that
    ``truth`` does not know.

    >>> from n2nf_core.baselines import camera_nlf
    >>> [b.scene for b in dark_bursts(camera_nlf(), "S6", 800, count=2, size=8, seed=0)]
    ['dark-0-000', 'dark-0-001']
    """
    generator = torch.Generator().manual_seed(10_000 + seed)  # so that the noise is not that of the lit scenes
    clean = torch.zeros(4, size, size)
    source = {"importer": "simulator", "seed": seed, "notes": ["dark frames", "noise of known density"]}
    frames = [simulate_burst_frames(truth, clean, camera, iso, 2, generator) for _ in range(count)]
    return [_burst(f, clean, camera, iso, f"dark-{seed}-{k:03d}", None, source) for k, f in enumerate(frames)]
