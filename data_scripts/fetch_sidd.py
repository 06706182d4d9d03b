"""Fetch SIDD archives, verify them, and convert every instance to a stored burst.

    python data_scripts/fetch_sidd.py OUT --base https://MIRROR/FOLDER [--archive medium small NAME.zip=SUM ...]

The data-set page https://abdokamel.github.io/sidd lists the current mirrors. Archives are stored in OUT/archives, and
bursts in OUT/bursts. A download that was interrupted continues, and a finished one is not fetched again. An instance
whose burst exists is not converted again. SIDD-Full has one archive per instance and kind: give them as NAME.zip=SUM,
with noisy, ground-truth and metadata archives of an instance together. SUM is the archive's SHA-256 or MD5. The makers
of SIDD publish MD5 only; the SHA-256 of each archive is recorded when it is first fetched. Licence of the data: MIT.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from download import download
from script import run

from n2nf_core.bursts import SUFFIX, Burst, BurstError
from n2nf_core.importers import Part, iter_unchecked
from n2nf_core.importers.conversion import CORES, Converted, convert


class Archive(NamedTuple):
    """An archive of the data set.

    Arguments:
        name: name of the file.
        checksum: its SHA-256, or the MD5 that the makers of the data set publish.
    """

    name: str
    checksum: str


ARCHIVES = {
    "medium": Archive("SIDD_Medium_Raw.zip", "0f44ddb6ec820271c9996aa32a9cc270"),  # about 20 GB
    "small": Archive("SIDD_Small_Raw_Only.zip", "c033f580fb64aa549679d056d1cf796a"),  # about 10 GB
}
LIMIT_S = 24 * 3600
_MEMBER = re.compile(r"(\d{4})_(NOISY|GT|METADATA)_RAW_\d{3}\.MAT", re.IGNORECASE)
_STORED = re.compile(rf"(?:sidd_)?(\d{{4}}).*{re.escape(SUFFIX)}")


def fetch(archives: Sequence[Archive], base: str, folder: Path, jobs: int) -> list[Path]:
    """Download archives and return their paths.

    Arguments:
        archives: the archives.
        base: address of the folder that holds them.
        folder: the folder to download to.
        jobs: number of downloads at the same time.

    Errors: OSError as in :func:`download.download`.
    """
    stop = threading.Event()

    def one(archive: Archive) -> Path:
        url = f"{base.rstrip('/')}/{archive.name}"
        return download(url, folder / archive.name, archive.checksum, limit_s=LIMIT_S, stopped=stop.is_set)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(one, archives))
        except BaseException:  # on Ctrl-C or a failed download, stop the other downloads; their parts are kept
            stop.set()
            raise


def convert_archives(archives: Sequence[Path], out: Path, jobs: int = CORES) -> Converted:
    """Convert every instance in the zip archives that has no burst in ``out`` yet.

    The process that converts an instance also unpacks it, from all archives, since SIDD-Full has its files in several.

    Arguments:
        archives: paths of the archives.
        out: the folder to write to.
        jobs: number of processes.

    Errors: BurstError as in :func:`~n2nf_core.importers.conversion.convert.convert`.
    """
    members: dict[str, list[tuple[Path, str]]] = {}
    for archive in archives:
        for name in _names(archive):
            if found := _MEMBER.fullmatch(PurePosixPath(name).name):
                members.setdefault(found[1], []).append((archive, name))
    out.mkdir(parents=True, exist_ok=True)
    done = {found[1]: path for path in out.iterdir() if (found := _STORED.fullmatch(path.name))}
    todo = [Part(n, partial(_unpacked, members[n], out, n)) for n in sorted(set(members) - set(done))]
    written, kept = convert(todo, out, jobs=jobs)
    return Converted(written, kept + [done[n] for n in sorted(set(members) & set(done))])


def _unpacked(members: Sequence[tuple[Path, str]], out: Path, number: str) -> Iterator[Burst]:
    """Yield the burst of an instance, unpacked in a folder below ``out`` that is removed afterwards."""
    prefix = f".unpacked-{number}-"
    for leftover in out.glob(f"{prefix}*"):  # of a call that was killed
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=out) as folder:
        for archive, name in members:
            with zipfile.ZipFile(archive) as file:
                file.extract(name, folder)
        yield from iter_unchecked(folder)


def _names(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as file:
            return file.namelist()
    except zipfile.BadZipFile as error:
        raise BurstError(f"{archive}: {error}: remove the file and fetch it again") from error


def _archive(text: str) -> Archive:
    if text in ARCHIVES:
        return ARCHIVES[text]
    name, _, checksum = text.partition("=")
    if not re.fullmatch(r"[\w.-]+\.zip", name) or not re.fullmatch(r"[0-9a-f]{32}|[0-9a-f]{64}", checksum):
        raise argparse.ArgumentTypeError(f"{text!r} is neither of {', '.join(ARCHIVES)} nor NAME.zip=SUM")
    return Archive(name, checksum)


def main() -> None:
    """Run the script with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--base", required=True, help="address of the folder that holds the archives")
    parser.add_argument("--archive", type=_archive, nargs="+", default=[ARCHIVES["medium"]])
    parser.add_argument("--downloads", type=int, default=2, help="archives fetched at the same time (2)")
    parser.add_argument("--jobs", type=int, default=CORES, help=f"processes that convert ({CORES}, the cores here)")
    args = parser.parse_args()
    files = fetch(args.archive, args.base, args.out / "archives", args.downloads)
    written, kept = convert_archives(files, args.out / "bursts", args.jobs)
    print(f"{len(written)} instances converted to {args.out / 'bursts'}; {len(kept)} had been converted before")


if __name__ == "__main__":
    run(main)
