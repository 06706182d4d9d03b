"""NPZ stacks: ``frames`` (T, H, W) in DN, and, where they are known, ``black, white, cfa, camera, iso, clean``.

``black`` is one value or four by position in the 2x2 cell, in DN. ``clean`` is (H, W) in DN, like the frames.
``setting`` holds (T,) integers. If it is there, frames with the same number form a burst, and ``settings`` may hold one
text per number that names the burst.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from n2nf_core.bursts import Burst, BurstError
from n2nf_core.importers.options import Options
from n2nf_core.importers.stack import source_of, stack_burst


def read_npzs(files: list[Path], folder: Path | None, options: Options) -> Iterator[Burst]:
    """The bursts of several files, one file after the other (:func:`read_npz`).

    Arguments:
        files: the files, in order.
        folder: not used; every importer of files takes it.
        options: settings that replace what the files state.
    """
    return (burst for file in files for burst in read_npz(file, options))


def read_npz(path: Path, options: Options) -> Iterator[Burst]:
    """Yield the bursts of an NPZ file.

    Errors: BurstError for a damaged file, for pickled objects, and for missing frames.
    """
    arrays = load_arrays(path)
    if "frames" not in arrays:
        raise BurstError(f"{path}: an NPZ stack needs the key frames (T, H, W), but it has {', '.join(arrays)}")
    frames, clean, source = arrays["frames"], arrays.get("clean"), source_of([path], path, "npz")
    stated = Options(**{name: _scalar(arrays[name]) for name in Options._fields if name in arrays})
    if "setting" not in arrays:
        yield stack_burst(frames, options, stated, source, scene=path.stem, clean=clean)
        return
    setting = arrays["setting"]
    if setting.shape != frames.shape[:1]:
        raise BurstError(f"{path}: setting has shape {setting.shape}, but there are {len(frames)} frames")
    for k in np.unique(setting).tolist():
        text = str(arrays["settings"][k]) if "settings" in arrays else f"setting {k}"
        named = {**source, "name": f"{path.stem}_{k:03d}"}
        scene = f"{path.stem} {text}"
        yield stack_burst(frames[setting == k], options, stated, named, scene=scene, clean=clean)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an NPZ file. Nothing is unpickled.

    Errors: BurstError, one line, for a file that cannot be read that way.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise BurstError(f"{path}: not a readable NPZ file ({error})") from error
        message = (
            "it holds Python objects, not arrays of numbers, perhaps because of frames of different size: "
            "store one array (T, H, W)"
        )
        raise BurstError(f"{path}: {message}") from error
    except (OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise BurstError(f"{path}: not a readable NPZ file; it may be truncated ({error})") from error


def _scalar(value: np.ndarray):
    """A number, a text, or a list of numbers."""
    return value.item() if value.size == 1 else value.tolist()
