"""A camera's noise as a training augmentation for clean images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from n2nf_core import raw
from n2nf_core.export.model_file import load_model
from n2nf_core.types import Context, HasKnots, NoiseModel, ask_for

Range = float | tuple[float, float]
"""A number, or the ends of a range from which numbers are drawn uniformly in their logarithm."""


class CameraNoise(nn.Module):
    """y = x + n / e,  n ~ p(n | e x, camera, ISO): the noise of a camera on clean images, drawn anew for every image.

    The exposure e scales the signal before the noise is drawn, and the result is scaled back. So e = 1/8 gives the
    noise of a picture that was taken three stops darker and brightened afterwards. Camera and ISO of each image are
    drawn too. The model gives the noise of a mosaic R Gr / Gb B. What an image x of linear values in [0, 1] gets
    depends on its number of channels:

    4   packed planes R Gr Gb B: the noise of the model.
    1   a mosaic whose first pixel is red: the noise of its packed planes, unpacked.
    3   linear RGB: x is sampled as a mosaic, noise is drawn for it, and the noise alone is interpolated bilinearly to
        three colours. A pixel has the full noise in its own colour and less, correlated noise in the other two, as a
        demosaiced picture has. The interpolation is linear, so x itself is not blurred.

    Values are not clipped. A mosaic or an RGB image of odd height or width is continued by its last row or column.

    Arguments:
        model: a noise model, or the path of a file that holds one.
        iso: ISO values, drawn uniformly in log ISO; by default from the smallest to the largest that the model knows of
            the camera. A range beyond these is cut to them, and a warning says so.
        cameras: names of the cameras to draw from; by default all cameras of the model.
        exposure: e, a factor on the signal, drawn uniformly in log e.

    ValueError for values that are not positive. TypeError where ``iso`` is not given and the model states no ISO
    values. UnknownCameraError for cameras that the model does not know.

    >>> from n2nf_core.baselines import camera_nlf
    >>> augment = CameraNoise(camera_nlf(), iso=(100, 1600), cameras=["S6", "IP"], exposure=(0.25, 1.0))
    >>> augment(torch.rand(8, 3, 32, 32)).shape
    torch.Size([8, 3, 32, 32])
    """

    def __init__(
        self,
        model: NoiseModel | str | Path,
        iso: Range | None = None,
        cameras: Sequence[str] | None = None,
        exposure: Range = 1.0,
    ):
        super().__init__()
        self.model = load_model(model)[1] if isinstance(model, (str, Path)) else model
        names = list(cameras or self.model.cameras)
        index = self.model.context(torch.zeros(len(names), 4, 1, 1), names, 100.0).camera
        isos = [_iso_range(self.model, name, iso) for name in names]
        self.register_buffer("camera", index, persistent=False)
        self.register_buffer("log_iso", torch.tensor(isos, dtype=torch.float32).log(), persistent=False)
        self.register_buffer("log_exposure", torch.tensor(_ends(exposure, "exposure")).log(), persistent=False)

    def forward(self, image: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """y: noise on one image (C, H, W) or on B images (B, C, H, W), of the same shape, type and device.

        image: linear values in [0, 1], C = 1, 3 or 4, of a floating type. generator: of everything that is drawn, on
        the device of the image; by default PyTorch's own, which a DataLoader seeds in its workers.

        ValueError for another shape and for integers.
        """
        if image.ndim == 3:
            return self(image[None], generator)[0]
        if image.ndim != 4 or image.shape[1] not in _NOISE or not image.is_floating_point():
            raise ValueError(
                "an image must be (C, H, W) or (B, C, H, W) of a floating type, C = 4 planes, 1 mosaic or 3 colours: "
                f"got {tuple(image.shape)} of {image.dtype}"
            )
        draws = torch.rand(3, len(image), generator=generator, device=image.device)
        row = (draws[0] * len(self.camera)).long()
        iso = torch.exp(torch.lerp(*self.log_iso[row].unbind(1), draws[1]))
        exposure = torch.exp(torch.lerp(*self.log_exposure, draws[2]))[:, None, None, None]

        def sample(planes: Tensor) -> Tensor:
            return self.model.sample(Context(planes, self.camera[row], iso), generator=generator)

        with torch.no_grad():
            noise = _NOISE[image.shape[1]](image.float() * exposure, sample)
        return torch.addcdiv(image, noise, exposure).to(image.dtype)

    def on_arrays(self, *, image: np.ndarray, generator: torch.Generator | None = None, **others) -> dict:
        """{"image": y, ...}: :meth:`forward` for an array, called as transforms of Albumentations are called.

        Arguments:
            image: (H, W) mosaic, (H, W, 3) linear RGB or (H, W, 4) packed planes, in [0, 1], of a floating type.
            generator: of everything that is drawn; by default PyTorch's own, which a DataLoader seeds in its workers.
            others: returned unchanged, masks for example.

        >>> from n2nf_core.baselines import camera_nlf
        >>> augment = CameraNoise(camera_nlf(["S6"])).on_arrays
        >>> augment(image=np.zeros((32, 32, 3), np.float32), mask=None)["image"].shape
        (32, 32, 3)
        """
        channels = torch.from_numpy(np.ascontiguousarray(image if image.ndim == 3 else image[..., None]))
        noisy = self(channels.permute(2, 0, 1), generator).permute(1, 2, 0).numpy()
        return {"image": np.ascontiguousarray(noisy.reshape(image.shape)), **others}


def _ends(given: Range, name: str) -> tuple[float, float]:
    low, high = given if isinstance(given, Sequence) else (given, given)
    if not 0 < low <= high < float("inf"):
        raise ValueError(f"{name} must be a positive number or two that ascend, got {given}")
    return float(low), float(high)


def _iso_range(model: NoiseModel, camera: str, iso: Range | None) -> tuple[float, float]:
    """Smallest and largest ISO to draw for a camera: ``iso``, cut to the values that the model knows."""
    if iso is None:
        known = ask_for(model, HasKnots).isos[camera]
        return float(known[0]), float(known[-1])
    low, high = _ends(iso, "iso")
    if not isinstance(model, HasKnots):
        return low, high
    first, last = float(model.isos[camera][0]), float(model.isos[camera][-1])
    cut = min(max(low, first), last), min(max(high, first), last)
    if cut != (low, high):
        warnings.warn(
            f"ISO {low:g} to {high:g} reaches beyond the values known for {camera} ({first:g} to {last:g}): "
            f"drawing from ISO {cut[0]:g} to {cut[1]:g}",
            stacklevel=3,
        )
    return cut


def _planes_noise(clean: Tensor, sample) -> Tensor:
    return sample(clean)


def _mosaic_noise(clean: Tensor, sample) -> Tensor:
    height, width = clean.shape[2:]
    return raw.unpack(sample(raw.pack(_even(clean)[:, 0])))[:, None, :height, :width]


def _rgb_noise(clean: Tensor, sample) -> Tensor:
    """D(n): the mosaic's noise in three colours, by bilinear interpolation between the pixels of a colour."""
    height, width = clean.shape[2:]
    red, green, blue = _even(clean).unbind(1)
    planes = (red[:, 0::2, 0::2], green[:, 0::2, 1::2], green[:, 1::2, 0::2], blue[:, 1::2, 1::2])
    r, g1, g2, b = sample(torch.stack(planes, 1)).unbind(1)
    rows, columns = 1, 2
    cells = [
        [r, _midway(r, columns), _midway(r, rows), _midway(_midway(r, rows), columns)],
        [
            (_midway(g1, columns, -1) + _midway(g2, rows, -1)) / 2,
            g1,
            g2,
            (_midway(g2, columns) + _midway(g1, rows)) / 2,
        ],
        [_midway(_midway(b, rows, -1), columns, -1), _midway(b, rows, -1), _midway(b, columns, -1), b],
    ]
    colours = [raw.unpack(torch.stack(cell, 1)) for cell in cells]
    return torch.stack(colours, 1)[..., :height, :width]


def _midway(plane: Tensor, axis: int, step: int = 1) -> Tensor:
    """Mean of every value of a plane (B, h, w) and the one beside it; itself at the edge, as a reflection has it."""
    last = plane.shape[axis] - 1
    edge = plane.narrow(axis, last if step > 0 else 0, 1)
    inner = plane.narrow(axis, max(step, 0), last)
    return (plane + torch.cat((inner, edge) if step > 0 else (edge, inner), axis)) / 2


def _even(image: Tensor) -> Tensor:
    odd = image.shape[2] % 2, image.shape[3] % 2
    return F.pad(image, (0, odd[1], 0, odd[0]), mode="replicate") if any(odd) else image


_NOISE = {4: _planes_noise, 1: _mosaic_noise, 3: _rgb_noise}
