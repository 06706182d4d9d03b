"""NPZ stacks: ``frames`` (T, H, W) in DN, and where known ``black, white, cfa, camera, iso, clean``.

black: one value or four by position in the 2x2 cell, DN. clean: (H, W) in DN, like the frames. ``setting`` (T,)
integers parts the frames into one burst per setting, named by ``settings`` (one text per setting) where given.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from n2nf_core.bursts import Burst, BurstError
from n2nf_core.importers.stack import Options, source_of, stack_burst


def read_npzs(files: list[Path], folder: Path | None, options: Options) -> Iterator[Burst]:
    """:func:`read_npz` of several files, one after the other."""
    return (burst for file in files for burst in read_npz(file, options))


def read_npz(path: Path, options: Options) -> Iterator[Burst]:
    """Yield the bursts of an NPZ file. BurstError for a damaged file, pickled objects, missing frames."""
    arrays = load_arrays(path)
    if "frames" not in arrays:
        raise BurstError(f"{path}: an NPZ stack needs the key frames (T, H, W), it has {', '.join(arrays)}")
    frames, clean, source = arrays["frames"], arrays.get("clean"), source_of([path], path, "npz")
    stated = Options(**{name: _scalar(arrays[name]) for name in Options._fields if name in arrays})
    if "setting" not in arrays:
        yield stack_burst(frames, options, stated, source, scene=path.stem, clean=clean)
        return
    setting = arrays["setting"]
    if setting.shape != frames.shape[:1]:
        raise BurstError(f"{path}: setting has shape {setting.shape}, there are {len(frames)} frames")
    for k in np.unique(setting).tolist():
        text = str(arrays["settings"][k]) if "settings" in arrays else f"setting {k}"
        named = {**source, "name": f"{path.stem}_{k:03d}"}
        scene = f"{path.stem} {text}"
        yield stack_burst(frames[setting == k], options, stated, named, scene=scene, clean=clean)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an NPZ file; nothing is unpickled. BurstError, one line, where that fails."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise BurstError(f"{path}: not a readable NPZ file ({error})") from error
        message = "holds Python objects, not arrays of numbers (frames of different size?): store one (T, H, W)"
        raise BurstError(f"{path}: {message}") from error
    except (OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise BurstError(f"{path}: not a readable NPZ file, truncated? ({error})") from error


def _scalar(value: np.ndarray):
    """A number, a text, or a list of numbers."""
    return value.item() if value.size == 1 else value.tolist()
