"""Fetch three small sets of real frames from their public repositories and convert them to stored bursts.

    python data_scripts/fetch_real_sets.py OUT            from the repositories
    python data_scripts/fetch_real_sets.py OUT --local F  from a folder F of packaged .npz files

acsn   a static microscopy scene, sCMOS, monochrome (ShuJiaLab/ACsN, BSD-3-Clause)
d7000  flat fields of a Nikon D7000, Bayer, 41 exposures (oscardelama/imgnoiser, GPL-2.0)
emva   uniform light on a Basler CCD, 12 bit, with photon counts (EMVA1288/datasets, CC-BY-SA-3.0)

Every file is fetched from a fixed commit, and its SHA-256 must be that in ``real_sets.sha256``. The checksums were
computed in clones of the three repositories at these commits; fetching over the network has not been tried.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from download import download
from script import run

from n2nf_core.bursts import Burst, BurstError, check_burst
from n2nf_core.importers import Options, iter_bursts
from n2nf_core.importers.conversion import store
from n2nf_core.importers.npz.reader import load_arrays
from n2nf_core.importers.provenance import source_of
from n2nf_core.importers.stack import Source, Stack, bursts_of

BASE = "https://raw.githubusercontent.com"
ACSN = "ShuJiaLab/ACsN/19be131fe3b7d438c5a436fd505b7862832e9545/Test%20Images/TIRF_200Hz.tif"
D7000 = "oscardelama/imgnoiser/308a5a1e99b54c94b4ebd9719f003b03659f8514/data-raw"
EMVA = "EMVA1288/datasets/12c0c80fcf6c7c086ccac69e5229310429ea2d31/EMVA1288_ReferenceSet_001_CCD_12Bit"

SHA256 = {line[66:]: line[:64] for line in Path(__file__).with_name("real_sets.sha256").read_text().splitlines()}
"""Address of a file below BASE -> its SHA-256."""

ACSN_OPTIONS = Options(camera="ACsN-sCMOS", black=100.0, white=200.0, cfa="MONO")  # the scene uses 81 DN of 65,435
D7000_OPTIONS = Options(camera="Nikon-D7000", iso=100.0, black=0.0, white=16383.0, cfa="RGGB")
EMVA_OPTIONS = Options(camera="Basler-CCD12", black=14.785, white=4095.0, cfa="MONO")
_D7000_COUNTS = {25: 5}  # every exposure has six frames, except the 25th (1/8000 s at f/5.6), which has five
_D7000_EXPOSURES = 41
_EMVA_EXPOSURES = 37  # the later exposures are saturated


def _fetch(base: str, name: str, target: Path) -> Path:
    return download(f"{base}/{name}", target, SHA256[name])


def fetch_acsn(base: str, folder: Path) -> Iterator[Burst]:
    """The static scene: one burst. Files are fetched from ``base`` to ``folder``."""
    yield from iter_bursts(_fetch(base, ACSN, folder / "acsn_scmos_tirf_200hz.tif"), ACSN_OPTIONS)


def fetch_d7000(base: str, folder: Path) -> Iterator[Burst]:
    """Flat fields: one burst per exposure. The files are numbered through all exposures."""
    number = 1
    for exposure in range(1, _D7000_EXPOSURES + 1):
        count = _D7000_COUNTS.get(exposure, 6)
        frames = folder / f"nikon_d7000_{exposure:02d}"
        for k in range(number, number + count):
            _fetch(base, f"{D7000}/crop_{k}.fit", frames / f"crop_{k:03d}.fit")
        number += count
        yield from iter_bursts(frames, D7000_OPTIONS)


def fetch_emva(base: str, folder: Path) -> Iterator[Burst]:
    """Uniform light: a burst of two frames per exposure, with exposure and photons from the set's description file."""
    from skimage.io import imread

    description = _fetch(base, f"{EMVA}/EMVA1288_Data.txt", folder / "EMVA1288_Data.txt")
    lines = [line.split() for line in description.read_text().splitlines()]
    lights = [line for line in lines if line and line[0] == "b"][:_EMVA_EXPOSURES]
    for k, (_, exposure, photons) in enumerate(lights):
        names = [f"b_{k:03d}_snap_{snap:03d}.png" for snap in (1, 2)]
        files = [_fetch(base, f"{EMVA}/images/{name}", folder / "emva" / name) for name in names]
        source = source_of(files, files[0], "emva") | {"name": f"emva_bright_{k:02d}"}
        yield _emva(np.stack([imread(file) for file in files]), source, exposure_ns=exposure, photons=photons)


def emva_bursts(path: Path) -> Iterator[Burst]:
    """Bursts of the packaged EMVA set: bright pairs by exposure, dark pairs, the bright and the dark stack."""
    arrays, source = load_arrays(path), source_of([path], path, "emva")
    for k, frames in enumerate(arrays["pairs"]):
        facts = {"exposure_ns": arrays["exposure_ns"][k], "photons": arrays["photons"][k]}
        yield _emva(frames, source | {"name": f"emva_bright_{k:02d}"}, **facts)
    for k, frames in enumerate(arrays["dark_pairs"]):
        yield _emva(frames, source | {"name": f"emva_dark_{k:02d}"}, exposure_ns=arrays["dark_exposure_ns"][k])
    for light in ("bright", "dark"):
        yield _emva(arrays[f"stack_{light}"], source | {"name": f"emva_stack_{light}"})


def _emva(frames: np.ndarray, source: dict, **facts: float) -> Burst:
    """A burst of the EMVA camera, with its exposure and photons in the provenance."""
    (burst,) = bursts_of([Source(Stack(frames), source["source"], source, source["name"])], EMVA_OPTIONS)
    burst = replace(burst, provenance={**burst.provenance, **{name: float(v) for name, v in facts.items()}})
    check_burst(burst)
    return burst


FETCHERS = {"acsn": fetch_acsn, "d7000": fetch_d7000, "emva": fetch_emva}
PACKAGED = {
    "acsn": ("acsn_scmos_tirf_200hz.npz", lambda path: iter_bursts(path, ACSN_OPTIONS)),
    "d7000": ("nikon_d7000_iso100_flats.npz", lambda path: iter_bursts(path, D7000_OPTIONS)),
    "emva": ("emva1288_basler_ccd12.npz", emva_bursts),
}


def packaged(name: str, folder: Path) -> Iterator[Burst]:
    """Bursts of the packaged file of a set. BurstError if the folder does not have it."""
    file, read = PACKAGED[name]
    if not (folder / file).exists():
        raise BurstError(
            f"{folder / file}: there is no such file: choose other sets with --sets, or fetch without --local"
        )
    return read(folder / file)


def main() -> None:
    """Run the script with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--local", type=Path, help="folder of the packaged .npz files")
    parser.add_argument("--base", default=BASE, help=f"address below which OWNER/REPOSITORY/COMMIT lie ({BASE})")
    parser.add_argument("--sets", nargs="+", choices=sorted(FETCHERS), default=sorted(FETCHERS))
    parser.add_argument("--overwrite", action="store_true", help="replace bursts that exist")
    args = parser.parse_args()
    for name in args.sets:
        bursts = packaged(name, args.local) if args.local else FETCHERS[name](args.base, args.out / "downloads")
        for path in store(bursts, args.out / "bursts", args.overwrite):
            print(path)


if __name__ == "__main__":
    run(main)
