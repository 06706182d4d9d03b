"""SIDD (Abdelhamed et al., CVPR 2018): the bursts of its instances, which :mod:`n2nf_core.importers.sidd_files` finds.

RAW files are MATLAB v7.3 (HDF5) with the key ``x``, float32 in [0, 1] with the black level removed. Metadata files are
MATLAB v5.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import Burst, BurstError, BurstWarning, LazyFrames
from n2nf_core.importers.hdf5 import open_array
from n2nf_core.importers.matlab import read_array
from n2nf_core.importers.options import Options
from n2nf_core.importers.provenance import source_of
from n2nf_core.importers.sidd_files import Instance, files_of, instance_name
from n2nf_core.importers.sidd_files import instances as instances
from n2nf_core.importers.sidd_metadata import Metadata, read_metadata
from n2nf_core.importers.stated import Stated, by_setting, check_same

# fmt: off
TRAIN_INSTANCES = (
    4, 11, 13, 17, 18, 20, 22, 23, 25, 27, 28, 29, 30, 34, 35, 39, 40, 42, 43, 44, 45, 47, 81, 86, 88, 90,
    101, 102, 104, 105, 110, 111, 115, 116, 125, 126, 127, 129, 132, 135, 138, 140, 175, 177, 178, 179, 180,
    181, 185, 186, 189, 192, 193, 194, 196, 197,
)
TEST_INSTANCES = (
    54, 55, 57, 59, 60, 62, 63, 66, 150, 151, 152, 154, 155, 159, 160, 161, 163, 164, 165, 166, 198, 199,
)
# fmt: on
"""The instances on which the paper's models were trained and tested."""

CAMERA_CFA = {"GP": "BGGR", "IP": "RGGB", "S6": "GRBG", "N6": "BGGR", "G4": "BGGR"}


