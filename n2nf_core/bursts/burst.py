"""A burst in memory: T frames of one static scene as packed planes, with camera, ISO and levels.

Frames are stored in DN, the digital numbers of their source. ``Burst.planes`` gives them in [0, 1] units, in which the
black level is 0 and the white level is 1; values below the black level are negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.files import printable
from n2nf_core.types import NLF

PATTERNS = ("RGGB", raw.MONO)
Index = int | slice | Sequence[int]


class BurstError(ValueError):
    """Frames or a file that cannot be used as a burst. The message is one line and names the file or the scene."""

    def __init__(self, message: object):
        super().__init__(printable(str(message)))


class BurstWarning(UserWarning):
    """A possible problem with a burst that does not prevent its use, in one line."""

    def __init__(self, message: object):
        super().__init__(printable(str(message)))


@dataclass(frozen=True)
class LazyFrames:
    """Frames (T, 4, h, w) that are read from their source one at a time, every time they are indexed.

    Arguments:
        read: number of a frame -> array (4, H, W) in DN. Worker processes can use it if it can be pickled.
        count: number of frames T.
        dtype: type of the arrays that ``read`` returns.
        rows, columns: the window of every plane that is returned, within range(H) and range(W).
    """

    read: Callable[[int], np.ndarray]
    count: int
    dtype: np.dtype
    rows: range
    columns: range

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, 4, h, w)."""
        return self.count, 4, len(self.rows), len(self.columns)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Index) -> np.ndarray:
        """(4, h, w) for an integer, (k, 4, h, w) for a slice or a sequence of integers."""
        if isinstance(index, (int, np.integer)):
            rows, columns = (slice(kept.start, kept.stop) for kept in (self.rows, self.columns))
            return self.read(range(self.count)[index])[:, rows, columns]
        wanted = range(self.count)[index] if isinstance(index, slice) else index
        return np.stack([self[int(t)] for t in wanted])

    def crop(self, rows: slice, columns: slice) -> LazyFrames:
        """The frames in a smaller window; ``rows`` and ``columns`` count from the corner of this one."""
        return replace(self, rows=self.rows[rows], columns=self.columns[columns])


