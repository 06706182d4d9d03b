"""A camera's noise on clean images in files: TIFF, NPZ, PNG and JPEG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from n2nf_core import raw
from n2nf_core.export.transforms import CameraNoise
from n2nf_core.files import durable_replace, one_line

LINEAR, SRGB = (".tif", ".tiff", ".npz"), (".png", ".jpg", ".jpeg")
APPROXIMATE = (
    "sRGB made linear by its standard curve, and back; the camera's white balance, colour matrix and tone curve are "
    "not undone, so the noise is approximate"
)


class Picture(NamedTuple):
    """A clean image from a file.

    Arguments:
        light: (C, H, W) float32, linear, black level 0 and white level 1; C is 1 for a mosaic, 3 for RGB, 4 for planes.
        write: writes an image of this shape to a path, in the form of the file.
        suffix: of the file to write.
        note: what was assumed, in words.
    """

    light: Tensor
    write: Callable[[Tensor, Path], None]
    suffix: str
    note: str


def read_picture(path: str | Path, black: float | Sequence[float] | None = None, white: float | None = None) -> Picture:
    """Read a clean image: (H, W) is a mosaic, (H, W, 3) RGB, (4, h, w) or (H, W, 4) in a TIFF or NPZ packed planes.

    TIFF and NPZ hold linear values. Floats are in [0, 1] units. Integers are in DN, between 0 and the largest value of
    their type, unless levels are given or an NPZ file states ``black`` and ``white``. An NPZ file holds the image as
    ``image``, as its only array, or as the only one of its ``frames``. PNG and JPEG hold sRGB values, which are made
    linear, and written as PNG.

    Arguments:
        path: the file.
        black: black level in DN of a linear image; four are averaged.
        white: white level in DN of a linear image.

    FileNotFoundError; ValueError, which names the file, for other formats and for an array that is no image.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no image at {path}: check its name")
    suffix = path.suffix.lower()
    if suffix not in (*LINEAR, *SRGB):
        raise ValueError(
            f"{path}: images are read from {', '.join((*LINEAR, *SRGB))} files: convert it to one of these"
        )
    try:
        arrays = _arrays(path, suffix)
    except Exception as error:  # the reader of every format raises other errors
        raise ValueError(f"{path}: not a readable image ({one_line(error, 100)})") from error
    name = next((key for key in ("image", "frames") if key in arrays), None)
    name = next(iter(arrays)) if name is None and len(arrays) == 1 else name
    if name is None:
        raise ValueError(f"{path}: an NPZ file needs the key image, but it has {', '.join(arrays)}")
    image = arrays[name]
    if image.ndim == 3 and len(image) == 1:  # a stack of one frame, as n2nf denoise writes it
        arrays[name] = image = image[0]
    elif name == "frames":
        raise ValueError(f"{path}: it holds {len(image)} frames: noise is put on one, so give a file for each")
    _check(path, image)
    if suffix in SRGB:
        return _srgb(image[..., :3] if image.ndim == 3 else image)
    black, white = (_level(given, arrays.get(key)) for given, key in ((black, "black"), (white, "white")))
    return _linear(path, arrays, name, 0.0 if black is None else black, white)


def _arrays(path: Path, suffix: str) -> dict[str, np.ndarray]:
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    if suffix in SRGB:
        from skimage.io import imread

        return {"image": np.asarray(imread(path))}
    import tifffile

    return {"image": tifffile.imread(path)}


def _check(path: Path, image: np.ndarray) -> None:
    good = image.ndim == 2 or (image.ndim == 3 and (image.shape[2] in (3, 4) or image.shape[0] == 4))
    if image.dtype.kind not in "uf" or not good or min(image.shape) < 2:
        raise ValueError(
            f"{path}: an image must be (H, W), (H, W, 3), (H, W, 4) or (4, h, w), of unsigned integers or floats, got "
            f"{image.dtype} {image.shape}"
        )
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ValueError(f"{path}: the image has values that are NaN or infinite: replace them")


