"""What is reported of noise models on held-out patches: NLL, KL and regret, with intervals.

Patches at the same place of the same scene are not independent, so the bootstrap resamples places.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from n2nf_core import metrics
from n2nf_core.baselines.photon_transfer import PhotonTransfer
from n2nf_core.evaluation.held_out import HeldOut
from n2nf_core.types import NLF, HasNLF, NoiseModel, ask_for

SCALED_DEVIATION = 0.02
"""Standard deviation to which noise is scaled for ``scaled_kl_nats``; a bin of the paper is 0.2 / 64 wide."""


@torch.no_grad()
def nll(model: NoiseModel, held: HeldOut, chunk: int | None = None) -> Tensor:
    """-log p(n | x) / (C H W) for every patch: (N,) nats per dimension.

    Arguments:
        model: the noise model.
        held: the patches.
        chunk: number of patches to compute at once; None: 256 on the CPU, 4096 on other devices.
    """
    parts = [
        -model.log_prob(held.noise[part], _context(model, held, part)) / held.noise[0].numel()
        for part in _chunks(held, chunk)
    ]
    return torch.cat(parts)


def sample(model: NoiseModel, held: HeldOut, generator: torch.Generator, chunk: int | None = None) -> Tensor:
    """One sample n ~ p(n | x) for every patch: (N, 4, s, s) in [0, 1] units.

    Arguments:
        model: the noise model.
        held: the patches.
        generator: source of randomness, on the device of the patches.
        chunk: number of patches to compute at once; None: 256 on the CPU, 4096 on other devices.
    """
    noise = torch.empty_like(held.noise)  # filled in place, because a list would take as much again
    for part in _chunks(held, chunk):
        noise[part] = model.sample(_context(model, held, part), generator=generator)
    return noise


def _chunks(held: HeldOut, chunk: int | None) -> list[slice]:
    """Slices of the patches. Small ones fit into the cache of a CPU, and a GPU needs large ones."""
    count, chunk = len(held.noise), chunk or (256 if held.noise.device.type == "cpu" else 4096)
    return [slice(start, min(start + chunk, count)) for start in range(0, count, chunk)]


def _context(model: NoiseModel, held: HeldOut, part: slice):
    return model.context(held.clean[part], held.camera[part], held.iso[part])


def interval(values: Tensor, place: Tensor) -> tuple[float, list[float]]:
    """Mean over patches, and its 95 % bootstrap interval over places.

    If all patches have the same place, the interval is over patches.

    Arguments:
        values: (N,) one value per patch.
        place: (N,) integers, the place of every patch.
    """
    groups = place if len(place.unique()) > 1 else None
    found = metrics.bootstrap_interval(values, groups=groups)
    return found.mean, [found.low, found.high]


def score_noise_models(
    models: Mapping[str, NoiseModel], held: HeldOut, truth: NoiseModel | None = None, seed: int = 0
) -> dict[str, dict]:
    """NLL, KL, KL floor, pooled KL and, where the true density is known, regret of every model, with intervals.

    regret = NLL(model) - NLL(truth) on the same patches, nats per dimension. KL is in nats. The bins of ``kl_nats`` are
    those of the paper, 0.003 wide, which say little about narrower noise. For ``scaled_kl_nats`` noise and samples of
    each camera and ISO are scaled so that the noise has the standard deviation 0.02, about 6 bins.

    Arguments:
        models: name -> noise model.
        held: the patches.
        truth: the true density, or None if it is not known.
        seed: fixes the samples for the KL.

    Returns name -> row. The keys end with the unit; the key of an interval ends with ``_interval``. ``patches`` were
    scored, a random choice where ``patches_left_out`` is above 0.
    """
    true_nll, scale = None if truth is None else nll(truth, held), _to_bins(held)
    rows = {}
    for name, model in models.items():
        generator = torch.Generator(held.noise.device).manual_seed(seed)
        first, second = sample(model, held, generator), sample(model, held, generator)
        values = {"nll_nats_per_dim": nll(model, held)}
        values["kl_nats"], values["kl_floor_nats"] = metrics.marginal_kl(held.noise, first, floor=second)
        pooled = float(metrics.pooled_kl(held.noise, first))
        scaled = metrics.marginal_kl(scale * held.noise, first.mul_(scale), floor=second.mul_(scale))
        values["scaled_kl_nats"], values["scaled_kl_floor_nats"] = scaled
        if true_nll is not None:
            values["regret_nats_per_dim"] = values["nll_nats_per_dim"] - true_nll
        row = {}
        for key, value in values.items():
            row[key], row[f"{key}_interval"] = interval(value, held.place)
        rows[name] = row | {"pooled_kl_nats": pooled} | held.counts()
    return rows


def _to_bins(held: HeldOut) -> Tensor:
    """The factor (N, 1, 1, 1) that gives the noise of each camera and ISO the deviation :data:`SCALED_DEVIATION`."""
    settings = {setting: k for k, setting in enumerate(held.settings)}
    row = torch.tensor([settings[setting] for setting in zip(held.camera, held.iso, strict=True)])
    power = torch.cat([held.noise[part].square().mean((1, 2, 3)) for part in _chunks(held, None)])
    means = torch.stack([power[row == k].mean() for k in range(len(settings))])
    return (SCALED_DEVIATION / means.sqrt().clamp(min=1e-12))[row][:, None, None, None]


def nll_gain(model: NoiseModel, baseline: NoiseModel, held: HeldOut) -> tuple[float, list[float]]:
    """NLL(model) - NLL(baseline) in nats per dimension, paired by patch, with its 95 % interval.

    Below 0 the model is better.

    Arguments:
        model: the noise model.
        baseline: the noise model to compare with.
        held: the patches.
    """
    return interval(nll(model, held) - nll(baseline, held), held.place)


def recovered_nlf(
    models: Mapping[str, NoiseModel],
    fits: Mapping[str, Mapping[float, PhotonTransfer]],
    truth: NoiseModel | None = None,
) -> dict[str, dict[str, dict[str, float]]]:
    """Shot and read of every model, per camera and ISO, and their ratios to the true values if these are known.

    Arguments:
        models: name -> noise model, which has ``nlf()``.
        fits: camera -> ISO -> the fit of photon transfer, which gives the standard errors of the row "photon_transfer".
        truth: the true noise model, or None if it is not known.

    Returns "<camera> <ISO>" -> name -> row. Shot and read are variances in [0, 1] units squared.
    """
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for camera, row in fits.items():
        for iso, fit in row.items():
            setting = rows.setdefault(f"{camera} {iso:g}", {})
            for name, model in models.items():
                found = NLF(*ask_for(model, HasNLF).nlf()[camera][iso])
                entry = {"shot": found.shot, "read": found.read}
                if name == "photon_transfer":
                    entry |= {"shot_error": fit.shot_error, "read_error": fit.read_error}
                if truth is not None:
                    known = NLF(*ask_for(truth, HasNLF).nlf()[camera][iso])._asdict()
                    entry |= {f"{key}_ratio": entry[key] / known[key] for key in known}
                    entry |= {
                        f"{k}_ratio_error": entry[f"{k}_error"] / known[k] for k in known if f"{k}_error" in entry
                    }
                setting[name] = entry
    return rows
