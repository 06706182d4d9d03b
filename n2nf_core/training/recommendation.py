"""Which noise term to train with: measured on the bursts, with what each term is expected to cost.

A noise model that has learned the law q of a residual instead of the law p of the noise has the regret KL(p, q), here
between sinh-arcsinh laws with the measured skewness g3 and excess kurtosis g4. To leading order it is, in nats per
dimension,

    1/2 (log(1 + rho) - rho / (1 + rho))   where the residual has the variance s2 (1 + rho); about rho^2 / 4
  + dg3^2 / 12 + dg4^2 / 48                where its skewness and excess kurtosis are off by dg3 and dg4

The regret is the NLL of the learned law q on true noise less that of p, so p comes first: KL(q, p) would have the
term 1/2 (rho - log(1 + rho)), which is about rho^2 / 4, too, and larger for a large rho. That one is what true noise as
a model loses on the residual.

Of the leading terms and KL(p, q) the smaller is taken: the leading terms are too large for heavy tails, and KL is too
large where a law ends on one side. A model that looks up the variance b1 x + b2 at a signal with an error of variance
d^2 sees a mixture of variances, whose excess kurtosis is larger by 3 (b1 / s2)^2 d^2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core import losses
from n2nf_core.baselines import NoiseShape, Recording, measure_noise_shape
from n2nf_core.baselines.photon_transfer import PhotonTransfer
from n2nf_core.bursts import Burst
from n2nf_core.losses import Law, NoiseTerm, Reshaped, Reshaping
from n2nf_core.losses.sinh_arcsinh import divergence, with_cumulants
from n2nf_core.types import Denoiser

TIE = 1e-4
"""Nats per dimension. Of terms whose expected regrets differ by less, the one that measures less is chosen."""

NONE = torch.zeros((), dtype=torch.float64)


class Setting(NamedTuple):
    """What was measured on the bursts of one camera at one ISO.

    Arguments:
        camera: its name.
        iso: the ISO setting.
        shape: the noise along the signal.
        shot: slope of the variance, in [0, 1] units.
    """

    camera: str
    iso: float
    shape: NoiseShape
    shot: float

    def means(self) -> dict[str, tuple[float, float]]:
        """Means over the bins of rho, g3 and g4, each with its standard error."""
        found = {}
        for name in ("rho", "skewness", "kurtosis"):
            value, error = getattr(self.shape, name), getattr(self.shape, f"{name}_error")
            found[name] = float(value.mean()), float(error.square().sum().sqrt() / len(error))
        return found

    def regrets(self) -> dict[str, float]:
        """Name of a term -> its expected regret in nats per dimension, for terms that the number of frames allows."""
        shape, (kept3, kept4) = self.shape, kept_by_contrast(self.shape.frames)
        g3, g4, same, rho = shape.skewness, shape.kurtosis, shape.pixel_kurtosis, shape.rho.clamp(min=0)
        scale = 3 * self.shot**2 / shape.variance
        denoised, mixed = scale * rho, scale / (shape.frames + 1 / rho.clamp(min=1e-6))
        noise = with_cumulants(g3, g4)

        def learned(skewness: Tensor, kurtosis: Tensor, extra: Tensor = NONE) -> Tensor:
            leading = (extra.log1p() - extra / (1 + extra)) / 2 + (skewness - g3) ** 2 / 12 + (kurtosis - g4) ** 2 / 48
            return leading.minimum(divergence(noise, with_cumulants(skewness, kurtosis), 1 + extra))

        residual = shape.residual_skewness, shape.residual_kurtosis
        of_errors = learned(g3 + shape.skewness_error, g4 + shape.kurtosis_error + mixed)
        found = {
            "cross_sample": learned(*residual, rho),
            "pair_difference": learned(0 * g3, (g4 + same) / 2 + denoised),
            "rescaled_cross_sample": learned(*residual),
            "leave_one_out": learned(kept3 * g3, kept4 * (g4 - same) + same + mixed),
            "reshaped_leave_one_out": of_errors,
            "reshaped_pair_difference": of_errors,
        }
        many = shape.frames > 2
        return {name: float(v.mean()) for name, v in found.items() if many or not name.endswith("leave_one_out")}


def kept_by_contrast(frames: int) -> tuple[float, float]:
    """Shares of skewness and excess kurtosis that sqrt((T - 1)/T) (y - mean of the others) keeps.

    They are a^3 (1 - 1/(T-1)^2) and a^4 (1 + 1/(T-1)^3) with a^2 = (T - 1)/T. frames: T, at least 2.

    >>> kept_by_contrast(2)
    (0.0, 0.5)
    """
    a2, others = (frames - 1) / frames, frames - 1
    return a2**1.5 * (1 - 1 / others**2), a2**2 * (1 + 1 / others**3)


@dataclass(frozen=True)
class Recommendation:
    """A noise term, and what its choice rests on. It prints itself.

    Arguments:
        choice: name of the term.
        regrets: name of a term -> expected regret in nats per dimension, the mean over settings.
        settings: what was measured, for each camera and ISO.
        terms: name -> noise term, for all terms that the bursts allow.
    """

    choice: str
    regrets: Mapping[str, float]
    settings: Sequence[Setting]
    terms: Mapping[str, NoiseTerm]

    @property
    def term(self) -> NoiseTerm:
        """The noise term that is recommended."""
        return self.terms[self.choice]

    def __str__(self) -> str:
        lines = [
            f"recommended noise term: {self.choice}",
            "camera ISO frames: rho, skewness, excess kurtosis of the noise",
        ]
        for setting in self.settings:
            values = ", ".join(f"{value:.3f} +- {error:.3f}" for value, error in setting.means().values())
            lines.append(f"  {setting.camera} {setting.iso:g} {setting.shape.frames}: {values}")
        lines.append("expected regret, nats per dimension")
        lines += [f"  {name}: {value:.4f}" for name, value in sorted(self.regrets.items(), key=lambda item: item[1])]
        return "\n".join(lines)


@torch.no_grad()
def measure_settings(
    bursts: Sequence[Burst], denoiser: Denoiser, fits: Mapping[str, Mapping[float, PhotonTransfer]]
) -> list[Setting]:
    """The shape of the noise for every camera and ISO of the bursts.

    Arguments:
        bursts: of static scenes.
        denoiser: D, already trained.
        fits: camera -> ISO -> photon transfer of the bursts.
    """
    groups: dict[tuple[str, float], list[Recording]] = {}
    for burst in bursts:
        frames = burst.planes(slice(None))
        groups.setdefault((burst.camera, float(burst.iso)), []).append(Recording(frames, denoiser(frames[:2])))
    found = []
    for (camera, iso), recordings in sorted(groups.items()):
        nlf = fits[camera][iso].nlf()
        found.append(Setting(camera, iso, measure_noise_shape(recordings, nlf), nlf.shot))
    return found


def recommend_noise_term(
    bursts: Sequence[Burst],
    denoiser: Denoiser,
    fits: Mapping[str, Mapping[float, PhotonTransfer]],
    cameras: Sequence[str],
) -> Recommendation:
    """The noise term of the least expected regret on these bursts, without a clean image.

    Of terms that differ by less than :data:`TIE`, the first in the order of :func:`noise_terms` is taken.

    Arguments:
        bursts: the training bursts.
        denoiser: D, already trained, in evaluation mode.
        fits: camera -> ISO -> photon transfer of the bursts.
        cameras: the names that the numbers of cameras in the pairs refer to.
    """
    settings = measure_settings(bursts, denoiser, fits)
    frames = min(setting.shape.frames for setting in settings)
    settings = [s._replace(shape=s.shape._replace(frames=frames)) for s in settings]
    rows = [setting.regrets() for setting in settings]
    regrets = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    least = min(regrets.values())
    choice = next(name for name, value in regrets.items() if value <= least + TIE)
    return Recommendation(choice, regrets, settings, noise_terms(settings, cameras))


def noise_terms(settings: Sequence[Setting], cameras: Sequence[str]) -> dict[str, NoiseTerm]:
    """Name -> noise term, from those that measure least to those whose map changes most.

    Arguments:
        settings: what was measured.
        cameras: the names that the numbers of cameras in the pairs refer to.
    """
    frames = min(setting.shape.frames for setting in settings)
    of_pairs, of_bursts, of_denoised = (
        tuple(_reshaping(s, list(cameras).index(s.camera), kept) for s in settings)
        for kept in (kept_by_contrast(2), kept_by_contrast(frames), None)
    )
    many = losses.OfManyFrames(frames)
    found: dict[str, NoiseTerm] = {
        "cross_sample": losses.cross_sample,
        "pair_difference": losses.pair_difference,
        "rescaled_cross_sample": Reshaped(losses.of_denoised, of_denoised, scale_only=True),
        "leave_one_out": Reshaped(many, of_bursts, scale_only=True),
        "reshaped_leave_one_out": Reshaped(many, of_bursts),
        "reshaped_pair_difference": Reshaped(losses.of_two_frames, of_pairs),
    }
    return found if frames > 2 else {name: term for name, term in found.items() if not name.endswith("leave_one_out")}


def _reshaping(setting: Setting, camera: int, kept: tuple[float, float] | None) -> Reshaping:
    """The measured laws: of the noise, and of a contrast that keeps these shares, or (None) of y1 - D(y2)."""
    shape = setting.shape
    deviation = shape.variance.sqrt()
    skewness = _shrunk(shape.skewness, shape.skewness_error)
    kurtosis = _shrunk(shape.kurtosis, shape.kurtosis_error)
    noise = _law(deviation, skewness, kurtosis)
    if kept is None:
        inflated = deviation * (1 + shape.rho.clamp(min=0)).sqrt()
        residual, share = _law(inflated, shape.residual_skewness, shape.residual_kurtosis), 1.0
    else:
        same = shape.pixel_kurtosis.minimum(kurtosis.clamp(min=0))
        left = kept[1] * (kurtosis - same) + same
        residual, share = _law(deviation, kept[0] * skewness, left), shape.denoised_share
    return Reshaping(camera, setting.iso, _rounded(shape.signal), noise, residual, float(f"{share:.5g}"))


def _shrunk(value: Tensor, error: Tensor) -> Tensor:
    """value * max(1 - error^2 / value^2, 0): what is no larger than its error is 0 (James and Stein, positive part)."""
    return value * (1 - (error / value.abs().clamp(min=1e-12)).square()).clamp(min=0)


def _law(deviation: Tensor, skewness: Tensor, kurtosis: Tensor) -> Law:
    return Law(_rounded(deviation), _rounded(skewness), _rounded(kurtosis))


def _rounded(values: Tensor) -> tuple[float, ...]:
    """Five digits, so that a training that goes on elsewhere has the same term in spite of other rounding."""
    return tuple(float(f"{value:.5g}") for value in values.tolist())
