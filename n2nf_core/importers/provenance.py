"""Where a burst comes from: its files, their digest, and its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path


def stem_of(path: Path) -> str:
    """Name of the file without the suffixes of its format and of its compression.

    >>> stem_of(Path("night/m31.fits.gz"))
    'm31'
    """
    return re.sub(r"\.(fits?|fts|ome)$", "", path.stem, flags=re.IGNORECASE)


def source_of(paths: Sequence[Path], source: Path, importer: str) -> dict:
    """The provenance of files: source, SHA-256 of their bytes in order, importer, and a name for the burst.

    Arguments:
        paths: the files, in order.
        source: the file or folder that the burst is named after.
        importer: name of the importer.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    name = source.name if source.is_dir() else stem_of(source)
    return {"source": source.name, "sha256": digest.hexdigest(), "importer": importer, "name": name}
