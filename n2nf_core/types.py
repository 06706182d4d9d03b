"""Records that the whole project uses, and the protocols that models and data follow.

A noisy raw frame is y = x + n: noisy image, clean signal and noise. All are packed colour planes (B, C, H, W) in [0, 1]
units, in which the black level is 0 and the white level is 1. Camera and ISO are one number per image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor


class NLF(NamedTuple):
    """Noise level function var(n | x) = shot * x + read; shot and read are variances in [0, 1] units."""

    shot: float
    read: float


class Context(NamedTuple):
    """What a noise model is conditioned on, with one row for each of B images.

    Arguments:
        clean: (B, C, H, W), the clean signal x or an estimate of it, in [0, 1] units.
        camera: (B,) long, index into the model's ``cameras``.
        iso: (B,) float, the ISO setting, which may be any positive number.
    """

    clean: Tensor
    camera: Tensor
    iso: Tensor

    def to(self, *args, **kwargs) -> Context:
        """Move or cast ``clean`` and ``iso`` as ``Tensor.to`` does. ``camera`` is moved and keeps its type."""
        clean = self.clean.to(*args, **kwargs)
        return Context(clean, self.camera.to(clean.device), self.iso.to(clean.device, clean.dtype))

    def rows(self, index) -> Context:
        """The context of some of the images, which ``index`` chooses: a slice or an index tensor."""
        return Context(*(field[index] for field in self))


class NoisyPair(NamedTuple):
    """Two frames of one scene with the same settings and independent noise, y1 = x + n1 and y2 = x + n2.

    Arguments:
        first, second: (B, C, H, W), y1 and y2 in [0, 1] units.
        camera: (B,) long, index into the model's ``cameras``.
        iso: (B,) float, the ISO setting.
        clean: (B, C, H, W), the clean signal x in [0, 1] units, or None where there is no reference. Only the losses
            that train with clean images use it.
    """

    first: Tensor
    second: Tensor
    camera: Tensor
    iso: Tensor
    clean: Tensor | None = None

    def context(self, clean: Tensor) -> Context:
        """The context of either frame, given an estimate (B, C, H, W) of the clean signal."""
        return Context(clean, self.camera, self.iso)

    def to(self, *args, **kwargs) -> NoisyPair:
        """Move or cast the images and ``iso`` as ``Tensor.to`` does. ``camera`` is moved and keeps its type."""
        first, second = self.first.to(*args, **kwargs), self.second.to(*args, **kwargs)
        clean = None if self.clean is None else self.clean.to(*args, **kwargs)
        return NoisyPair(first, second, self.camera.to(first.device), self.iso.to(first.device, first.dtype), clean)


class LossTerms(NamedTuple):
    """A loss and its parts, all scalars.

    Arguments:
        total: the loss to minimise.
        nll_per_dim: negative log-likelihood, nats per dimension; NaN where the loss has none.
        mse: squared error per dimension, in [0, 1] units squared.
    """

    total: Tensor
    nll_per_dim: Tensor
    mse: Tensor


def check_shapes(noise: Tensor, context: Context) -> None:
    """ValueError where ``noise`` and ``clean`` are not both (B, C, H, W), or ``camera`` and ``iso`` are not (B,)."""
    if noise.ndim != 4 or noise.shape != context.clean.shape:
        raise ValueError(
            f"noise must be (B, C, H, W) and of the shape of context.clean: "
            f"got {tuple(noise.shape)} and {tuple(context.clean.shape)}"
        )
    for name in ("camera", "iso"):
        if getattr(context, name).shape != noise.shape[:1]:
            raise ValueError(
                f"context.{name} must hold one number per image, shape ({len(noise)},): "
                f"got {tuple(getattr(context, name).shape)}"
            )


@runtime_checkable
class NoiseModel(Protocol):
    """A conditional density of noise, p(n | x, camera, ISO).

    Code that scores, plots, measures or draws from a noise model needs only these four members. What only some models
    have is a protocol of its own below, such as :class:`HasNLF`, checked by :func:`ask_for`. ``cameras`` are the names
    that the model knows, in the order that ``Context.camera`` indexes.
    """

    cameras: tuple[str, ...]

    def context(self, clean: Tensor, camera: str | Sequence[str], iso: float | Sequence[float]) -> Context:
        """The context of B images, from names of cameras.

        Arguments:
            clean: (B, C, H, W), clean signal in [0, 1] units.
            camera: name of the camera, one for all images or one for each.
            iso: ISO setting, one for all images or one for each.
        """

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context): (B,) in nats, for noise (B, C, H, W) in [0, 1] units."""

    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units, drawn from p(n | context).

        Arguments:
            context: clean signal, camera and ISO of B images.
            temperature: factor on the standard deviation of the base density.
            generator: of the random numbers; by default PyTorch's own for the device.
        """


@runtime_checkable
class HasNLF(Protocol):
    """A noise model that states a noise level function, var(n | x) = shot * x + read, in [0, 1] units."""

    def nlf(self) -> Mapping[str, Mapping[float, NLF]]:
        """camera -> ISO -> (shot, read), variances in [0, 1] units."""


@runtime_checkable
class HasVariance(Protocol):
    """A noise model whose variance is a closed form."""

    def variance(self, context: Context) -> Tensor:
        """var(n | x): (B, C, H, W), in [0, 1] units squared."""


@runtime_checkable
class FromNormal(Protocol):
    """A noise model whose samples are a deterministic map of normal values, so that a graph can hold the map."""

    def from_normal(self, normal: Tensor, context: Context) -> Tensor:
        """Noise (B, C, H, W) in [0, 1] units from independent standard normal values of the same shape."""


@runtime_checkable
class HasKnots(Protocol):
    """A noise model with parameters at given ISO values of each camera. ``isos``: camera -> these ISO values."""

    isos: Mapping[str, Sequence[float]]


@runtime_checkable
class Rebuildable(Protocol):
    """A noise model that states which function builds it anew, so that a file can hold it.

    ``built_by``: ``kind``, the name of that function, and its arguments beside cameras and ISO values. None where no
    function builds it.
    """

    built_by: Mapping[str, object] | None


@runtime_checkable
class Denoiser(Protocol):
    """D(y), an estimate of the clean signal, of the same shape as y."""

    def __call__(self, noisy: Tensor) -> Tensor:
        """Noisy image (B, C, H, W) -> estimate of the clean signal (B, C, H, W), both in [0, 1] units."""


@runtime_checkable
class Tileable(Protocol):
    """A denoiser that may be called tile by tile, because a pixel depends only on pixels at most ``margin`` away.

    ``multiple``: every tile starts at a multiple of so many pixels, for networks that halve their input; 1 for others.
    """

    margin: int
    multiple: int


@runtime_checkable
class Stack(Protocol):
    """T frames of a static scene, which are read when they are asked for, such as a burst. ``shape``: (T, C, H, W)."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, C, H, W)."""

    def planes(self, index: int) -> Tensor:
        """Frame number ``index``: (1, C, H, W), in [0, 1] units."""


