"""What a burst shows before any training: its pairs, the drift of its frames, saturation, photon transfer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from n2nf_core.baselines.photon_transfer import PhotonTransfer, photon_transfer
from n2nf_core.bursts import Burst
from n2nf_core.plots import thumbnail

VIEW = 160  # side, in plane pixels, of the centre of the frame that is shown
MIDDLE = 512  # side, in plane pixels, of the centre that photon transfer is fitted to, so that a large frame opens soon
FRAMES = 16  # photon transfer is fitted to at most this many frames
POINTS = 400  # the plot has at most this many points


def middle(burst: Burst, side: int) -> Burst:
    """The centre of the burst's planes, at most ``side`` x ``side`` plane pixels."""
    spans = (slice(max((n - side) // 2, 0), max((n - side) // 2, 0) + min(n, side)) for n in burst.shape[2:])
    return burst.crop(*spans)


def pair_pictures(burst: Burst) -> dict[str, str]:
    """Plane Gr of two frames on one scale, and their difference with grey as 0, as PNG in base64."""
    first, second = middle(burst, VIEW).planes([0, 1])[:, 1].numpy()
    low, high = float(first.min()), float(np.quantile(first, 0.995))
    difference = first - second
    reach = 4 * float(difference.std()) or 1.0
    pictures = {"first": (first, low, high), "second": (second, low, high), "difference": (difference, -reach, reach)}
    return {name: thumbnail(*picture) for name, picture in pictures.items()}


def frame_figures(burst: Burst) -> dict[str, list]:
    """For every frame the mean of each plane divided by its mean over all frames, and the share of saturated values."""
    means, saturated = [], []
    for t in range(len(burst)):
        means.append(burst.planes(t)[0].double().mean((1, 2)).tolist())
        saturated.append(float(np.mean(burst.frames[t] >= burst.white)))
    table = np.array(means)
    return {"drift": (table / table.mean(0)).T.tolist(), "saturated": saturated}


def transfer(bursts: Sequence[Burst]) -> dict:
    """The photon-transfer plot of bursts of one setting: points, line and standard errors, in [0, 1] units."""
    fit = photon_transfer([_frames(burst) for burst in bursts])
    numbers = {name: getattr(fit, name) for name in ("shot", "read", "shot_error", "read_error", "excluded")}
    return numbers | {"points": _points(fit)}


def _frames(burst: Burst) -> Tensor:
    part = middle(burst, MIDDLE)
    return part.planes(range(min(len(part), FRAMES)))


def _points(fit: PhotonTransfer) -> list[list[float]]:
    """Means over groups of blocks with similar signal, as many as a plot can show."""
    order = torch.argsort(fit.signal)
    groups = torch.tensor_split(order, min(len(order), POINTS))
    return [[float(fit.signal[g].mean()), float(fit.variance[g].mean())] for g in groups]


def inspect(bursts: Sequence[Burst]) -> dict:
    """Everything that the page shows of the first burst. Photon transfer uses all bursts of its camera and ISO."""
    first = bursts[0]
    alike = [b for b in bursts if (b.camera, b.iso) == (first.camera, first.iso)]
    return {
        "count": len(bursts),
        "scene": first.scene,
        "camera": first.camera,
        "iso": first.iso,
        "frames": len(first),
        "size": [2 * side for side in first.shape[2:]],
        "levels": [float(np.mean(first.black)), first.white],
        "pictures": pair_pictures(first),
        "photon": transfer(alike),
        "findings": list(dict.fromkeys(text for b in bursts for text in b.provenance.get("findings", []))),
        **frame_figures(first),
    }
