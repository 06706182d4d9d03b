"""TIFF stacks: the series of a file as bursts, or a folder of single frames in natural order.

A series is what the file's metadata (OME, ImageJ, MicroManager, plain) describe as one array. Its frames may differ in
time or in a plain sequence; channels, depths and colours are refused. What is stated about frames is read in
:mod:`n2nf_core.importers.tiff.tags` and :mod:`n2nf_core.importers.tiff.metadata`.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from n2nf_core.bursts import BurstError
from n2nf_core.files import one_line
from n2nf_core.importers.agreement import merged
from n2nf_core.importers.frames import Frames, JoinedFrames, PlacedFrames, PlainFrames, check_declared
from n2nf_core.importers.stack import Stack
from n2nf_core.importers.stated import check_same
from n2nf_core.importers.tiff.metadata import check_calibration, described
from n2nf_core.importers.tiff.tags import page_stated

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
_FRAME_AXES = "TIQ"  # time, sequence, and an axis without a name
_SIGNS = ("offset", "failed to reshape", "corrupted")
_PHOTOMETRIC = {1: "MINISBLACK", 32803: "CFA", 34892: "LINEAR_RAW"}


def read_tiff(path: Path) -> list[Stack]:
    """The stacks of one file: one per series, with what tags and metadata state about every frame.

    Series of one frame each, as a writer makes them that is called once per frame, are one stack.

    Errors: BurstError for colours, palettes, inverted values, channels, depths, pages of different size, missing files
    of a file set, declared sizes that the file cannot hold, and damaged files.
    """
    import tifffile

    try:
        with warnings.catch_warnings(), _complaints(path), tifffile.TiffFile(path) as file:
            warnings.filterwarnings("ignore", message=".*reading TiffPage from closed file")  # of a file set
            len(file.pages)  # walks through all pages, so that one that was cut off is complained about
            series = [one for one in file.series if not one.keyframe.is_reduced]
            notes = [] if len(series) == len(file.series) else ["reduced images (thumbnails) are left out"]
            stacks = [_stack(path, file, one, k, notes) for k, one in enumerate(series)]
            several = len(series) > 1 and not file.is_ome
            if several and (all(len(stack.frames) == 1 for stack in stacks) or series[0].kind == "generic"):
                return [_join(path, stacks, [f"page {one.keyframe.index}" for one in series])]
    except BurstError:
        raise
    except Exception as error:  # the decoders of tifffile raise errors of many types
        raise BurstError(f"{path}: not a readable TIFF file; it may be truncated ({one_line(error)})") from error
    if not stacks:
        raise BurstError(f"{path}: it holds no image: copy it again")
    return stacks if len(stacks) > 1 else [stacks[0]._replace(name="", key="")]


def _join(path: Path, stacks: Sequence[Stack], places: Sequence[str]) -> Stack:
    check_same(path, [tuple(stack.frames.shape[1:]) for stack in stacks], places)
    check_same(path, [stack.frames.dtype for stack in stacks], places)
    stated = [one for stack in stacks for one in stack.stated]
    return Stack(JoinedFrames([stack.frames for stack in stacks]), stated, notes=stacks[0].notes)


def _stack(path: Path, file, series, k: int, notes: Sequence[str]) -> Stack:
    notes = list(notes)
    page = series.keyframe
    if page.samplesperpixel != 1:
        raise BurstError(f"{path}: it has {page.samplesperpixel} samples per pixel, but a raw frame has one")
    if int(page.photometric) not in _PHOTOMETRIC:
        name = getattr(page.photometric, "name", page.photometric)
        raise BurstError(
            f"{path}: photometric interpretation {name}: values of pixels are not proportional to light: "
            "save the frames as MINISBLACK"
        )
    _check_axes(path, series)
    check_calibration(path, file)
    if any(one is None for one in series.pages):
        raise BurstError(f"{path}: frames of its file set are missing: put all files of the set into one folder")
    frames, files = _frames(path, series)
    common, times = described(path, file, k, len(frames), notes)
    pages = series.pages if len(series.pages) == len(frames) else [page] * len(frames)
    stated = []
    for one, exposure in zip(pages, times, strict=True):
        meta = common._replace(exposure_s=exposure if exposure is not None else common.exposure_s)
        stated.append(merged([("a tag", page_stated(path, one.aspage(), notes)), ("the description", meta)], notes))
    name = series.name or f"series {k}"
    return Stack(frames, stated, name, f"{k:03d}", notes=list(dict.fromkeys(notes)), files=files)


def _check_axes(path: Path, series) -> None:
    import tifffile

    axes = [(axis, size) for axis, size in zip(series.axes[:-2], series.shape[:-2], strict=True) if size > 1]
    names = [f"{tifffile.TIFF.AXES_NAMES.get(axis, axis)} ({axis}) of {size}" for axis, size in axes]
    if series.axes[-2:] != "YX":
        raise BurstError(f"{path}: axes {series.axes} of shape {series.shape}: a raw frame has the axes YX")
    wrong = [name for name, (axis, _) in zip(names, axes, strict=True) if axis not in _FRAME_AXES]
    if wrong:
        raise BurstError(
            f"{path}: axis {', '.join(wrong)}: frames of a burst differ in time only: save one stack per position of "
            "it; if it is time, save it as such (in ImageJ: Image > Properties, as the number of frames)"
        )
    if len(axes) > 1:
        raise BurstError(f"{path}: axes {' and '.join(names)}: which of them is time is not stated: save (T, H, W)")


def _frames(path: Path, series) -> tuple[Frames, list[Path]]:
    """The frames of a series, and the files that hold them if it is a file set."""
    size, count = tuple(series.shape[-2:]), int(np.prod(series.shape[:-2]))
    page = series.keyframe
    paths = [path] * len(series.pages)
    if series.is_multifile:
        paths = [path.parent / Path(one.parent.filehandle.path).name for one in series.pages]
    files = list(dict.fromkeys(paths)) if series.is_multifile else []
    final = page.is_final and page.fillorder == 1
    check_declared(path, page.nbytes, packed=None if final else path.stat().st_size)
    stored = page.dtype.newbyteorder(page.parent.byteorder)
    if final and series.dataoffset is not None:
        check_declared(path, series.dataoffset + count * page.nbytes)
        return PlainFrames([(path, series.dataoffset + t * page.nbytes) for t in range(count)], stored, size), files
    if len(series.pages) != count:
        check_declared(path, series.nbytes, packed=path.stat().st_size)
        return series.asarray().reshape(count, *size), files
    if final:
        places = [(file, one.dataoffsets[0]) for file, one in zip(paths, series.pages, strict=True)]
        for file, start in places:
            check_declared(file, start + page.nbytes)
        return PlainFrames(places, stored, size), files
    pages = [(file, one.index) for file, one in zip(paths, series.pages, strict=True)]
    return PackedPages(pages, page.dtype, size), files


class PackedPages(PlacedFrames):
    """Frames that are compressed, or cut into tiles, in TIFF files: a place is the number of a page."""

    def __getitem__(self, t: int) -> np.ndarray:
        import tifffile

        path, index = self.places[t]
        try:
            with _complaints(path), tifffile.TiffFile(path) as file:
                return file.pages[index].asarray(maxworkers=1).reshape(self.size)
        except BurstError:
            raise
        except Exception as error:  # as in read_tiff
            raise BurstError(
                f"{path}: page {index} is not readable, it may be truncated ({one_line(error)})"
            ) from error


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    """Raise a BurstError for offsets beyond the end of the file, and for pages that are damaged or missing.

    For these, tifffile only writes to its log, and it leaves out frames or fills them with zeros.
    """
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = " ".join(record.getMessage().split())
            if any(words in text for words in _SIGNS):
                found.append(text)

    logger, keep = logging.getLogger("tifffile"), Keep(logging.ERROR)
    logger.addHandler(keep)
    try:
        yield
    finally:
        logger.removeHandler(keep)
    if found:
        raise BurstError(f"{path}: the file is truncated or damaged ({found[0]}): copy it again")
