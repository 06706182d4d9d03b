"""Held-out patches, and what is reported on them: NLL, KL, regret, PSNR and SSIM with intervals.

Noise on a held-out frame is y - x, x the burst's known clean signal or else the mean of its other frames. Patches
at one place of one scene are not independent, so intervals resample places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core import metrics, tiles
from n2nf_core.bursts import Burst, split_regions, split_scenes
from n2nf_core.pairs import grid_patches
from n2nf_core.photon_transfer import PhotonTransfer
from n2nf_core.types import NoiseModel

GAP = 4  # plane rows between training and held-out region, so that no patch sees both
ENOUGH_PLACES = 12  # fewer places of a patch than this give no interval worth the name


class HeldOut(NamedTuple):
    """Patches that no training saw: noise, clean (N, 4, s, s); camera and ISO names; place (N,) numbers the places."""

    noise: Tensor
    clean: Tensor
    camera: list[str]
    iso: list[float]
    place: Tensor

    def of(self, camera: str, iso: float) -> HeldOut:
        """The patches of one setting."""
        keep = [i for i, setting in enumerate(zip(self.camera, self.iso, strict=True)) if setting == (camera, iso)]
        return HeldOut(self.noise[keep], self.clean[keep], [camera] * len(keep), [iso] * len(keep), self.place[keep])

    def to(self, device: str | torch.device) -> HeldOut:
        """The same patches on ``device``; what scores them then runs there, if the models are there too."""
        return self._replace(noise=self.noise.to(device), clean=self.clean.to(device))

    @property
    def settings(self) -> list[tuple[str, float]]:
        """Every (camera, ISO), in order."""
        return sorted(set(zip(self.camera, self.iso, strict=True)))


def split(bursts: Sequence[Burst], test_fraction: float = 0.25, seed: int = 0) -> tuple[list[Burst], list[Burst]]:
    """Training and held-out bursts: by scene for settings with four or more, else the last rows of each burst.

    A scene is on one side for all its bursts, and every camera and ISO has both sides. Where a setting of few scenes
    shares one with a setting of many, all are split by rows.
    """
    scenes: dict[tuple[str, float], set[str]] = {}
    for burst in bursts:
        scenes.setdefault((burst.camera, burst.iso), set()).add(burst.scene)
    many = {setting: names for setting, names in scenes.items() if len(names) >= 4}
    of_many = set().union(*many.values())
    if any(names & of_many for setting, names in scenes.items() if setting not in many):
        many = {}
    test: set[str] = set()
    for setting, names in many.items():
        missing = max(round(test_fraction * len(names)), 1) - len(names & test)
        if missing > 0:
            group = [b for b in bursts if (b.camera, b.iso) == setting and b.scene not in test]
            share = missing / len({b.scene for b in group})
            test |= {b.scene for b in split_scenes(group, share, seed)[1]}
    whole = [b for b in bursts if (b.camera, b.iso) in many]
    halves = [split_regions(b, test_fraction, GAP) for b in bursts if (b.camera, b.iso) not in many]
    train = [b for b in whole if b.scene not in test] + [first for first, _ in halves]
    return train, [b for b in whole if b.scene in test] + [last for _, last in halves]


def recordings(bursts: Sequence[Burst]) -> list[tuple[str, float, Tensor]]:
    """(camera, ISO, frames in [0, 1] units) of every burst: what the baselines are fitted to."""
    return [(burst.camera, burst.iso, noisy(burst)) for burst in bursts]


def knots(bursts: Sequence[Burst]) -> dict[str, list[float]]:
    """camera -> its ISO values in the data: the knots of a flow."""
    found: dict[str, set[float]] = {}
    for burst in bursts:
        found.setdefault(burst.camera, set()).add(float(burst.iso))
    return {camera: sorted(isos) for camera, isos in sorted(found.items())}


def reference(burst: Burst) -> Tensor:
    """The clean signal of every frame (T, 4, h, w): known, or the mean of the other frames."""
    if burst.clean is None:
        return burst.leave_one_out(range(len(burst)))
    return torch.as_tensor(burst.clean).expand(len(burst), -1, -1, -1)


def held_out(bursts: Sequence[Burst], patch: int = 32) -> HeldOut:
    """Grid patches of all frames; smaller ones where they do not fit into every burst, or leave too few places."""
    side, smallest = patch, min(min(b.shape[2:]) for b in bursts)
    while side > 4 and (
        side > smallest or sum((b.shape[2] // side) * (b.shape[3] // side) for b in bursts) < ENOUGH_PLACES
    ):
        side //= 2
    noise, clean, camera, iso, place, offset = [], [], [], [], [], 0
    for burst in bursts:
        truth = reference(burst)
        cut = grid_patches(burst.planes(range(len(burst))) - truth, side)
        noise.append(cut)
        clean.append(grid_patches(truth, side))
        camera += [burst.camera] * len(cut)
        iso += [float(burst.iso)] * len(cut)
        here = len(cut) // len(burst)
        place.append(torch.arange(here).repeat(len(burst)) + offset)
        offset += here
    return HeldOut(torch.cat(noise), torch.cat(clean), camera, iso, torch.cat(place))


def of_one_frame(held: HeldOut, bursts: Sequence[Burst]) -> HeldOut:
    """``held``, that :func:`held_out` cut from ``bursts``, with noise of the variance that one frame has.

    The mean of the other T - 1 frames brings noise of its own, so that Var(y - x) = T / (T - 1) Var(n): twice the
    noise for a pair, and a model of too much noise would win. Patches of a known clean signal stay as they are.
    """
    side = held.noise.shape[-1]
    factor = [1.0 if b.clean is not None else ((len(b) - 1) / len(b)) ** 0.5 for b in bursts]
    patches = [len(b) * (b.shape[2] // side) * (b.shape[3] // side) for b in bursts]
    scale = torch.tensor(factor).repeat_interleave(torch.tensor(patches))
    return held._replace(noise=held.noise * scale[:, None, None, None])


@torch.no_grad()
def nll(model: NoiseModel, held: HeldOut, chunk: int | None = None) -> Tensor:
    """-log p(n | x) per dimension for every patch, (N,) nats."""
    parts = [
        -model.log_prob(held.noise[part], _context(model, held, part)) / held.noise[0].numel()
        for part in _chunks(held, chunk)
    ]
    return torch.cat(parts)


def draw(model: NoiseModel, held: HeldOut, generator: torch.Generator, chunk: int | None = None) -> Tensor:
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
        first, second = draw(model, held, generator), draw(model, held, generator)
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
                found = model.nlf()[camera][iso]
                entry = {"shot": found.shot, "read": found.read}
                if name == "photon_transfer":
                    entry |= {"shot_error": fit.shot_error, "read_error": fit.read_error}
                if truth is not None:
                    known = truth.nlf()[camera][iso]._asdict()
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
        estimate, truth = denoise(burst), reference(burst)
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
        sums["against_clean"] += float((d1 - reference(burst)[0]).square().mean())
    known = all(burst.clean is not None for burst in bursts)
    return {key: value / len(bursts) for key, value in sums.items() if known or key != "against_clean"}
