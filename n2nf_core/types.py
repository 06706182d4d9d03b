"""Records that travel through the whole project, and the protocols that models and data follow.

A noisy raw frame is y = x + n, all three in units of [0, 1] between black and white level, as packed
colour planes (B, C, H, W). Camera and ISO are one number per image, never maps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor


class Context(NamedTuple):
    """What a noise model is conditioned on, one row per image.

    clean:  (B, C, H, W) the clean signal x, or an estimate of it.
    camera: (B,) long, an index into the model's ``cameras``.
    iso:    (B,) float, the ISO setting; continuous.
    """

    clean: Tensor
    camera: Tensor
    iso: Tensor

    def to(self, *args, **kwargs) -> Context:
        """Move or cast ``clean`` as ``Tensor.to`` does; ``camera`` stays integer and follows the device."""
        clean = self.clean.to(*args, **kwargs)
        return Context(clean, self.camera.to(clean.device), self.iso.to(clean.device, clean.dtype))

    def rows(self, index) -> Context:
        """The same context for some of its images; a slice or an index tensor."""
        return Context(*(field[index] for field in self))


class NoisyPair(NamedTuple):
    """Two frames of one scene with the same settings and independent noise, y1 = x + n1 and y2 = x + n2.

    first, second: (B, C, H, W). camera: (B,) long. iso: (B,) float.
    clean: (B, C, H, W) where a reference exists, for reporting and for losses.supervised, the comparison;
    no other loss reads it.
    """

    first: Tensor
    second: Tensor
    camera: Tensor
    iso: Tensor
    clean: Tensor | None = None

    def context(self, clean: Tensor) -> Context:
        """The conditioning of either frame, given an estimate of the clean signal."""
        return Context(clean, self.camera, self.iso)

    def to(self, *args, **kwargs) -> NoisyPair:
        """Move or cast the images as ``Tensor.to`` does; ``camera`` stays integer and follows the device."""
        first = self.first.to(*args, **kwargs)
        return NoisyPair(
            first,
            self.second.to(*args, **kwargs),
            self.camera.to(first.device),
            self.iso.to(first.device, first.dtype),
            None if self.clean is None else self.clean.to(*args, **kwargs),
        )


class LossTerms(NamedTuple):
    """A loss and its parts, scalars: ``total`` is minimised, the parts are for the record.

    nll_per_dim: nats per dimension. mse: mean squared error per dimension, [0, 1] units squared.
    """

    total: Tensor
    nll_per_dim: Tensor
    mse: Tensor


def check_shapes(noise: Tensor, context: Context) -> None:
    """ValueError unless noise is (B, C, H, W), clean the same, camera and iso (B,)."""
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

    Everything that scores, draws from, plots or measures a noise model asks for these four and for nothing else; what
    only some models have is a protocol of its own (:class:`HasNLF`, :class:`HasKnots`), asked for by
    :func:`ask_for`. ``cameras`` are the names that the model knows, in the order that ``Context.camera`` indexes.
    """

    cameras: tuple[str, ...]

    def context(self, clean: Tensor, camera: str | Sequence[str], iso: float | Sequence[float]) -> Context:
        """The conditioning of ``clean`` (B, C, H, W) by names: one camera and ISO for all images, or one for each."""

    def log_prob(self, noise: Tensor, context: Context) -> Tensor:
        """log p(noise | context), (B,) nats for noise (B, C, H, W)."""

    def sample(self, context: Context, temperature: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
        """Noise (B, C, H, W) for ``context``; ``temperature`` scales the base density's deviation."""


@runtime_checkable
class HasNLF(Protocol):
    """A noise model that states a noise level function, var(n | x) = shot * x + read, in [0, 1] units."""

    def nlf(self) -> Mapping[str, Mapping[float, tuple[float, float]]]:
        """camera -> ISO -> (shot, read)."""


@runtime_checkable
class HasKnots(Protocol):
    """A noise model whose parameters stand at ISO values of their own per camera; ``isos``: camera -> ISO values."""

    isos: Mapping[str, Sequence[float]]


@runtime_checkable
class Denoiser(Protocol):
    """An estimate of the clean signal, D(y), of the shape of its input."""

    def __call__(self, noisy: Tensor) -> Tensor:
        """(B, C, H, W) noisy -> (B, C, H, W) estimate of the clean signal."""


@runtime_checkable
class PairSource(Protocol):
    """What feeds training: batches of noisy pairs that can begin at any step, and be shared by several processes."""

    def batches(self, step: int, device: torch.device, rank: int = 0, world: int = 1) -> Iterator[NoisyPair]:
        """The batches from number ``step`` on, on ``device``; of each the rows [rank::world].

        ValueError for a batch that ``world`` processes cannot share evenly.
        """

    def fingerprint(self) -> str | None:
        """What identifies the data and its order, so that a run goes on with the same; None where nothing does."""


Asked = TypeVar("Asked")


def ask_for(model: object, protocol: type[Asked]) -> Asked:
    """``model``, if it has what ``protocol`` asks for; TypeError names the model and what it lacks.

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
