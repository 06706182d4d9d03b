"""From bursts to noisy pairs: which frames go together, patches on a grid, and the batches that feed training."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from n2nf_core.bursts import Burst
from n2nf_core.cameras import camera_index
from n2nf_core.types import NoisyPair


def frame_pairs(count: int, lag: int = 1) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j <= i + lag, of ``count`` frames: consecutive by default, all with lag = count - 1.

    >>> frame_pairs(3), frame_pairs(3, lag=2)
    ([(0, 1), (1, 2)], [(0, 1), (0, 2), (1, 2)])
    """
    if count < 2 or lag < 1:
        raise ValueError(f"a pair needs at least 2 frames and a lag of at least 1, got {count} and {lag}")
    return [(i, j) for i in range(count) for j in range(i + 1, min(i + lag, count - 1) + 1)]


def grid_patches(planes: Tensor, size: int) -> Tensor:
    """Non-overlapping patches of (N, C, H, W): (N * rows * columns, C, size, size), image by image.

    What is left at the bottom and right is not used. ValueError where not one patch fits.
    """
    count, channels, height, width = planes.shape
    rows, columns = height // size, width // size
    if not rows or not columns:
        raise ValueError(f"no {size}x{size} patch fits into planes of {height}x{width}")
    cut = planes[:, :, : rows * size, : columns * size].unflatten(2, (rows, size)).unflatten(4, (columns, size))
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, size, size)


def lag_variance(frames: Tensor, lag: int) -> float:
    """Mean of (y_t - y_{t+lag})^2 / 2 over pixels and t: the noise variance, plus what changed in the scene meanwhile.

    frames: (T, C, H, W), T > lag.
    """
    return float((frames[lag:] - frames[:-lag]).double().square().mean() / 2)