@dataclass(frozen=True, eq=False)
class Burst:
    """T noisy frames of one static scene, taken with one camera at one ISO.

    Arguments:
        frames: (T, 4, h, w) uint16 or float32, in DN: a numpy array or :class:`LazyFrames`.
        black: black level in DN, one value or one per plane.
        white: white level in DN, the largest value that the sensor or its file can hold.
        cfa: pattern of the colour filter array: "RGGB" (planes R Gr Gb B) or "MONO".
        camera: its name.
        iso: the ISO setting, positive.
        scene: name of the scene; all bursts of a scene share it.
        clean: (4, h, w) float32 reference in [0, 1] units, or None where there is none.
        nlf: shot and read as the source states them, variances in [0, 1] units, or None.
        provenance: where the burst comes from, as JSON values; ``notes`` in it is a list.

    BurstError for values that are not of this form.
    """

    frames: np.ndarray | LazyFrames
    black: float | Sequence[float]
    white: float
    cfa: str
    camera: str
    iso: float
    scene: str
    clean: np.ndarray | None = None
    nlf: NLF | None = None
    provenance: dict = field(default_factory=dict)

    def __post_init__(self):
        name, shape = self.scene, tuple(self.frames.shape)
        if len(shape) != 4 or shape[1] != 4:
            raise BurstError(f"{name}: frames must be packed planes (T, 4, h, w), got {shape}: see n2nf_core.raw.pack")
        if self.frames.dtype not in (np.uint16, np.float32):
            raise BurstError(f"{name}: frames must be uint16 or float32, got {self.frames.dtype}: convert them")
        if self.cfa not in PATTERNS:
            raise BurstError(f"{name}: cfa {self.cfa!r} is not RGGB or MONO: unify it first with n2nf_core.raw.unify")
        if not (math.isfinite(self.iso) and self.iso > 0):
            raise BurstError(f"{name}: ISO must be a positive number, got {self.iso}")
        if self.clean is not None and self.clean.shape != shape[1:]:
            raise BurstError(f"{name}: clean is {self.clean.shape}, but a frame is {shape[1:]}: give one of its shape")
        try:
            black = raw.four_levels(self.black)
        except ValueError as error:
            raise BurstError(f"{name}: {error}") from None
        if not max(black) < self.white < math.inf:
            raise BurstError(
                f"{name}: white level {self.white:g} must lie above black level {max(black):g}: give both in DN"
            )
        object.__setattr__(self, "black", black)

    def __len__(self) -> int:
        return self.frames.shape[0]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(T, 4, h, w)."""
        return tuple(self.frames.shape)

    def planes(self, index: Index) -> Tensor:
        """(frames[index] - black) / (white - black), (k, 4, h, w) float32; k = 1 for an integer."""
        frames = self.frames[index]
        frames = frames[None] if isinstance(index, (int, np.integer)) else frames
        return torch.from_numpy(np.ascontiguousarray(raw.normalise(frames, self.black, self.white)))

    @property
    def step(self) -> Tensor:
        """1 / (white - black), the size of one DN in [0, 1] units, for every plane: (4, 1, 1) float32."""
        return 1 / (self.white - torch.tensor(self.black))[:, None, None]

    def frame(self, t: int) -> Burst:
        """Frame number ``t`` as a burst of its own; its reference is not that of this burst."""
        return replace(self, frames=self.frames[[t]])

    def leave_one_out(self, index: Index) -> Tensor:
        """(sum of all frames - frame t) / (T - 1), in [0, 1] units, for every t in ``index``: (k, 4, h, w) float32.

        The noise of this mean is independent of the noise of frame t, so it can serve as the clean image for frame t.
        BurstError for a burst of one frame.
        """
        if len(self) < 2:
            raise BurstError(f"{self.scene}: the mean of the other frames needs a burst of at least two frames")
        others = self.planes(index)
        return others.neg_().add_(self._sum).div_(len(self) - 1)

    def reference(self, index: Index = slice(None)) -> Tensor:
        """The clean signal of the frames in ``index``, (k, 4, h, w) in [0, 1] units: ``clean``, or the others' mean.

        Where frames are large, ask for one at a time.
        """
        if self.clean is None:
            return self.leave_one_out(index)
        return torch.as_tensor(self.clean).expand(len(np.atleast_1d(np.arange(len(self))[index])), -1, -1, -1)

    @cached_property
    def _sum(self) -> Tensor:
        total = self.planes(0)[0]
        for t in range(1, len(self)):
            total += self.planes(t)[0]
        return total

    def saturated_fraction(self) -> float:
        """Fraction of all values that are at or above the white level."""
        return float(np.mean([np.mean(self.frames[t] >= self.white) for t in range(len(self))]))

    def crop(self, rows: slice, columns: slice = slice(None)) -> Burst:
        """The burst in a window of plane rows and columns, given as slices without a step.

        ``provenance["window"]`` states [start, stop] of both, in the coordinates of the stored burst.
        """
        lazy = isinstance(self.frames, LazyFrames)
        frames = self.frames.crop(rows, columns) if lazy else self.frames[:, :, rows, columns]
        height, width = self.shape[2:]
        known = self.provenance.get("window", [[0, height], [0, width]])
        kept = [range(*start_stop)[part] for start_stop, part in zip(known, (rows, columns), strict=True)]
        return replace(
            self,
            frames=frames,
            clean=None if self.clean is None else self.clean[:, rows, columns],
            provenance={**self.provenance, "window": [[part.start, part.stop] for part in kept]},
        )


def recordings(bursts: Sequence[Burst]) -> list[tuple[str, float, Burst]]:
    """(camera, ISO, burst) of every burst, for fitting the baselines, which read one frame at a time."""
    return [(burst.camera, burst.iso, burst) for burst in bursts]


def iso_knots(bursts: Sequence[Burst]) -> dict[str, list[float]]:
    """camera -> the ISO values of its bursts, ascending; a flow takes them as its ISO knots."""
    found: dict[str, set[float]] = {}
    for burst in bursts:
        found.setdefault(burst.camera, set()).add(float(burst.iso))
    return {camera: sorted(isos) for camera, isos in sorted(found.items())}


def with_means(burst: Burst, frames: int) -> list[Burst]:
    """The burst in parts of ``frames`` frames, each with the mean of its frames in place of the clean image.

    Frames that are left over at the end are not used. So every frame has 1 / ``frames`` of its noise in its ``clean``.

    Arguments:
        burst: of T >= ``frames`` frames.
        frames: number of frames of each part.
    """
    parts = []
    for start in range(0, len(burst) - frames + 1, frames):
        mean = torch.stack([burst.planes(t)[0].double() for t in range(start, start + frames)]).mean(0)
        kept = burst.frames if frames == len(burst) else burst.frames[start : start + frames]
        parts.append(replace(burst, frames=kept, clean=mean.float().numpy()))
    return parts
