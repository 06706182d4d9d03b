"""What the metadata of a TIFF file state about a series: those of OME, ImageJ, MicroManager and tifffile itself."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

from n2nf_core.bursts import BurstError
from n2nf_core.importers.names import seconds, stated_by_name
from n2nf_core.importers.stated import Stated

_LINE = re.compile(r"^\s*([^:=\n]{2,60}?)\s*[:=]\s*(.+?)\s*$", re.MULTILINE)


def described(path: Path, file, k: int, count: int, notes: list[str]) -> tuple[Stated, list[float | None]]:
    """What is stated about all frames of series ``k``, and the exposure times of its frames in seconds.

    Arguments:
        path: the file, for messages.
        file: an open file of tifffile.
        k: number of the series.
        count: number of its frames.
        notes: receives a sentence about every value that is not understood.
    """
    facts, times = {}, [None] * count
    if file.is_micromanager and isinstance(file.micromanager_metadata, Mapping):
        facts |= _plain(file.micromanager_metadata.get("Summary"))
    if file.is_imagej:
        facts |= _plain(file.imagej_metadata)
        info = (file.imagej_metadata or {}).get("Info")
        facts |= dict(_LINE.findall(info)) if isinstance(info, str) else {}
    if file.is_shaped and file.shaped_metadata:
        facts |= _plain(file.shaped_metadata[min(k, len(file.shaped_metadata) - 1)])
    if file.is_ome and file.ome_metadata:
        found, planes = _ome(file.ome_metadata, k, notes)
        facts |= found
        times = [planes.get(t) for t in range(count)]
    facts.pop("mode", None)  # ImageJ's way of display
    return stated_by_name(path, facts, notes), times


def check_calibration(path: Path, file) -> None:
    """BurstError where ImageJ states that the numbers stand for signed ones, c0 + c1 times the stored number.

    Arguments:
        path: the file, for messages.
        file: an open file of tifffile.
    """
    start = (file.imagej_metadata or {}).get("c0") if file.is_imagej else None
    if start == -32768:
        raise BurstError(
            f"{path}: ImageJ states that 32768 is to be subtracted from its numbers: in ImageJ, choose Image > Type > "
            "32-bit, which does so, and save it again"
        )


def _plain(facts: object) -> dict:
    """The numbers and texts of ``facts``."""
    if not isinstance(facts, Mapping):
        return {}
    return {str(name): value for name, value in facts.items() if isinstance(value, (int, float, str, list, tuple))}


def _ome(xml: str, k: int, notes: list[str]) -> tuple[dict, dict[int, float]]:
    """What image ``k`` of the OME-XML states, and the exposure times of its planes by their T, in seconds."""
    root = ElementTree.fromstring(xml)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    images = root.findall("Image")
    if k >= len(images):
        return {}, {}
    image = images[k]
    facts = dict(image.find("Pixels").attrib) if image.find("Pixels") is not None else {}
    facts = {name: facts[name] for name in ("SignificantBits",) if name in facts}
    settings = image.find(".//DetectorSettings")
    if settings is not None:
        facts |= {name: settings.attrib[name] for name in ("Gain", "Offset", "Binning") if name in settings.attrib}
        detector = root.find(f".//Detector[@ID='{settings.attrib.get('ID')}']")
        if detector is not None and "Model" in detector.attrib:
            facts["camera"] = detector.attrib["Model"]
    if "camera" not in facts and len(root.findall(".//Detector[@Model]")) == 1:
        facts["camera"] = root.find(".//Detector[@Model]").attrib["Model"]
    times = {}
    for plane in image.iter("Plane"):
        if "ExposureTime" in plane.attrib:
            unit = plane.attrib.get("ExposureTimeUnit", "s")
            text = f"{plane.attrib['ExposureTime']} {unit}"
            try:
                times[int(plane.attrib.get("TheT", 0))] = seconds(text)
            except ValueError:
                notes.append(f"ExposureTime {text!r} is not understood, so it is taken as not stated")
    return facts, times