def difference_correlation(frames: Tensor, reach: int = 4) -> Tensor:
    """Spatial autocorrelation of y_t - y_{t+1} per plane, (2 reach + 1, 2 reach + 1), 1 at its centre.

    frames: (T, C, H, W). White noise is 0 elsewhere, within about 1 / sqrt(T C H W).
    """
    difference = frames[1:] - frames[:-1]
    difference = difference - difference.mean((2, 3), keepdim=True)
    spectrum = torch.fft.rfft2(difference.double()).abs().square().mean((0, 1))
    correlation = torch.fft.irfft2(spectrum, s=difference.shape[2:])
    return torch.roll(correlation / correlation[0, 0], (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]


def mirror(planes: Tensor, vertical: bool, horizontal: bool) -> Tensor:
    """Mirror mosaics in packed planes (..., 4, h, w) and drop a row and column, so that the CFA stays as it was.

    A mirrored RGGB mosaic begins with the other colour; without its first row or column it is RGGB again, which in
    planes shifts the even rows (or columns) of the mosaic by one against the odd ones. Not mirrored, the last row and
    column are dropped. Returns (..., 4, h - 1, w - 1). Rows stay rows, so row noise keeps its structure.
    """
    cells = planes.unflatten(-3, (2, 2))  # (..., row parity, column parity, h, w)
    even, odd = (cells[..., parity, :, :, :] for parity in (0, 1))
    even, odd = (
        (even[..., 1:, :].flip(-2), odd[..., :-1, :].flip(-2)) if vertical else (even[..., :-1, :], odd[..., :-1, :])
    )
    cells = torch.stack((even, odd), -4)
    even, odd = (cells[..., parity, :, :] for parity in (0, 1))
    even, odd = (even[..., 1:].flip(-1), odd[..., :-1].flip(-1)) if horizontal else (even[..., :-1], odd[..., :-1])
    return torch.stack((even, odd), -3).flatten(-4, -3)


class PatchPairs:
    """Batches of patch pairs at random places of random frame pairs: an endless iterable of NoisyPair.

    Batch number k depends on ``seed`` and k alone, so a resumed run sees what an unbroken one would. A batch
    takes ``scenes`` whole frame pairs to the device (kept there while they fit in ``cache_bytes``) and cuts
    batch / scenes patches from each, mirrored at random. Bursts count by their number of pixels.

    bursts: at least one of two frames. cameras: the names that ``camera`` indexes. patch: side in planes.
    batch: patches. scenes: a divisor of batch, by default the largest up to 8. lag: largest distance of the two
    frames. Raises ValueError, UnknownCameraError.
    """

    def __init__(
        self,
        bursts: Sequence[Burst],
        cameras: Sequence[str],
        *,
        patch: int = 32,
        batch: int = 32,
        scenes: int | None = None,
        lag: int = 1,
        seed: int = 0,
        device: str | torch.device = "cpu",
        cache_bytes: int = 4 << 30,
    ):
        if not bursts:
            raise ValueError("no bursts to take pairs from")
        scenes = scenes or next(n for n in range(8, 0, -1) if batch % n == 0)
        if batch % scenes:
            raise ValueError(f"batch ({batch}) must be a multiple of scenes ({scenes})")
        for burst in bursts:
            if min(burst.shape[2:]) <= patch:
                raise ValueError(
                    f"{burst.scene}: planes of {burst.shape[2]}x{burst.shape[3]} are too small for patches of "
                    f"{patch}x{patch}, which need one row and column more"
                )
        self.bursts, self.patch, self.batch_size, self.scenes = list(bursts), patch, batch, scenes
        self.pairs = [frame_pairs(len(burst), lag) for burst in bursts]
        self.camera = [camera_index(burst.camera, cameras) for burst in bursts]
        self.weight = torch.tensor([float(b.frames.shape[-1] * b.frames.shape[-2]) for b in bursts])
        self.seed, self.device, self.cache_bytes = seed, torch.device(device), cache_bytes
        self._cache: OrderedDict[tuple[int, int | None], Tensor] = OrderedDict()

    def __iter__(self) -> Iterator[NoisyPair]:
        return self.from_step(0)

    def from_step(self, step: int) -> Iterator[NoisyPair]:
        """The batches from number ``step`` on."""
        while True:
            yield self.batch(step)
            step += 1

    def fingerprint(self) -> str:
        """A checksum of the bursts (names, settings, first frames) and of how pairs are drawn from them."""
        digest = hashlib.sha256(repr((self.patch, self.batch_size, self.scenes, self.pairs, self.seed)).encode())
        for burst, camera in zip(self.bursts, self.camera, strict=True):
            digest.update(repr((burst.scene, camera, burst.iso, burst.shape, burst.black, burst.white)).encode())
            digest.update(np.ascontiguousarray(burst.frames[0]))
        return digest.hexdigest()

    def batch(self, step: int) -> NoisyPair:
        """Batch number ``step``."""
        number = np.random.SeedSequence([self.seed, step]).generate_state(1)[0]  # torch reads 32 bits of a seed
        generator = torch.Generator().manual_seed(int(number))
        chosen = torch.multinomial(self.weight, self.scenes, replacement=True, generator=generator).tolist()
        first, second, clean = zip(*(self._patches(index, generator) for index in chosen), strict=True)
        each = self.batch_size // self.scenes
        camera = torch.tensor([self.camera[i] for i in chosen]).repeat_interleave(each)
        iso = torch.tensor([float(self.bursts[i].iso) for i in chosen]).repeat_interleave(each)
        reference = None if any(c is None for c in clean) else torch.cat(clean)
        return NoisyPair(torch.cat(first), torch.cat(second), camera.to(self.device), iso.to(self.device), reference)

    def _patches(self, index: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor | None]:
        burst, pairs = self.bursts[index], self.pairs[index]
        i, j = pairs[int(torch.randint(len(pairs), (), generator=generator))]
        if int(torch.randint(2, (), generator=generator)):
            i, j = j, i
        height, width = burst.frames.shape[-2:]
        each = self.batch_size // self.scenes
        top = torch.randint(height - self.patch, (each,), generator=generator)
        left = torch.randint(width - self.patch, (each,), generator=generator)
        vertical, horizontal = torch.randint(2, (2,), generator=generator).bool().tolist()
        frames = [self._frame(index, i), self._frame(index, j)]
        if burst.clean is not None:
            frames.append(self._frame(index, None))
        span = torch.arange(self.patch + 1)
        rows, columns = (start[:, None] + span for start in (top, left))
        place = (rows[:, :, None].to(self.device), columns[:, None, :].to(self.device))
        patches = [mirror(frame[:, place[0], place[1]].transpose(0, 1), vertical, horizontal) for frame in frames]
        return patches[0], patches[1], patches[2] if len(patches) > 2 else None

    def _frame(self, index: int, frame: int | None) -> Tensor:
        """One frame (C, H, W) on the device, or the clean reference; the least recently used ones give way."""
        key = (index, frame)
        if key not in self._cache:
            burst = self.bursts[index]
            planes = burst.planes(frame)[0] if frame is not None else torch.as_tensor(burst.clean)
            self._cache[key] = planes.to(self.device, torch.float32)
            while len(self._cache) > 2 and sum(t.nbytes for t in self._cache.values()) > self.cache_bytes:
                self._cache.popitem(last=False)
        self._cache.move_to_end(key)
        return self._cache[key]
