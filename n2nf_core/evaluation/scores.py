"""What is reported on held-out patches and frames: NLL, KL, regret, PSNR and SSIM, with intervals.

Patches at the same place of the same scene are not independent, so the bootstrap resamples places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from n2nf_core import metrics, tiles
from n2nf_core.baselines.photon_transfer import PhotonTransfer
from n2nf_core.bursts import Burst
from n2nf_core.evaluation.held_out import HeldOut
from n2nf_core.types import NLF, HasNLF, NoiseModel, ask_for


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


def sample(
    model: NoiseModel, held: HeldOut, generator: torch.Generator, chunk: int | None = None
) -> Tensor:
    """One sample n ~ p(n | x) for every patch: (N, 4, s, s) in [0, 1] units.

    Arguments:
        model: the noise model.
        held: the patches.
        generator: source of randomness, on the device of the patches.
        chunk: number of patches to compute at once; None: 256 on the CPU, 4096 on other devices.
    """
    parts = [model.sample(_context(model, held, part), generator=generator) for part in _chunks(held, chunk)]
    return torch.cat(parts)


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

    regret = NLL(model) - NLL(truth) on the same patches, nats per dimension. KL is in nats.

    Arguments:
        models: name -> noise model.
        held: the patches.
        truth: the true density, or None if it is not known.
        seed: fixes the samples for the KL.

    Returns name -> row. The keys end with the unit; the key of an interval ends with ``_interval``.
    """
    true_nll = None if truth is None else nll(truth, held)
    rows = {}
    for name, model in models.items():
        generator = torch.Generator(held.noise.device).manual_seed(seed)
        first, second = sample(model, held, generator), sample(model, held, generator)
        values = {"nll_nats_per_dim": nll(model, held)}
        values["kl_nats"], values["kl_floor_nats"] = metrics.marginal_kl(held.noise, first, floor=second)
        if true_nll is not None:
            values["regret_nats_per_dim"] = values["nll_nats_per_dim"] - true_nll
        row = {}
        for key, value in values.items():
            row[key], row[f"{key}_interval"] = interval(value, held.place)
        rows[name] = row | {"pooled_kl_nats": float(metrics.pooled_kl(held.noise, first))}
    return rows


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


Denoise = Callable[[Burst], Tensor]
"""A burst -> its frames, each denoised on its own, (T, 4, h, w) in [0, 1] units."""


def network(denoiser: torch.nn.Module) -> Denoise:
    """A network as a :data:`Denoise`. It is applied in evaluation mode, frame by frame and in tiles."""

    def denoise(burst: Burst) -> Tensor:
        denoiser.eval()
        return torch.cat([tiles.denoise(denoiser, burst.planes(t)) for t in range(len(burst))])

    return denoise


def noisy(burst: Burst) -> Tensor:
    """The noisy frames, not denoised: the baseline that every denoiser must beat."""
    return burst.planes(range(len(burst)))


def frame_scores(denoise: Denoise, bursts: Sequence[Burst]) -> tuple[dict[str, Tensor], Tensor]:
    """PSNR (dB) and SSIM of every frame against its reference, and the group of every frame for intervals.

    The data range is 1. SSIM is left out where a burst has planes of fewer than 11 x 11 pixels. A group is a burst. For
    a single burst a group is a frame. These frames share a scene, so the interval then says nothing about other scenes.

    Arguments:
        denoise: the denoiser.
        bursts: held-out bursts.

    Returns the values ``psnr_db`` and ``ssim``, (frames,) each, and the groups (frames,).
    """
    scores = {"psnr_db": metrics.psnr}
    if min(min(burst.shape[2:]) for burst in bursts) >= metrics.SSIM_WINDOW:
        scores["ssim"] = metrics.ssim
    found, group = {name: [] for name in scores}, []
    for number, burst in enumerate(bursts):
        estimate, truth = denoise(burst), burst.reference()
        for name, score in scores.items():
            found[name].append(score(estimate, truth, data_range=1.0))
        group.append(torch.full((len(burst),), number))
    groups = torch.cat(group) if len(bursts) > 1 else torch.arange(len(bursts[0]))
    return {name: torch.cat(values) for name, values in found.items()}, groups


def score_denoisers(denoisers: Mapping[str, Denoise], bursts: Sequence[Burst]) -> dict[str, dict]:
    """Means of :func:`frame_scores` for every denoiser, with their 95 % intervals over groups."""
    rows = {}
    for name, denoise in denoisers.items():
        values, group = frame_scores(denoise, bursts)
        row = rows[name] = {}
        for key, value in values.items():
            row[key], row[f"{key}_interval"] = interval(value, group)
    return rows


def psnr_gain(denoise: Denoise, other: Denoise, bursts: Sequence[Burst]) -> tuple[float, list[float]]:
    """PSNR(denoise) - PSNR(other) in dB, paired by frame, with its 95 % interval. Above 0 the first one is better.

    Arguments:
        denoise: the denoiser.
        other: the denoiser to compare with.
        bursts: held-out bursts.
    """
    (first, group), (second, _) = frame_scores(denoise, bursts), frame_scores(other, bursts)
    return interval(first["psnr_db"] - second["psnr_db"], group)


@torch.no_grad()
def denoiser_error(denoiser: torch.nn.Module, bursts: Sequence[Burst]) -> dict[str, float]:
    """Mean squared error of D: from pairs, as |D(y1) - y2|^2 - |y1 - y2|^2 / 2, and against the reference.

    The first two frames of every burst are used, for the estimate from pairs in both directions. The error against the
    reference is left out if a burst has no clean signal.

    Arguments:
        denoiser: D, (B, 4, h, w) -> (B, 4, h, w) in [0, 1] units.
        bursts: held-out bursts.

    Returns noise_variance, estimated_from_pairs and against_clean, in [0, 1] units squared.
    """
    sums = {"noise_variance": 0.0, "estimated_from_pairs": 0.0, "against_clean": 0.0}
    for burst in bursts:
        first, second = burst.planes([0, 1]).double().unbind()
        d1, d2 = tiles.denoise(denoiser, burst.planes([0, 1])).double().unbind()
        noise = float((first - second).square().mean() / 2)
        pair_error = float(((d1 - second).square().mean() + (d2 - first).square().mean()) / 2)
        sums["noise_variance"] += noise
        sums["estimated_from_pairs"] += pair_error - noise
        sums["against_clean"] += float((d1 - burst.reference()[0]).square().mean())
    known = all(burst.clean is not None for burst in bursts)
    return {key: value / len(bursts) for key, value in sums.items() if known or key != "against_clean"}
