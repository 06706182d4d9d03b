"""Cameras, ISO values and noise level functions, as noise models use them.

A noise level function (NLF) is var(n | x) = shot * x + read, with both variances in [0, 1] units. ISO is continuous.
A noise model has parameters at a few ISO values of each camera, called knots. Between the knots, the logarithms of the
parameters are linear in log ISO.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from n2nf_core.types import NLF as NLF  # importable from here, too
from n2nf_core.types import Context


class UnknownCameraError(LookupError, ValueError):
    """A camera that a model has no parameters for."""

    def __init__(self, camera: str, known: Sequence[str]):
        super().__init__(
            f"camera {camera!r} is not known to this model; it knows {', '.join(known) or 'none'}: "
            "choose one of these, or add yours by fitting a model on your own burst"
        )


def camera_index(camera: str, known: Sequence[str]) -> int:
    """Position of ``camera`` in ``known``; UnknownCameraError, which names the known ones, where it is not there."""
    try:
        return list(known).index(camera)
    except ValueError:
        raise UnknownCameraError(camera, known) from None


class IsoClampWarning(UserWarning):
    """An ISO is outside the range that the camera was calibrated or trained for; the nearest ISO is used."""


class IsoKnots(nn.Module):
    """f(camera, iso) = (1 - w) * table[camera, k] + w * table[camera, k + 1], piecewise linear in log ISO.

    w = (log iso - log knot_k) / (log knot_{k+1} - log knot_k)

    f is exact at the knots and constant outside them. A table is (cameras, K), where K is the largest number of knots
    of a camera. Shorter rows are padded at the end, and the padding is never used.

    cameras: different names, at least one. isos: one sequence of positive ISO values for all cameras, or a mapping from
    camera to its own. ValueError where they are not of this form.

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
            raise ValueError(f"no ISO given for camera {', '.join(missing)}: give at least one for every camera")
        self.isos = {camera: tuple(sorted({float(i) for i in rows[camera]})) for camera in self.cameras}
        if any(row[0] <= 0 for row in self.isos.values()):
            raise ValueError(f"ISO values must be positive, got {self.isos}")
        length = max(map(len, self.isos.values()))
        knots = [[*row, *[row[-1]] * (length - len(row))] for row in self.isos.values()]
        self.register_buffer("iso_knots", torch.tensor(knots, dtype=torch.float32), persistent=False)
        last = torch.tensor([len(row) - 1 for row in self.isos.values()])
        self.register_buffer("last", last, persistent=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of a table: (cameras, knots)."""
        return tuple(self.iso_knots.shape)

    def cells(self) -> list[tuple[int, int, str, float]]:
        """(row, column, camera, iso) of every entry of a table that is not padding."""
        return [(r, k, camera, iso) for r, (camera, row) in enumerate(self.isos.items()) for k, iso in enumerate(row)]

    def cell(self, camera: str, iso: float) -> tuple[int, int]:
        """(row, column) of a table's entry for one camera at one of its ISO knots; LookupError where there is none."""
        for row, column, name, knot in self.cells():
            if name == camera and knot == iso:
                return row, column
        raise LookupError(f"no knot at ISO {iso:g} of camera {camera!r}: choose one of {self.isos}")

    def context(self, clean: Tensor, camera: str | Sequence[str], iso: float | Sequence[float]) -> Context:
        """The context of B images, from names of cameras.

        Arguments:
            clean: (B, C, H, W), clean signal in [0, 1] units.
            camera: name of the camera, one for all images or one for each.
            iso: ISO setting, one for all images or one for each.

        UnknownCameraError for other cameras, ValueError for other numbers of cameras or ISO values.
        """
        names = [camera] * len(clean) if isinstance(camera, str) else list(camera)
        values = [float(iso)] * len(clean) if isinstance(iso, (int, float)) else [float(i) for i in iso]
        if not len(names) == len(values) == len(clean):
            raise ValueError(f"{len(clean)} images, {len(names)} cameras and {len(values)} ISO values: give one each")
        index = torch.tensor([camera_index(n, self.cameras) for n in names], device=clean.device)
        return Context(clean, index, torch.tensor(values, dtype=clean.dtype, device=clean.device))

    def forward(self, table: Tensor, camera: Tensor, iso: Tensor) -> Tensor:
        """f(camera, iso) for every image: (B, n) from a table (cameras, K, n), or (B,) from a table (cameras, K).

        Arguments:
            table: (cameras, K, n) or (cameras, K), values at the knots.
            camera: (B,) long, index of the camera.
            iso: (B,), ISO setting.

        On the CPU: UnknownCameraError for other cameras, ValueError for an ISO that is not positive, IsoClampWarning
        for an ISO outside the camera's knots.
        """
        if table.dim() == 2:
            return self(table[..., None], camera, iso)[:, 0]
        if iso.device.type == "cpu" and not torch.compiler.is_compiling():  # reading values from a GPU is slow
            self._check(camera, iso)
        precise = torch.promote_types(table.dtype, torch.float32)
        knots, last, log_iso = self.iso_knots[camera].to(precise).log(), self.last[camera], iso.to(precise).log()
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


class OnKnots(nn.Module):
    """Base of noise models with parameters at ISO knots per camera: the protocol's members that the knots give."""

    def __init__(self, knots: IsoKnots):
        super().__init__()
        self.knots = knots

    @property
    def cameras(self) -> tuple[str, ...]:
        """Names of the cameras, in the order that ``Context.camera`` indexes."""
        return self.knots.cameras

    @property
    def isos(self) -> Mapping[str, tuple[float, ...]]:
        """camera -> its ISO knots, ascending."""
        return self.knots.isos

    def context(self, clean: Tensor, camera: str | Sequence[str], iso: float | Sequence[float]) -> Context:
        """The context of B images, from names of cameras.

        Arguments:
            clean: (B, C, H, W), clean signal in [0, 1] units.
            camera: name of the camera, one for all images or one for each.
            iso: ISO setting, one for all images or one for each.

        UnknownCameraError for other cameras; it names those of the model.
        """
        return self.knots.context(clean, camera, iso)
