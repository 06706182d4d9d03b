"""The noise of a camera as two numbers per colour: var(n | x) = shot x + read, for programs that know no more.

darktable and DNG files hold such profiles. For a noise model with another variance, the line is fitted to the variance
along the signal, and :class:`LineProfile` says how well it describes the noise.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.baselines import GaussianNoise, PerPlane
from n2nf_core.types import NLF, HasKnots, HasNLF, HasVariance, NoiseModel, Rebuildable, ask_for

LEVELS = 16
"""Number of signals at which the variance is measured; their square roots are equally spaced from 0 to 0.95."""
SIDE = 128
"""Side in plane pixels of the flat images that are drawn at every signal."""
SPREAD_LIMIT, KURTOSIS_LIMIT, CORRELATION_LIMIT = 0.03, 0.1, 0.03
"""Above these, two numbers do not describe the noise. Samples of Gaussian noise stay below 0.025, 0.03 and 0.015."""
MAKERS = (
    "Canon", "DJI", "Fujifilm", "Hasselblad", "LGE", "Leica", "Minolta", "Nikon", "Olympus", "OM System", "OnePlus",
    "Panasonic", "Pentax", "Raspberrypi", "Ricoh", "Samsung", "Sony", "YI TECHNOLOGY",
)  # fmt: skip
"""The makers that darktable's file may name."""
FEWEST = 4
"""The smallest number of ISO values of a camera in darktable's file."""


class LineProfile(NamedTuple):
    """var(n | x) = shot x + read at one setting of a camera, and what this leaves out.

    Arguments:
        camera: its name.
        iso: ISO setting.
        planes: shot and read of the planes R, Gr, Gb and B, variances in [0, 1] units.
        spread: largest relative difference between the model's standard deviation and the line's, along the signal.
        kurtosis: mean excess kurtosis of the noise divided by its standard deviation; 0 for Gaussian noise.
        correlation: largest correlation between neighbouring pixels or between the planes, by its size; 0 where pixels
            are independent.
    """

    camera: str
    iso: float
    planes: tuple[NLF, NLF, NLF, NLF]
    spread: float
    kurtosis: float
    correlation: float

    @property
    def colours(self) -> tuple[NLF, NLF, NLF]:
        """Shot and read of R, G (the mean of Gr and Gb) and B."""
        red, *greens, blue = self.planes
        return red, NLF(*(sum(pair) / 2 for pair in zip(*greens, strict=True))), blue

    def words(self) -> str:
        """One sentence: whether two numbers per colour describe the noise, and what they leave out."""
        where = f"{self.camera} at ISO {self.iso:g}"
        if not (self.spread or self.kurtosis or self.correlation):
            return f"{where}: the model is Gaussian with this variance, so two numbers per colour say all of it"
        measures = (
            f"its standard deviation is within {self.spread:.1%} of the line's, its excess kurtosis is "
            f"{self.kurtosis:.2f}, and pixels are correlated by up to {self.correlation:.2f}"
        )
        good = self.spread < SPREAD_LIMIT and abs(self.kurtosis) < KURTOSIS_LIMIT
        good &= abs(self.correlation) < CORRELATION_LIMIT
        return f"{where}: two numbers per colour {'describe' if good else 'do not describe'} the noise: {measures}"


def profile(model: NoiseModel, camera: str, iso: float, generator: torch.Generator | None = None) -> LineProfile:
    """The line shot x + read that is closest to var(n | x), per plane, and how well it describes the noise.

    Exact where the model is Gaussian with such a variance. Otherwise the variance is computed or measured on flat
    images, and the squared relative error of the line is smallest, sum ((shot x + read) / v - 1)^2, with neither
    number negative. The three measures are estimates from samples.

    Arguments:
        model: a noise model of 4 planes.
        camera: name of the camera.
        iso: ISO setting.
        generator: of the samples; by default one of seed 0, so that the same model gives the same numbers.
    """
    signal = torch.linspace(0, math.sqrt(0.95), LEVELS, dtype=torch.float64).square()
    stated = _stated(model)
    if stated is not None:
        context = stated.context(signal[:, None, None, None].expand(-1, 4, 1, 1), camera, iso)
        variance = stated.variance(context)[:, :, 0, 0]
        if _gaussian(stated):
            return LineProfile(camera, iso, _lines(signal, variance), 0.0, 0.0, 0.0)
    context = model.context(signal.float()[:, None, None, None].expand(-1, 4, SIDE, SIDE), camera, iso)
    noise = model.sample(context, generator=generator or torch.Generator().manual_seed(0)).double()
    measured = noise.var((2, 3))
    variance = measured if stated is None else variance
    lines = _lines(signal, variance)
    expected = torch.tensor([[shot * x + read for shot, read in lines] for x in signal.tolist()])
    spread = float(((variance / expected).sqrt() - 1).abs().max())
    unit = (noise - noise.mean((2, 3), keepdim=True)) / measured.sqrt()[:, :, None, None]
    return LineProfile(camera, iso, lines, spread, float((unit**4).mean() - 3), _correlation(unit))


def _stated(model: NoiseModel) -> HasVariance | None:
    """A noise model that states the variance of ``model``, if there is one."""
    if isinstance(model, Rebuildable) and model.built_by and model.built_by["kind"] == "nlf_flow":
        return GaussianNoise(ask_for(model, HasNLF).nlf())
    return model if isinstance(model, HasVariance) else None


def _gaussian(model: HasVariance) -> bool:
    parts = model.models if isinstance(model, PerPlane) else [model]
    return all(isinstance(part, GaussianNoise) for part in parts)


