"""What is reported on held-out patches and frames: NLL, KL, regret, PSNR and SSIM with intervals.

Patches at one place of one scene are not independent, so intervals resample places.
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
    """-log p(n | x) per dimension for every patch, (N,) nats."""
    parts = [
        -model.log_prob(held.noise[part], _context(model, held, part)) / held.noise[0].numel()
        for part in _chunks(held, chunk)
    ]
    return torch.cat(parts)


def sample(
    model: NoiseModel, held: HeldOut, generator: torch.Generator, chunk: int | None = None
) -> Tensor:
    """One sample of the model for every patch, (N, 4, s, s)."""
    parts = [model.sample(_context(model, held, part), generator=generator) for part in _chunks(held, chunk)]
    return torch.cat(parts)


def _chunks(held: HeldOut, chunk: int | None) -> list[slice]:
    """Patches to work on at once: few stay in a processor's cache, a GPU wants many."""
    count, chunk = len(held.noise), chunk or (256 if held.noise.device.type == "cpu" else 4096)
    return [slice(start, min(start + chunk, count)) for start in range(0, count, chunk)]


def _context(model: NoiseModel, held: HeldOut, part: slice):
    return model.context(held.clean[part], held.camera[part], held.iso[part])


def interval(values: Tensor, place: Tensor) -> tuple[float, list[float]]:
    """Mean over patches and its 95 % bootstrap interval over places."""
    groups = place if len(place.unique()) > 1 else None
    found = metrics.bootstrap_interval(values, groups=groups)
    return found.mean, [found.low, found.high]


def score_noise_models(
    models: Mapping[str, NoiseModel], held: HeldOut, truth: NoiseModel | None = None, seed: int = 0
) -> dict[str, dict]:
    """Per model NLL, KL, KL floor, pooled KL and, where the true density is known, regret; with intervals.

    regret = NLL(model) - NLL(truth) on the same patches, nats per dimension.
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
    """NLL(model) - NLL(baseline), paired by patch, with its interval: below 0 the model is better."""
    return interval(nll(model, held) - nll(baseline, held), held.place)


def recovered_nlf(
    models: Mapping[str, NoiseModel],
    fits: Mapping[str, Mapping[float, PhotonTransfer]],
    truth: NoiseModel | None = None,
) -> dict[str, dict[str, dict[str, float]]]:
    """Shot and read of every model per setting, the standard errors of photon transfer, ratios to a known truth."""
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
"""A burst -> every frame of it denoised alone, (T, 4, h, w)."""


def network(denoiser: torch.nn.Module) -> Denoise:
    """A network as a :data:`Denoise`, frame by frame and in tiles, in evaluation mode."""

    def denoise(burst: Burst) -> Tensor:
        denoiser.eval()
        return torch.cat([tiles.denoise(denoiser, burst.planes(t)) for t in range(len(burst))])

    return denoise


def noisy(burst: Burst) -> Tensor:
    """The frames as they are: the row that every denoiser must beat."""
    return burst.planes(range(len(burst)))


def frame_scores(denoise: Denoise, bursts: Sequence[Burst]) -> tuple[dict[str, Tensor], Tensor]:
    """psnr_db and ssim (data range 1) of every frame against its reference, and the frames' groups for intervals.

    A group is a burst. One burst alone is grouped by frames, which share a scene: it tells the noise, not the scene.
    """
    psnr, ssim, group = [], [], []
    for number, burst in enumerate(bursts):
        estimate, truth = denoise(burst), burst.reference()
        psnr.append(metrics.psnr(estimate, truth, data_range=1.0))
        ssim.append(metrics.ssim(estimate, truth, data_range=1.0))
        group.append(torch.full((len(burst),), number))
    groups = torch.cat(group) if len(bursts) > 1 else torch.arange(len(bursts[0]))
    return {"psnr_db": torch.cat(psnr), "ssim": torch.cat(ssim)}, groups


def score_denoisers(denoisers: Mapping[str, Denoise], bursts: Sequence[Burst]) -> dict[str, dict]:
    """Means of :func:`frame_scores` per denoiser, with their intervals over groups."""
    rows = {}
    for name, denoise in denoisers.items():
        values, group = frame_scores(denoise, bursts)
        row = rows[name] = {}
        for key, value in values.items():
            row[key], row[f"{key}_interval"] = interval(value, group)
    return rows


def psnr_gain(denoise: Denoise, other: Denoise, bursts: Sequence[Burst]) -> tuple[float, list[float]]:
    """PSNR(denoise) - PSNR(other) in dB, paired by frame, with its interval: above 0 the first is better."""
    (first, group), (second, _) = frame_scores(denoise, bursts), frame_scores(other, bursts)
    return interval(first["psnr_db"] - second["psnr_db"], group)


@torch.no_grad()
def denoiser_error(denoiser: torch.nn.Module, bursts: Sequence[Burst]) -> dict[str, float]:
    """Mean square error of D, from pairs: |D(y1) - y2|^2 - |y1 - y2|^2 / 2; against the reference where it is known.

    Variances in [0, 1] units squared, means over the first two frames of every burst, in both directions.
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
