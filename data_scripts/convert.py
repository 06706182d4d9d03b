"""Convert anything the importers read to stored bursts: python data_scripts/convert.py IN OUT [options].

IN: a stack (.npz, .tif, .fits), a folder of camera RAW/DNG, an SIDD folder, bursts. OUT: a folder; every burst
becomes OUT/NAME.burst.zarr. Exit status 1 and one line on standard error when something does not work.
"""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from n2nf_core.bursts import SUFFIX, Burst, BurstError, write_burst
from n2nf_core.importers import Options, iter_bursts
from n2nf_core.raw import CFAS


def store(bursts: Iterable[Burst], out: Path, overwrite: bool = False) -> Iterator[Path]:
    """Write each burst as out/NAME.burst.zarr, NAME from its provenance or scene, and yield the path."""
    for burst in bursts:
        name = re.sub(r"[^\w.-]+", "_", burst.provenance.get("name") or burst.scene).removesuffix(SUFFIX)
        yield write_burst(burst, out / f"{name}{SUFFIX}", overwrite=overwrite)


def run(main: Callable[[], None]) -> None:
    """Call ``main``; what a user can mend becomes one line and exit status 1, warnings one line each."""
    warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    try:
        main()
    except (BurstError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        place = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        sys.exit(f"error: {place}{reason}")
    except KeyboardInterrupt:
        sys.exit("interrupted; nothing half-written stands under a final name, run again to go on")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--camera", help="name of the camera")
    parser.add_argument("--iso", type=float, help="ISO setting")
    parser.add_argument("--black", type=float, nargs="+", help="black level in DN: one value, or four by CFA position")
    parser.add_argument("--white", type=float, help="white level in DN")
    parser.add_argument("--cfa", choices=CFAS, help="colour filter of the 2x2 cell")
    parser.add_argument("--overwrite", action="store_true", help="replace bursts that exist")
    args = parser.parse_args()
    options = Options(args.camera, args.iso, args.black, args.white, args.cfa)
    for path in store(iter_bursts(args.source, options), args.out, args.overwrite):
        print(path)


if __name__ == "__main__":
    run(main)