def read_instance(instance: Instance, options: Options) -> Burst:
    """The burst of an instance, with black = 0 and white = 1. A frame is read when it is used.

    ``clean`` is the mean of the instance's ground-truth files, each of which is an estimate of the same static scene.

    Errors: BurstError for damaged files, for frames of different size, and if camera, ISO or CFA are unknown.
    """
    base, number, files = instance
    name, notes = instance_name(base), []
    metadata, stated = _stated(instance, options, notes)
    camera, iso, cfa = stated.camera, stated.iso, stated.cfa
    sizes = [_size(file) for file in files]
    check_same(base, sizes, files)
    height, width = sizes[0]
    rows, columns = raw.crop_of(cfa)
    window = range(height // 2 - rows), range(width // 2 - columns)
    source = source_of(files, base, "sidd")
    source |= {"name": instance.name, "instance": int(number)}
    burst = Burst(
        LazyFrames(partial(_planes, files, cfa), len(files), np.dtype(np.float32), *window),
        black=0.0,
        white=1.0,
        cfa=raw.unified(cfa),
        camera=camera,
        iso=float(iso),
        scene=f"sidd-{name[2]}" if name else f"sidd-instance-{number}",
        clean=_clean(files_of(base, number, "GT"), cfa, notes),
        nlf=metadata.nlf,
        provenance={**source, "crop": [rows, columns], "notes": notes},
    )
    return Options(black=options.black, white=options.white).applied(burst)


def _stated(instance: Instance, options: Options, notes: list[str]) -> tuple[Metadata, Stated]:
    """The metadata of the first frame, and what is stated about all frames, which are of one setting in SIDD."""
    base, number, files = instance
    name, where = instance_name(base), f"{base}: instance {number}"
    found = {path.stem[-3:]: read_metadata(path) for path in files_of(base, number, "METADATA")}
    first = next(iter(found.values()), Metadata())
    frames = [found.get(file.stem[-3:], first) for file in files]
    if name and first.iso not in (None, float(name[4])):
        _tell(
            notes, where, f"metadata state ISO {first.iso:g}, the folder's name {float(name[4]):g}: {first.iso:g} used"
        )
    stated = [
        Stated(
            camera=name[3] if name else one.camera,
            iso=one.iso or (float(name[4]) if name else None),
            cfa=one.cfa,
            exposure_s=one.exposure_s,
        )
        for one in frames
    ]
    settings = by_setting(where, stated, files, options)
    if len(settings[0].frames) != len(files):
        labels = "; ".join(setting.label for setting in settings)
        raise BurstError(f"{where}: its frames must have one setting, but they have several ({labels})")
    agreed = settings[0].stated
    if not agreed.camera or not agreed.iso:
        raise BurstError(
            f"{base}: neither the metadata nor the folder's name state both camera and ISO: give camera and iso"
        )
    notes += [*settings[0].notes, *first.notes]
    cfa = options.cfa or _cfa(agreed.camera, agreed.cfa, where, notes)
    return first, agreed._replace(cfa=cfa)


def _tell(notes: list[str], where: str, text: str) -> None:
    notes.append(text)
    warnings.warn(f"{where}: {text}", BurstWarning, stacklevel=4)


def _cfa(camera: str, stated: str | None, where: str, notes: list[str]) -> str:
    """The CFA that the metadata state, else the camera's. If the two differ, the metadata's is used with a warning."""
    expected = CAMERA_CFA.get(camera)
    if stated is None and expected is None:
        raise BurstError(f"{where}: there is no CFA in the metadata, and none known for camera {camera}: give cfa")
    if stated is None:
        notes.append(f"CFA {expected} from the camera, since no metadata state it")
    elif expected is not None and stated != expected:
        _tell(notes, where, f"metadata state CFA {stated}, {camera} is known as {expected}: {stated} used")
    return stated or expected


def _planes(files: Sequence[Path], cfa: str, t: int) -> np.ndarray:
    with open_array(files[t]) as x:
        mosaic = x[()].T.astype(np.float32)  # HDF5 holds the MATLAB array transposed
    if not np.isfinite(mosaic).all():
        raise BurstError(f"{files[t]}: it has NaN or infinite values: copy or download it again")
    return raw.pack(raw.unify(mosaic, cfa))


def _size(path: Path) -> tuple[int, int]:
    with open_array(path) as x:
        height, width = reversed(x.shape)
    try:
        raw.check_even(height, width)
    except ValueError as error:
        raise BurstError(f"{path}: {error}") from None
    return height, width


def _clean(files: Sequence[Path], cfa: str, notes: list[str]) -> np.ndarray | None:
    """Mean of the ground-truth files, (4, h, w) float32. The notes state how much the first file differs from it."""
    if not files:
        return None
    first = _planes(files, cfa, 0)
    mean = first.astype(np.float64)
    for t in range(1, len(files)):
        mean += _planes(files, cfa, t)
    mean /= len(files)
    off = float(np.sqrt(np.mean((first - mean) ** 2)))
    notes.append(f"clean is the mean of {len(files)} ground-truth files; the first differs by {off:.2g} (RMS)")
    return mean.astype(np.float32)


def validation_blocks(
    noisy: str | Path, clean: str | Path, cameras: Sequence[str], isos: Sequence[float], cfas: Sequence[str]
) -> Iterator[Burst]:
    """Yield one burst of one frame, with ``clean``, for every block of ``Validation{Noisy,Gt}BlocksRaw.mat``.

    The blocks serve to evaluate. They cannot be used for training, since one frame gives no noisy pair.

    Arguments:
        noisy: file with the noisy blocks, (images, blocks, H, W) float32 in [0, 1].
        clean: file with the clean blocks, of the same shape and unit.
        cameras: name of the camera of every image.
        isos: ISO setting of every image.
        cfas: colour filter of every image, one of ``raw.CFAS``.

    Errors: BurstError for files that cannot be read, and for files of different shape.
    """
    frames, references = _blocks(Path(noisy)), _blocks(Path(clean))
    if frames.shape != references.shape:
        raise BurstError(
            f"noisy and clean blocks must have one shape: {noisy} holds {frames.shape}, {clean} holds "
            f"{references.shape}"
        )
    for i, (camera, iso, cfa) in enumerate(zip(cameras, isos, cfas, strict=True)):
        for k in range(frames.shape[1]):
            planes, reference = (raw.pack(raw.unify(blocks[i, k], cfa)) for blocks in (frames, references))
            provenance = {"source": Path(noisy).name, "importer": "sidd", "image": i, "block": k}
            scene, pattern = f"sidd-validation-{i:02d}", raw.unified(cfa)
            yield Burst(planes[None], 0.0, 1.0, pattern, camera, iso, scene, reference, None, provenance)


def _blocks(path: Path) -> np.ndarray:
    blocks = read_array(path, path.stem)
    if blocks.ndim != 4 or blocks.dtype.kind not in "fiu" or not np.isfinite(blocks).all():
        raise BurstError(f"{path}: the blocks must be numbers (images, blocks, H, W), without NaN or infinite values")
    return blocks.astype(np.float32, copy=False)


def reject_single(path: Path) -> None:
    """Raise a BurstError that says what to give instead of a single .mat file."""
    if path.stem.startswith("Validation"):
        raise BurstError(
            f"{path}: it has one frame per block, and training needs two: use importers.sidd.validation_blocks"
        )
    raise BurstError(f"{path}: a single .MAT is one frame: give its instance folder or SIDD's Data folder")


def split_instances(bursts: Sequence[Burst]) -> tuple[list[Burst], list[Burst]]:
    """The bursts (train, test) by the instance lists of the paper. A burst that is in neither list is left out."""
    numbers = [burst.provenance.get("instance") for burst in bursts]
    pairs = list(zip(numbers, bursts, strict=True))
    return [b for n, b in pairs if n in TRAIN_INSTANCES], [b for n, b in pairs if n in TEST_INSTANCES]