@runtime_checkable
class PairSource(Protocol):
    """The data for training: batches of noisy pairs, from any step on, which several processes can share."""

    def batches(self, step: int, device: torch.device, rank: int = 0, world: int = 1) -> Iterator[NoisyPair]:
        """The batches from number ``step`` on, and of each the rows [rank::world].

        Arguments:
            step: number of the first batch, from 0.
            device: where the tensors are put.
            rank: number of this process, from 0.
            world: number of processes that share every batch.

        ValueError for a batch that ``world`` processes cannot share evenly.
        """

    def fingerprint(self) -> str | None:
        """A string that identifies the data and their order, for a run that is resumed; None where there is none."""


Asked = TypeVar("Asked")


def ask_for(model: object, protocol: type[Asked]) -> Asked:
    """``model``, if it follows ``protocol``; otherwise TypeError, which names the model and what it lacks.

    >>> ask_for(torch.nn.Identity(), HasNLF)
    Traceback (most recent call last):
    TypeError: Identity has no nlf: only a model that follows n2nf_core.types.HasNLF can be used here
    """
    if isinstance(model, protocol):
        return model
    wanted = [*getattr(protocol, "__annotations__", {}), *vars(protocol)]
    lacking = [name for name in wanted if not name.startswith("_") and not hasattr(model, name)]
    raise TypeError(
        f"{type(model).__name__} has no {', '.join(lacking)}: only a model that follows "
        f"{protocol.__module__}.{protocol.__name__} can be used here"
    )
