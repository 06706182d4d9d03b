"""The numbers of a camera: photon transfer of its bursts in DN and in electrons, as a data sheet states them.

    var(m) = K m + d^2,    read = sqrt(d^2 - q^2 / 12),    m in DN above black

K is the system gain in DN per electron and d the temporal dark noise; q is the step of the numbers, whose rounding adds
q^2 / 12. Where the noise is below half a step, rounding adds another, unknown amount, and the error of the read noise
includes it. Names and definitions are those of the EMVA Standard 1288, release 4.0, with these differences: the scene
need not be uniform, so that the variance is that over time of every pixel; every point of the line has the weight of
its error; pixels that vary too much are left out of the line, but not of dark frames; quantities that need a count of
photons or exposure times are not computed: quantum efficiency, and the linearity error, in whose place the bend of the
variance line stands. The standard's own definitions, for flat fields, are in :mod:`n2nf_core.evaluation.emva1288`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.baselines.skewness import ThirdCumulant, third_cumulant
from n2nf_core.baselines.temporal import temporal
from n2nf_core.bursts import Burst
from n2nf_core.evaluation import nonuniformity
from n2nf_core.evaluation.nonuniformity import InDN, Level

GROUPS = {"all": (0, 1, 2, 3), "R": (0,), "Gr": (1,), "Gb": (2,), "B": (3,)}
"""Planes that are measured together, by name."""
USED = 0.7  # of the signal at saturation: the range that EMVA 1288 fits the line to
DARKEST = 0.02  # share of the blocks that are darker than the darkest signal, which one block alone does not state
HIDDEN = 0.03  # share of its variance that rounding may add or take away, above which other bursts are used, if any


@dataclass(frozen=True)
class Numbers:
    """The numbers of one colour plane, or of all together. ``None`` stands for what the data do not show.

    Arguments:
        gain_dn_per_electron, gain_dn_per_electron_error: system gain K and its standard error.
        read_dn, read_dn_error: temporal dark noise without rounding (sigma_d K of EMVA 1288), with its standard error.
        rounding_share: share of the squared error of the read noise that is due to rounding to whole steps.
        dark_noise_dn: temporal dark noise with rounding (sigma_y.dark).
        read_electrons, read_electrons_error: read noise over K.
        darkest_electrons: signal of the darkest blocks, from which the line extrapolates to the read noise; None where
            dark frames give it.
        saturation_dn: signal at which the temporal variance falls (mu_y.sat - mu_y.dark), or else the white level.
        saturation_seen: whether it is the former; if not, it is the most that the file can hold.
        full_well_electrons: saturation capacity mu_e.sat, saturation over K.
        snr_max, snr_max_db: sqrt(mu_e.sat), shot noise alone; 20 log10.
        dynamic_range, dynamic_range_db: mu_e.sat / (dark noise in electrons + 1/2); 20 log10.
        bend_percent, bend_percent_error: where the variance is a parabola, how far it departs from its tangent in the
            dark, at the brightest signal, as a share of K times that signal.
        row_noise_dn, row_noise_dn_error: part of the read noise that the pixels of a row share.
        skewness_ratio, skewness_ratio_error: slope of the third cumulant over K^2; 1 for Poisson noise, 0 for Gaussian.
        prnu_percent: photo response nonuniformity, of a uniformly lit burst.
        dsnu_dn, dsnu_electrons: dark signal nonuniformity, of dark frames.
        excluded_percent: pixels that were left out of the line.
    """

    gain_dn_per_electron: float
    gain_dn_per_electron_error: float
    read_dn: float
    read_dn_error: float
    rounding_share: float
    dark_noise_dn: float
    read_electrons: float | None
    read_electrons_error: float | None
    darkest_electrons: float | None
    saturation_dn: float
    saturation_seen: bool
    full_well_electrons: float | None
    snr_max: float | None
    snr_max_db: float | None
    dynamic_range: float | None
    dynamic_range_db: float | None
    bend_percent: float | None
    bend_percent_error: float | None
    row_noise_dn: float
    row_noise_dn_error: float
    skewness_ratio: float | None
    skewness_ratio_error: float | None
    prnu_percent: float | None
    dsnu_dn: float | None
    dsnu_electrons: float | None
    excluded_percent: float

    def as_dict(self) -> dict:
        """The fields by name; a number that is not finite is None."""
        found = asdict(self)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in found.items()}


class Measured(NamedTuple):
    """The numbers of a group of planes, and what they were read from, in DN.

    numbers: as on a data sheet. curve: third cumulant, and in ``curve.variance_line`` photon transfer.
    """

    numbers: Numbers
    curve: ThirdCumulant


def measure_camera(bursts: Sequence[Burst], darks: Sequence[Burst] = ()) -> dict[str, Measured]:
    """The numbers of a camera at one ISO: "all" planes together, and of a colour sensor "R", "Gr", "Gb" and "B".

    Arguments:
        bursts: static scenes or flat fields of one camera at one ISO, of two frames or more each.
        darks: bursts of dark frames. Their mean is the black level, and their temporal variance the dark noise. Each
            dark frame has its own mean, so that a level that moves from frame to frame is not taken for noise.

    Errors: ValueError as in :func:`~n2nf_core.baselines.photon_transfer.photon_transfer`, and for a group of several
    cameras, ISO values or colour filters.

    >>> rng = np.random.default_rng(0)
    >>> electrons = rng.poisson(np.broadcast_to(np.linspace(20, 900, 64), (4, 4, 64, 64)))
    >>> frames = np.round(64 + 2 * electrons + rng.normal(0, 3, electrons.shape)).astype(np.uint16)
    >>> numbers = measure_camera([Burst(frames, 64, 4095, "MONO", "mine", 100, "ramp")])["all"].numbers
    >>> abs(numbers.gain_dn_per_electron - 2) < 4 * numbers.gain_dn_per_electron_error
    True
    """
    settings = {(b.camera, b.iso, b.cfa) for b in [*bursts, *darks]}
    if len(settings) > 1:
        raise ValueError(f"one measurement is of one camera, ISO and colour filter, got {sorted(settings)}")
    groups = GROUPS if bursts and bursts[0].cfa != raw.MONO else {"all": GROUPS["all"]}
    return {name: _measure(bursts, darks, index) for name, index in groups.items()}


def _measure(bursts: Sequence[Burst], darks: Sequence[Burst], index: Sequence[int]) -> Measured:
    means = [[burst.frames[t].mean((1, 2), dtype=np.float64) for t in range(len(burst))] for burst in darks]
    dark_stacks = [InDN(burst, index, rows) for burst, rows in zip(darks, means, strict=True)]
    black = np.concatenate(means).mean(0) if darks else None
    stacks = [InDN(b, index, [b.black if black is None else black] * len(b)) for b in bursts]
    levels = [nonuniformity.level(temporal(stack)) for stack in stacks]
    dark_levels, dark_variances = [], []
    for stats in map(temporal, dark_stacks):
        dark_levels.append(nonuniformity.level(stats))
        dark_variances.append(stats.variance.flatten())
    white = min(s.burst.white - max(s.black[0][k] for k in index) for s in stacks)
    seen = nonuniformity.saturation_signal(levels)
    saturation = white if seen is None else min(seen, white)
    step = nonuniformity.step_of(bursts)
    lit, unlit = nonuniformity.above_own_black(stacks, dark_stacks)
    used, dark_used, rounding = _resolved(levels, dark_levels, step)
    lit = [stack for stack, good in zip(lit, used, strict=True) if good]
    unlit, dark_variances = (unlit, dark_variances) if dark_used else ([], [])
    curve = third_cumulant([*lit, *unlit], saturation=USED * saturation)
    dark, dark_error = _dark_variance(curve, dark_levels, dark_variances, unlit)
    darkest = min(zip(levels, stacks, strict=True), key=lambda each: each[0].signal)[1]
    quietest = dark_stacks[0] if dark_stacks else darkest
    rows = nonuniformity.row_noise(quietest, temporal(quietest))
    fixed = (nonuniformity.prnu(levels, dark_levels, saturation), nonuniformity.dsnu(dark_levels))
    return Measured(
        _numbers(curve, (dark, dark_error, rounding, step, not unlit), (saturation, seen is not None), rows, fixed),
        curve,
    )


def _resolved(levels: Sequence[Level], darks: Sequence[Level], step: float) -> tuple[list[bool], bool, float]:
    """Which bursts are used, whether the dark ones are, and the largest error that rounding gives their variances.

    Rounding hides noise below half a step. More light shakes the numbers over the steps, so the line through brighter
    bursts knows the dark noise. If there are not enough of them, all bursts are used.

    levels, darks: of the bursts and of the dark ones. step: of the numbers.
    """
    errors, of_darks = ([nonuniformity.rounding_error(each, step) for each in group] for group in (levels, darks))
    used = [error <= HIDDEN * each.variance for error, each in zip(errors, levels, strict=True)]
    dark_used = all(error <= HIDDEN * each.variance for error, each in zip(of_darks, darks, strict=True))
    if sum(used) + bool(darks and dark_used) < 2 or not any(used):
        used = [True] * len(levels)
    known = [error for error, good in zip(errors, used, strict=True) if good]
    return used, dark_used, max(known + of_darks * dark_used)


def _dark_variance(
    curve: ThirdCumulant, levels: Sequence, variances: Sequence[Tensor], stacks: Sequence[InDN]
) -> tuple[float, float]:
    """Variance at signal 0 and its error: that of the dark frames, if there are any, and else of the line."""
    if not stacks:
        return curve.variance_line.read, curve.variance_line.read_error
    every = torch.cat(list(variances)).double()
    weight = sum((len(s.burst) - 1) for s in stacks)
    mean = sum((len(s.burst) - 1) * each.variance for s, each in zip(stacks, levels, strict=True)) / weight
    return mean, float(every.std()) / len(every) ** 0.5


def _numbers(curve: ThirdCumulant, dark: tuple, saturation: tuple, rows: tuple, fixed: tuple) -> Numbers:
    """Arguments in DN.

    Arguments:
        curve: with the line.
        dark: variance in the dark, its errors by chance and by rounding, the step, and whether it is that of the line.
        saturation: the signal, and whether it was seen.
        rows: row noise and its error.
        fixed: PRNU and DSNU.
    """
    line, (variance, chance, rounding, step, extrapolated) = curve.variance_line, dark
    gain, gain_error = line.shot, line.shot_error
    read, read_error = nonuniformity.root(variance - step**2 / 12, math.hypot(chance, rounding))
    brightest = float(line.signal.max())
    known = gain > 0
    dark_noise, sat = math.sqrt(variance), saturation[0]
    electrons = sat / gain if known else None
    span = electrons / (dark_noise / gain + 0.5) if known else None
    part = read_error**2 / max(read, read_error) ** 2 + gain_error**2 / gain**2 if known else None
    return Numbers(
        gain_dn_per_electron=gain,
        gain_dn_per_electron_error=gain_error,
        read_dn=read,
        read_dn_error=read_error,
        rounding_share=rounding**2 / (chance**2 + rounding**2) if rounding else 0.0,
        dark_noise_dn=dark_noise,
        read_electrons=read / gain if known else None,
        read_electrons_error=max(read, read_error) / gain * math.sqrt(part) if known else None,
        darkest_electrons=float(np.quantile(line.signal, DARKEST)) / gain if known and extrapolated else None,
        saturation_dn=sat,
        saturation_seen=saturation[1],
        full_well_electrons=electrons,
        snr_max=math.sqrt(electrons) if known else None,
        snr_max_db=10 * math.log10(electrons) if known else None,
        dynamic_range=span,
        dynamic_range_db=20 * math.log10(span) if known else None,
        bend_percent=100 * line.curvature * brightest / gain if known else None,
        bend_percent_error=100 * line.curvature_error * brightest / gain if known else None,
        row_noise_dn=rows[0],
        row_noise_dn_error=rows[1],
        skewness_ratio=curve.slope / gain**2 if known else None,
        skewness_ratio_error=curve.slope_error / gain**2 if known else None,
        prnu_percent=None if fixed[0] is None else 100 * fixed[0],
        dsnu_dn=fixed[1],
        dsnu_electrons=fixed[1] / gain if known and fixed[1] is not None else None,
        excluded_percent=100 * line.excluded,
    )
