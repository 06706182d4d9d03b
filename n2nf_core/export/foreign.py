"""Noise models of other programs, as baselines: CAREamics' mixtures, darktable's profiles, the profile in a DNG file.

What is read follows :class:`~n2nf_core.types.NoiseModel`, so it can be scored, plotted, drawn from and exported.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from n2nf_core.baselines import GaussianMixture, GaussianNoise, PerPlane
from n2nf_core.files import one_line
from n2nf_core.types import NLF

CAREAMICS_KEYS = ("trained_weight", "min_signal", "max_signal", "min_sigma")
NOISE_PROFILE, CAMERA_MODEL, ISO = 51041, 272, 34855


def read_careamics(
    paths: str | Path | Sequence[str | Path], black: float, white: float, camera: str = "camera", iso: float = 100.0
) -> GaussianMixture | PerPlane:
    """The noise model of CAREamics that its GaussianMixtureNoiseModel.save wrote; for several files one per plane.

    CAREamics clips the likelihood from below by adding 1e-10; this model does not, so that its density integrates to 1.

    Arguments:
        paths: an ``.npz`` file, or one for every colour plane.
        black: the signal in the file's units that is 0 in ours.
        white: the signal in the file's units that is 1 in ours.
        camera: name of the camera, which the file does not state.
        iso: ISO setting, which it does not state either.

    ValueError, which names the file, for a file that is no such model.
    """
    if not isinstance(paths, (str, Path)):
        return PerPlane([read_careamics(path, black, white, camera, iso) for path in paths])
    try:
        with np.load(paths, allow_pickle=False) as file:
            weight, low, high, smallest = (np.asarray(file[key], dtype=np.float64) for key in CAREAMICS_KEYS)
        signals = (float(low.reshape(())), float(high.reshape(())))
        levels = (float(black), float(white))
        return GaussianMixture(torch.from_numpy(weight), signals, float(smallest.reshape(())), levels, camera, iso)
    except Exception as error:  # numpy raises errors of many types for a file that is not its own
        needed = f"it needs {', '.join(CAREAMICS_KEYS)}"
        raise ValueError(f"{paths}: not a noise model of CAREamics: {needed} ({one_line(error)})") from error


def read_darktable(path: str | Path, camera: str) -> PerPlane:
    """The profiles of one camera in darktable's ``noiseprofiles.json``: var = a x + b, for R, G, G and B.

    Of several profiles at one ISO the last is used, and those that are marked ``skip`` are left out. A negative a or b,
    which a fit can give, is set to 0.

    path: the file. camera: darktable's name of the model, as "EOS-1Ds", with or without the maker before it.

    FileNotFoundError; ValueError, which names the file, for another kind of file, and for a camera that is not in it.
    """
    try:
        makers = json.loads(Path(path).read_text(encoding="utf-8"))["noiseprofiles"]
        known = [(maker["maker"], one["model"], one["profiles"]) for maker in makers for one in maker["models"]]
        found = [rows for maker, model, rows in known if camera in (model, f"{maker} {model}")]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path}: not a noiseprofiles.json of darktable ({one_line(error)})") from error
    if len(found) != 1:
        several = "several cameras of this name: add the maker" if found else "no such camera"
        raise ValueError(f"{path}: {several}; {camera!r} is asked for, and it has {len(known)} cameras")
    rows = [row for row in found[0] if not row.get("skip")]
    tables = [{row["iso"]: NLF(max(row["a"][k], 0.0), max(row["b"][k], 0.0)) for row in rows} for k in (0, 1, 1, 2)]
    return PerPlane([GaussianNoise({camera: table}) for table in tables])


def read_dng_profile(path: str | Path, camera: str | None = None, iso: float | None = None) -> PerPlane:
    """The tag NoiseProfile of a DNG file: var = S x + O, for R, G, G and B, or the same for all planes.

    Arguments:
        path: the file.
        camera: name of the camera; by default the model that the file states, or "camera".
        iso: ISO setting; by default the one that the file states, or 100.

    FileNotFoundError; ValueError, which names the file, for a file without the tag.
    """
    import tifffile

    found: dict = {}
    try:
        with tifffile.TiffFile(path) as file:
            for page in (file.pages[0], *(file.pages[0].pages or ())):
                for tag in page.aspage().tags:
                    found.setdefault(tag.code, tag.value)
    except FileNotFoundError:
        raise
    except Exception as error:  # tifffile raises errors of many types
        raise ValueError(f"{path}: not a readable DNG file ({one_line(error)})") from error
    numbers = np.ravel(found.get(NOISE_PROFILE, ()))
    if len(numbers) not in (2, 6):
        raise ValueError(f"{path}: the tag NoiseProfile must hold 2 or 6 numbers, and it holds {len(numbers)}")
    pairs = np.broadcast_to(numbers.reshape(-1, 2), (3, 2))[[0, 1, 1, 2]]
    name = camera or str(found.get(CAMERA_MODEL, "camera")).strip()
    setting = iso or float(np.ravel(found.get(ISO, 100.0))[0])
    return PerPlane([GaussianNoise({name: {setting: NLF(*pair.tolist())}}) for pair in pairs])
