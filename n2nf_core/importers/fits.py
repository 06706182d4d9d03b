"""FITS stacks: a cube (T, H, W), several image HDUs, or a folder of single frames in the order of their names."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from n2nf_core.bursts import BurstError
from n2nf_core.files import one_line
from n2nf_core.importers.options import Options
from n2nf_core.importers.stated import check_same

SUFFIXES = (".fits", ".fit", ".fts")


def read_fits(path: Path) -> tuple[np.ndarray, Options]:
    """Frames (T, H, W) in DN of one file, and the settings that its header states as BAYERPAT, INSTRUME and ISOSPEED.

    Errors: BurstError for a damaged file, for a file without images, and for images of different size.
    """
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            # For a truncated file astropy only warns, and it leaves out an image whose header is truncated.
            warnings.filterwarnings("error", message="Error validating header|File may have been truncated")
            with fits.open(path, memmap=False) as file:
                images = [hdu.data for hdu in file if hdu.is_image and hdu.data is not None]
                headers = [hdu.header for hdu in file]
    except Exception as error:
        raise BurstError(f"{path}: not a readable FITS file; it may be truncated ({one_line(error)})") from error
    if not images or any(image.ndim not in (2, 3) for image in images):
        raise BurstError(f"{path}: it holds no images (H, W) and no stack (T, H, W)")
    check_same(path, [image.shape[-2:] for image in images], [f"image {k}" for k in range(len(images))])
    frames = np.concatenate([image.reshape(-1, *image.shape[-2:]) for image in images])
    return frames.astype(frames.dtype.newbyteorder("=")), _stated(headers)


def _stated(headers: list) -> Options:
    found = {key: header[key] for header in reversed(headers) for key in header if key}
    cfa = found.get("BAYERPAT")
    return Options(camera=found.get("INSTRUME"), iso=found.get("ISOSPEED"), cfa=cfa and str(cfa).strip().upper())