def _level(given: float | Sequence[float] | None, stated: np.ndarray | None) -> float | None:
    level = stated if given is None else given
    return None if level is None else float(np.mean(level))


def _channels_first(image: np.ndarray) -> Tensor:
    if image.ndim == 2:
        image = image[None]
    elif image.shape[2] in (3, 4):
        image = image.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(image))


def _shaped(light: Tensor, like: np.ndarray) -> np.ndarray:
    values = light.numpy()
    last = like.ndim == 3 and like.shape[2] in (3, 4)
    return (values.transpose(1, 2, 0) if last else values).reshape(like.shape)


def _stored(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Values in the type of a file; integers are rounded and clipped to its range."""
    if dtype.kind == "f":
        return values.astype(dtype)
    return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)


def _linear(path: Path, arrays: dict[str, np.ndarray], name: str, black: float, white: float | None) -> Picture:
    image = arrays[name]
    if white is None:
        white = 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max)
    if not black < white:
        raise ValueError(f"{path}: the white level {white:g} must lie above the black level {black:g}")
    light = ((_channels_first(image.astype(np.float64)) - black) / (white - black)).float()

    def write(noisy: Tensor, to: Path) -> None:
        values = _stored(_shaped(noisy.double() * (white - black) + black, image), image.dtype)
        with durable_replace(to) as new, new.open("wb") as file:
            if to.suffix == ".npz":
                np.savez(file, **{**arrays, name: values})
            else:
                import tifffile

                rgb = values.ndim == 3 and values.shape[2] == 3
                tifffile.imwrite(file, values, photometric="rgb" if rgb else "minisblack")

    return Picture(light, write, path.suffix.lower(), f"linear, black {black:g} and white {white:g}")


def _srgb(image: np.ndarray) -> Picture:
    top = np.iinfo(image.dtype).max
    light = _channels_first(raw.linear_from_srgb(image / top).astype(np.float32))

    def write(noisy: Tensor, to: Path) -> None:
        from imageio.v3 import imwrite  # scikit-image brings it

        values = _stored(top * raw.srgb_from_linear(_shaped(noisy.clamp(0, 1).double(), image)), image.dtype)
        with durable_replace(to) as new:
            new.write_bytes(imwrite("<bytes>", values, extension=".png"))

    return Picture(light, write, ".png", APPROXIMATE)


def noise_on_files(
    noise: CameraNoise,
    paths: Sequence[str | Path],
    out: str | Path,
    seed: int = 0,
    black: float | Sequence[float] | None = None,
    white: float | None = None,
) -> list[tuple[Path, str]]:
    """Add noise to images and write them: [(file, what was assumed about the image)].

    Image k is drawn with the seed ``seed + k``, whole, so the result does not depend on how a large frame is cut into
    tiles. An output is written completely or not at all, in the form of its source; a JPEG becomes a PNG.

    Arguments:
        noise: draws camera, ISO, exposure and noise.
        paths: the clean images.
        out: a folder; or, for a single image, a file whose suffix is that of the form it is written in.
        seed: of the first image.
        black: black level in DN of linear images; four are averaged.
        white: white level in DN of linear images.

    ValueError where two images would be written to one file.
    """
    out, written = Path(out), []
    for k, path in enumerate(paths):
        picture = read_picture(path, black, white)
        to = out if len(paths) == 1 and out.suffix else out / f"{Path(path).stem}{picture.suffix}"
        if to.suffix.lower() != picture.suffix:
            raise ValueError(f"{to}: noise on {Path(path).name} is written as {picture.suffix}: end the name in it")
        if to in [file for file, _ in written] or to.resolve() == Path(path).resolve():
            raise ValueError(f"{to} would be overwritten by noise on {path}: choose another folder or name")
        picture.write(noise(picture.light, torch.Generator().manual_seed(seed + k)), to)
        written.append((to, picture.note))
    return written