def _lines(signal: Tensor, variance: Tensor) -> tuple[NLF, ...]:
    """The lines for variances (LEVELS, 4) at the signals (LEVELS,)."""
    from scipy.optimize import nnls

    design = torch.stack((signal, torch.ones_like(signal)), 1)
    found = [nnls((design / v[:, None]).numpy(), torch.ones_like(v).numpy())[0] for v in variance.unbind(1)]
    return tuple(NLF(*map(float, pair)) for pair in found)


def _correlation(unit: Tensor) -> float:
    """The correlation of largest size among those of neighbouring pixels and those of the planes of a pixel."""
    found = [
        (unit[..., 1:] * unit[..., :-1]).mean((0, 2, 3)),
        (unit[..., 1:, :] * unit[..., :-1, :]).mean((0, 2, 3)),
        torch.stack([(unit[:, i] * unit[:, j]).mean() for i in range(4) for j in range(i)]),
    ]
    return float(max(torch.cat(found), key=abs))


def profiles(model: NoiseModel, cameras: Sequence[str] | None = None) -> list[LineProfile]:
    """The :func:`profile` of every camera, or of ``cameras``, at every ISO value that the model has parameters for."""
    names = list(cameras or model.cameras)
    model.context(torch.zeros(len(names), 4, 1, 1), names, 100.0)  # names the known cameras where one is none of them
    knots = ask_for(model, HasKnots).isos
    return [profile(model, camera, iso) for camera in names for iso in knots[camera]]


def dng_profiles(found: Iterable[LineProfile]) -> str:
    r"""The DNG tag NoiseProfile (51041), S and O of R, G and B: one line for every setting, after three that explain.

    var(x) = S x + O on linear raw values in [0, 1], which are the units of a noise model.

    >>> from n2nf_core.baselines import camera_nlf
    >>> dng_profiles(profiles(camera_nlf(["S6"]))).splitlines()[3].split("\t")
    ['S6', '100', '0.000479 2e-06 0.000479 2e-06 0.000479 2e-06']
    """
    rows = [f"{p.camera}\t{p.iso:g}\t{' '.join(f'{value:.9g}' for nlf in p.colours for value in nlf)}" for p in found]
    head = [
        "# DNG tag 51041 (NoiseProfile), six numbers of type DOUBLE: S and O of red, green and blue",
        "# variance = S x + O, x the linear raw value between black level (0) and white level (1)",
        "# camera\tISO\tNoiseProfile",
    ]
    return "\n".join([*head, *rows]) + "\n"


def darktable_isos(isos: Sequence[float]) -> list[int]:
    """ISO values for darktable, which wants four or more: ``isos`` and, where they are fewer, values between them.

    The values between are halfway in log ISO, where a noise model interpolates its parameters. ValueError for a single
    ISO value, between which there is nothing, and for values that darktable does not take.
    """
    found = sorted({round(iso) for iso in isos})
    if not 10 <= found[0] <= found[-1] <= 2_048_000:
        raise ValueError(f"darktable takes ISO values from 10 to 2048000, got {found[0]} to {found[-1]}")
    while len(found) < FEWEST:
        more = sorted({*found, *(round(math.sqrt(a * b)) for a, b in zip(found, found[1:], strict=False))})
        if more == found:
            known = ", ".join(f"{iso:g}" for iso in isos)
            raise ValueError(
                f"darktable needs {FEWEST} ISO values of a camera, but the model knows only ISO {known}: "
                "model bursts at more ISO values"
            )
        found = more
    return found


def darktable_profiles(model: NoiseModel, camera: str, maker: str | None = None) -> str:
    """The text of a ``noiseprofiles.json`` for darktable: var = a x + b per colour, at four or more ISO values.

    Arguments:
        model: a noise model with parameters at ISO knots.
        camera: name of the camera, with or without its maker in front.
        maker: one of :data:`MAKERS`; by default the one that the camera's name begins with.

    ValueError for a maker that darktable does not know, for a name that its file cannot hold, and for fewer ISO values
    than it needs.
    """
    model.context(torch.zeros(1, 4, 1, 1), camera, 100.0)  # names the known cameras where this is none of them
    named = [m for m in MAKERS if camera.lower().startswith(f"{m.lower()} ")]
    maker = maker or next(iter(named), None)
    if maker not in MAKERS:
        wrong = f"darktable does not know the maker {maker!r}" if maker else f"the maker of {camera} is not stated"
        raise ValueError(f"{wrong}: for darktable, give one of {', '.join(MAKERS)}")
    name = camera[len(maker) :].strip() if maker in named else camera
    knots = ask_for(model, HasKnots).isos[camera]
    isos = darktable_isos(knots)
    longest = f"{name} iso {isos[-1]}"
    if not re.fullmatch(r"[a-zA-Z0-9_\- ()*]{2,30}", name) or len(longest) > 38:
        raise ValueError(
            f"darktable cannot hold the name {name!r}: give the camera 2 to 30 letters, digits, spaces or _-()* "
            "(with the ISO at most 38)"
        )
    found = [profile(model, camera, min(max(iso, knots[0]), knots[-1])) for iso in isos]
    a, b = ([[nlf[k] for nlf in p.colours] for p in found] for k in (0, 1))
    rows = [{"name": f"{name} iso {i}", "iso": i, "a": s, "b": r} for i, s, r in zip(isos, a, b, strict=True)]
    comment = f"{name}, exported by n2nf. {max(found, key=lambda p: p.spread).words()}"
    models = [{"comment": comment, "model": name, "profiles": rows}]
    return json.dumps({"version": 0, "noiseprofiles": [{"maker": maker, "models": models}]}, indent=1) + "\n"
