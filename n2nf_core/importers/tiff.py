"""TIFF stacks: a multi-page file, or a folder of single frames in the order of their names."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from n2nf_core.bursts import BurstError
from n2nf_core.files import one_line
from n2nf_core.importers.options import Options
from n2nf_core.importers.stated import check_same

SUFFIXES = (".tif", ".tiff")


def read_tiff(path: Path) -> tuple[np.ndarray, Options]:
    """Frames (T, H, W) in DN of one file. It states no settings, so the options are empty.

    Errors: BurstError for colour pages, for pages of different size, and for a damaged file.
    """
    import tifffile

    try:
        with _complaints(path), tifffile.TiffFile(path) as file:
            _check_pages(file, path)
            series = [one.asarray() for one in file.series]
    except BurstError:
        raise
    except Exception as error:  # the decoders of tifffile raise errors of many types
        raise BurstError(f"{path}: not a readable TIFF file; it may be truncated ({one_line(error)})") from error
    check_same(path, [one.shape[-2:] for one in series], [f"series {k}" for k in range(len(series))])
    return np.concatenate([one.reshape(-1, *one.shape[-2:]) for one in series]), Options()


def _check_pages(file, path: Path) -> None:
    """Raise a BurstError unless all pages have one size and one sample per pixel."""
    pages = [page.aspage() for page in file.pages]
    check_same(path, [tuple(page.shape) for page in pages], [f"page {k}" for k in range(len(pages))])
    if pages[0].samplesperpixel != 1:
        raise BurstError(f"{path}: it has {pages[0].samplesperpixel} samples per pixel, but a raw frame has one")


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    """Raise a BurstError for offsets beyond the end of the file.

    For these, tifffile only writes to its log, and it leaves out frames or fills them with zeros.
    """
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "offset" in record.getMessage():
                found.append(" ".join(record.getMessage().split()))

    logger, keep = logging.getLogger("tifffile"), Keep(logging.ERROR)
    logger.addHandler(keep)
    try:
        yield
    finally:
        logger.removeHandler(keep)
    if found:
        raise BurstError(f"{path}: the file is truncated or damaged ({found[0]}): copy it again")
