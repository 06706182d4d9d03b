"""The files of SIDD as they lie on disk, in the layouts of SIDD-Medium and of SIDD-Full.

Medium: ``NNNN_NOISY_RAW_010.MAT`` and ``_011.MAT``, ``NNNN_GT_RAW_...`` and ``NNNN_METADATA_RAW_...`` lie in one
folder. Full: the same files, with frames 001 to 150, lie in folders ``NNNN_NOISY_RAW/`` and so on.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

_INSTANCE = re.compile(r"^(\d{4})_(\d{3})_([A-Z0-9]{2})_(\d{5})_(\d{5})_(\d{4})_([LNH])$")
_NOISY = re.compile(r"^(\d{4})_NOISY_RAW_(\d{3})\.MAT$", re.IGNORECASE)


def noisy_files(folder: Path) -> list[Path]:
    """Every noisy RAW file below ``folder``, sorted by name within its folder. Links to folders are followed.

    A file that can be reached in several ways is listed once, and folders whose names begin with a dot are left out.
    """
    found, seen = {}, set()
    for base, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(base)
        folders[:] = () if real in seen else sorted(name for name in folders if not name.startswith("."))
        seen.add(real)
        for name in filter(_NOISY.match, files):
            found.setdefault(os.path.realpath(os.path.join(base, name)), Path(base, name))
    return sorted(found.values())


class Instance(NamedTuple):
    """One instance of SIDD on disk.

    Arguments:
        base: the folder that holds its files.
        number: its four digits.
        files: its noisy RAW files, in order.
    """

    base: Path
    number: str
    files: list[Path]

    @property
    def name(self) -> str:
        """The instance's full name if a folder states it, else ``sidd_NNNN``."""
        stated = instance_name(self.base)
        return stated[0] if stated else f"sidd_{self.number}"


def instances(folder: Path) -> list[Instance]:
    """The instances below ``folder``, in either layout. No file is opened."""
    found: dict[tuple[Path, str], list[Path]] = {}
    for path in noisy_files(folder):
        base = path.parent.parent if "NOISY_RAW" in path.parent.name.upper() else path.parent
        found.setdefault((base, path.name[:4]), []).append(path)
    return [Instance(base, number, files) for (base, number), files in sorted(found.items())]


def instance_name(base: Path) -> re.Match | None:
    """The match of the folder name that states instance, scene, camera and ISO: of the folder closest to the files."""
    names = [base.name, *(parent.name for parent in base.parents)]
    return next((match for name in names if (match := _INSTANCE.match(name))), None)


def files_of(base: Path, number: str, kind: str) -> list[Path]:
    """The files of one kind of an instance, in either layout.

    Arguments:
        base: the folder that holds the instance.
        number: the instance's four digits.
        kind: GT or METADATA.
    """
    stem = f"{number}_{kind}_RAW"
    return sorted([*base.glob(f"{stem}_*.[mM][aA][tT]"), *base.glob(f"{stem}/{stem}_*.[mM][aA][tT]")])
