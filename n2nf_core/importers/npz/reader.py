"""NumPy files: NPZ stacks with ``frames`` (T, H, W) in DN and what is known about them, and NPY files of frames alone.

An NPZ file may state ``black, white, cfa, camera, iso, clean``, and ``exposure_s, gain, offset, filter, kind, mode``.
``black`` is one value or four by position in the 2x2 cell, in DN. ``clean`` is (H, W) in DN, like the frames. Other
fields may hold one value per frame; frames of several settings become several bursts. ``setting`` holds T numbers or
texts. If it is there, frames with the same one form a burst, and ``settings`` may hold one text per number.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.importers.frames import ChosenFrames
from n2nf_core.importers.names import is_known, stated_by_name
from n2nf_core.importers.npz.arrays import Member, members, npy_frames
from n2nf_core.importers.stack import Stack
from n2nf_core.importers.stated import Stated

_OWN = ("frames", "clean", "setting", "settings")


def read_npy(path: Path) -> list[Stack]:
    """The frames (T, H, W), or the one frame (H, W), of an NPY file, which states nothing else.

    Errors: BurstError for a damaged file and for pickled objects.
    """
    frames = npy_frames(path)
    return [Stack(frames, notes=_order(path, frames.shape))]


def read_npz(path: Path) -> list[Stack]:
    """The stacks of an NPZ file, one for every value of ``setting``.

    Errors: BurstError, one line, for a damaged file, for pickled objects, and for missing frames or fields that do not
    fit to them.
    """
    found = members(path)
    if "frames" not in found:
        keys = ", ".join(f"{name} {member.shape}" for name, member in found.items())
        raise BurstError(f"{path}: an NPZ stack needs the key frames (T, H, W), but it has {keys or 'no keys'}")
    frames = found["frames"].frames()
    if len(frames.shape) != 3:
        raise BurstError(f"{path}: frames must be numbers (T, H, W), got {frames.dtype} of shape {frames.shape}")
    notes = [f"field {name} is not known and not used" for name in found if name not in _OWN and not is_known(name)]
    notes += _order(path, frames.shape)
    stated = _stated(path, found, len(frames), notes)
    stack = Stack(frames, stated, clean=found["clean"].load() if "clean" in found else None, notes=notes)
    return _by_setting(path, stack, found) if "setting" in found else [stack]


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an NPZ file. Nothing is unpickled.

    Errors: BurstError, one line, for a file that cannot be read that way.
    """
    return {name: member.load() for name, member in members(path).items()}


def _order(path: Path, shape: tuple[int, ...]) -> list[str]:
    """A note, also as a warning, on frames so narrow that another axis seems to be time."""
    *sides, width = shape
    if len(shape) != 3 or min(sides[1], width) >= 16 or max(sides[1], width) < 4 * min(sides[1], width):
        return []
    note = f"{shape[0]} frames of {sides[1]} x {width}: if another axis is time, bring it to the front (np.moveaxis)"
    warnings.warn(f"{path}: {note}", BurstWarning, stacklevel=4)
    return [note]


def _stated(path: Path, found: dict[str, Member], count: int, notes: list[str]) -> list[Stated]:
    """What the fields state about each frame. An array of T values, or of T black levels (T, 4), has one per frame.

    Axes of length 1 are ignored.
    """
    arrays = {name: found[name].load().squeeze() for name in found if name not in _OWN and is_known(name)}
    by_frame = {}
    for name, array in arrays.items():
        if array.shape == ((count, 4) if name == "black" else (count,)) and name not in ("white", "cfa"):
            by_frame[name] = array
    common = {name: array[()] if array.ndim == 0 else array for name, array in arrays.items() if name not in by_frame}
    one = stated_by_name(path, common, notes)
    if not by_frame:
        return [one] * count
    frames = [stated_by_name(path, {name: by_frame[name][t] for name in by_frame}, notes) for t in range(count)]
    return [Stated(*(own if own is not None else its for own, its in zip(frame, one, strict=True))) for frame in frames]


def _by_setting(path: Path, stack: Stack, found: dict[str, Member]) -> list[Stack]:
    setting, count = np.atleast_1d(found["setting"].load().squeeze()), len(stack.frames)
    if setting.shape != (count,):
        raise BurstError(f"{path}: setting has shape {setting.shape}, but there are {count} frames")
    if setting.dtype.kind == "f" and not np.isfinite(setting).all():
        raise BurstError(f"{path}: setting has NaN or infinite values: number the settings")
    texts = found["settings"].load().ravel() if "settings" in found else None
    return [
        stack._replace(
            frames=ChosenFrames(stack.frames, np.flatnonzero(setting == value).tolist()),
            stated=[stack.stated[t] for t in np.flatnonzero(setting == value)],
            name=_name(path, value.item(), texts),
            key=f"{value:03.0f}" if setting.dtype.kind in "ui" else f"{k:03d}",
        )
        for k, value in enumerate(np.unique(setting))
    ]


def _name(path: Path, value: float | str, texts: np.ndarray | None) -> str:
    if texts is None or isinstance(value, str):
        return value if isinstance(value, str) else f"setting {value:g}"
    if value not in range(len(texts)):
        raise BurstError(f"{path}: setting has the value {value:g}, but settings has {len(texts)} texts")
    return str(texts[int(value)])
