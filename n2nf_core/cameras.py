"""What a camera and an ISO are to a noise model, and the published calibrations.

Noise level function (NLF): var(n | x) = shot * x + read, both variances in [0, 1] units. The tables hold
shot and read per camera and ISO. ISO is continuous: log parameters are linear in log ISO between knots.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from n2nf_core.types import Context


class NLF(NamedTuple):
    """Noise level function var(x) = shot * x + read; variances in [0, 1] units."""

    shot: float
    read: float


def _table(isos: Sequence[int], shots: Sequence[float], reads: Sequence[float]) -> Mapping[int, NLF]:
    return MappingProxyType({i: NLF(s, r) for i, s, r in zip(isos, shots, reads, strict=True)})


CAMERA_NLF: Mapping[str, Mapping[int, NLF]] = MappingProxyType(
    {
        "IP": _table((100, 400, 800, 1600), (7.02e-4, 7.35e-4, 7.23e-4, 6.87e-4), (3e-6, 3e-6, 3e-6, 2e-6)),
        "GP": _table(
            (100, 400, 800, 1600, 3200),
            (2.28e-4, 8.86e-4, 1.764e-3, 3.519e-3, 7.029e-3),
            (2e-6, 5e-6, 1.2e-5, 4.5e-5, 1.79e-4),
        ),
        "S6": _table((100, 400, 800, 1600, 3200), (4.79e-4, 1.774e-3, 3.696e-3, 8.211e-3, 1.993e-2), (2e-6,) * 5),
        "N6": _table(
            (100, 400, 800, 1600, 3200),
            (4.73e-4, 1.76e-3, 3.476e-3, 6.909e-3, 1.3773e-2),
            (3e-6, 1.3e-5, 5.2e-5, 2.08e-4, 8.33e-4),
        ),
        "G4": _table((100, 400, 800), (7.39e-4, 1.86e-3, 3.356e-3), (2e-6, 2e-6, 6.3e-5)),
    }
)
"""Camera NLF of the SIDD phones, as published with Noise Flow (Abdelhamed et al., ICCV 2019)."""

CALIBRATED_PG: Mapping[str, Mapping[int, NLF]] = MappingProxyType(
    {
        "IP": _table(
            (100, 200, 400, 800, 1600, 2000),
            (9.3595e-4, 1.04404e-3, 1.16461e-3, 1.29911e-3, 1.44915e-3, 1.50104e-3),
            (4.6977e-7, 6.9045e-7, 6.7395e-7, 6.7768e-7, 6.7820e-7, 6.7832e-7),
        ),
        "S6": _table(
            (100, 200, 400, 800, 1600, 3200),
            (1.62521e-3, 2.56175e-3, 4.03799e-3, 6.36492e-3, 1.003277e-2, 1.581424e-2),
            (1.17922e-6, 1.60760e-6, 2.98726e-6, 5.19158e-6, 1.00110e-5, 2.06527e-5),
        ),
        "GP": _table(
            (100, 200, 400, 800, 1600, 3200, 6400),
            (2.4718e-4, 4.8489e-4, 9.5121e-4, 1.866e-3, 3.66055e-3, 7.18092e-3, 1.408686e-2),
            (1.68193e-6, 2.05570e-6, 2.70307e-6, 4.11641e-6, 7.56926e-6, 1.51990e-5, 5.33142e-5),
        ),
    }
)
"""Calibrated Poisson-Gaussian (Zhang et al., ICCV 2021); that the second figure is a variance is inferred."""


class UnknownCameraError(LookupError):
    """A camera that a model has no parameters for."""

    def __init__(self, camera: str, known: Sequence[str]):
        super().__init__(
            f"camera {camera!r} is not known to this model; it knows {', '.join(known) or 'none'}: "
            "choose one of these, or add yours by fitting a model on your own burst"
        )


def camera_index(camera: str, known: Sequence[str]) -> int:
    """Position of ``camera`` in ``known``; UnknownCameraError names the known ones otherwise."""
    try:
        return list(known).index(camera)
    except ValueError:
        raise UnknownCameraError(camera, known) from None


class IsoClampWarning(UserWarning):
    """An ISO outside the values a camera was calibrated or trained on."""


class IsoKnots(nn.Module):
    """Per camera, a piecewise-linear function of log ISO, exact at the knots and constant outside them.

    f(camera, iso) = (1 - w) * table[camera, k] + w * table[camera, k + 1],
    w = (log iso - log knot_k) / (log knot_{k+1} - log knot_k)

    cameras: names. isos: one sequence of ISO values for all cameras, or a mapping from camera to its own.
    Tables for :meth:`forward` are (cameras, K), with K the longest list; shorter rows are padded at the end
    and the padding is never read.

    >>> knots = IsoKnots(("S6",), (100, 400))
    >>> knots(torch.tensor([[0.0, 1.0]]), torch.tensor([0]), torch.tensor([200.0]))
    tensor([0.5000])
    """

    def __init__(self, cameras: Sequence[str], isos: Sequence[float] | Mapping[str, Sequence[float]]):
        super().__init__()
        self.cameras = tuple(cameras)
        if not self.cameras or len(set(self.cameras)) != len(self.cameras):
            raise ValueError(f"cameras must be one or more different names, got {list(cameras)}")
        rows = isos if isinstance(isos, Mapping) else {camera: isos for camera in self.cameras}
        missing = [camera for camera in self.cameras if not rows.get(camera)]
        if missing:
            raise ValueError(f"no ISO given for camera {', '.join(missing)}")
        self.isos = {camera: tuple(sorted({float(i) for i in rows[camera]})) for camera in self.cameras}
        if any(row[0] <= 0 for row in self.isos.values()):
            raise ValueError(f"ISO values must be positive, got {self.isos}")
        length = max(map(len, self.isos.values()))
        knots = [[*row, *[row[-1]] * (length - len(row))] for row in self.isos.values()]
        self.register_buffer("log_knots", torch.tensor(knots, dtype=torch.float64).log(), persistent=False)
        last = torch.tensor([len(row) - 1 for row in self.isos.values()])
        self.register_buffer("last", last, persistent=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a table: (cameras, knots)."""
        return tuple(self.log_knots.shape)

    def cells(self) -> list[tuple[int, int, str, float]]:
        """Every (row, column, camera, iso) of a table that is not padding."""
        return [(r, k, camera, iso) for r, (camera, row) in enumerate(self.isos.items()) for k, iso in enumerate(row)]

    def context(self, clean: Tensor, camera: str | Sequence[str], iso: float | Sequence[float]) -> Context:
        """Context from names: one camera and ISO for all of ``clean`` (B, C, H, W), or one per row."""
        names = [camera] * len(clean) if isinstance(camera, str) else list(camera)
        values = [float(iso)] * len(clean) if isinstance(iso, (int, float)) else [float(i) for i in iso]
        if not len(names) == len(values) == len(clean):
            raise ValueError(f"{len(clean)} images, {len(names)} cameras and {len(values)} ISO values")
        index = torch.tensor([camera_index(n, self.cameras) for n in names], device=clean.device)
        return Context(clean, index, torch.tensor(values, dtype=clean.dtype, device=clean.device))

    def forward(self, table: Tensor, camera: Tensor, iso: Tensor) -> Tensor:
        """Interpolate ``table`` (cameras, K, n) at ``camera`` (B,) long and ``iso`` (B,): (B, n); or all without n."""
        if table.dim() == 2:
            return self(table[..., None], camera, iso)[:, 0]
        if iso.device.type == "cpu" and not torch.compiler.is_compiling():  # elsewhere a look would stall
            self._check(camera, iso)
        knots, last = self.log_knots[camera], self.last[camera]
        log_iso = iso.to(knots.dtype).log()
        high = (log_iso[:, None] >= knots).sum(1).clamp(min=1).minimum(last)
        low = (high - 1).clamp(min=0)
        start = knots.gather(1, low[:, None])[:, 0]
        gap = (knots.gather(1, high[:, None])[:, 0] - start).clamp(min=1e-12)
        weight = ((log_iso - start) / gap).clamp(0, 1).to(table.dtype)
        rows = table[camera]
        left, right = (rows.gather(1, k[:, None, None].expand(-1, 1, rows.shape[2]))[:, 0] for k in (low, high))
        return torch.lerp(left, right, weight[:, None])

    def _check(self, camera: Tensor, iso: Tensor) -> None:
        if not bool((iso > 0).all()):
            raise ValueError(f"ISO values must be positive, got {iso.min().item():g}")
        for index, value in set(zip(camera.tolist(), iso.tolist(), strict=True)):
            if not 0 <= index < len(self.cameras):
                raise UnknownCameraError(f"number {index}", self.cameras)
            name = self.cameras[index]
            first, final = self.isos[name][0], self.isos[name][-1]
            if not first * (1 - 1e-6) <= value <= final * (1 + 1e-6):
                near = min(max(value, first), final)
                warnings.warn(
                    f"ISO {value:g} is outside the values known for {name} ({first:g} to {final:g}): "
                    f"using ISO {near:g}",
                    IsoClampWarning,
                    stacklevel=2,
                )
