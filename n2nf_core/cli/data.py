"""The subcommands that store bursts: convert, simulate."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from n2nf_core.cli.command import Commands
from n2nf_core.cli.sources import add_settings

CONVERT = """\
Convert files of cameras and public data sets to stored bursts, which are read fast and in parts.

    n2nf convert stack.npz raw_files SIDD/Data bursts
    n2nf convert flats.tif bursts --white 4095 --cfa MONO --camera mine

The last path is a folder, in which every burst becomes NAME.burst.zarr. A source is whatever n2nf reads: a stack (.npz,
.npy, .tif, .fits), a folder of camera RAW or DNG files, an SIDD folder, or stored bursts. Several are converted at the
same time. Bursts that were converted before are kept, so the same call continues after it was stopped.

If some of several sources fail, the others are still converted, there is a line for each failure, and the exit status
is 1.
"""

SIMULATE = """\
Write simulated bursts whose noise is known.

    n2nf simulate bursts --scenes 4 --size 128
    n2nf simulate bursts/sensor --sensor "Sony A7S2" --exposure 0.1

Scenes are of discs of all sizes that hide one another (dead leaves). The noise is drawn from the published noise level
functions of phone cameras, and it is neither clipped nor quantised. With --sensor the noise is that of the physical
sensor of a named camera at a random gain. It is quantised and clipped, and its density has no closed form. If the
folder is new, it appears when it is complete.
"""


def add(commands: Commands) -> None:
    """Add ``n2nf convert`` and ``n2nf simulate``."""
    convert = commands.add("convert", _convert, CONVERT)
    convert.add_argument("sources", type=Path, nargs="+", metavar="SOURCE")
    convert.add_argument("out", type=Path, metavar="FOLDER")
    add_settings(convert)
    convert.add_argument("--jobs", type=int, help="processes; by default as many as this machine has cores")
    convert.add_argument("--overwrite", action="store_true", help="replace bursts that exist")
    simulate = commands.add("simulate", _simulate, SIMULATE)
    simulate.add_argument("out", type=Path, metavar="FOLDER")
    simulate.add_argument("--scenes", type=int, default=4, help="scenes per camera and ISO (4)")
    simulate.add_argument("--size", type=int, default=128, help="side in plane pixels (128)")
    simulate.add_argument("--frames", type=int, default=2, help="frames per burst (2)")
    simulate.add_argument("--seed", type=int, default=0, help="of scenes and noise (0)")
    simulate.add_argument("--sensor", metavar="CAMERA", help="the physical sensor of this camera")
    simulate.add_argument("--exposure", type=float, default=1.0, help="factor on the signal, with --sensor")
    simulate.add_argument("--overwrite", action="store_true", help="replace bursts that exist")


def _convert(options: argparse.Namespace) -> int:
    from n2nf_core.importers import options_of
    from n2nf_core.importers.conversion import CORES, SourcesFailed, convert, parts_of

    found, failed = parts_of(options.sources, options_of(vars(options)))
    try:
        jobs = CORES if options.jobs is None else options.jobs
        done = convert(found, options.out, jobs=jobs, overwrite=options.overwrite, failed=failed)
    except SourcesFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(*sorted(map(str, done.written)), sep="\n", end="\n" if done.written else "")
    if done.kept:
        kept = f"{len(done.kept)} bursts were converted already and are kept; --overwrite converts them again"
        print(kept, file=sys.stderr)
    return 0


def _simulate(options: argparse.Namespace) -> int:
    from n2nf_core.files import durable_replace
    from n2nf_core.importers.conversion import store

    named = _simulated(options)
    if options.out.exists():
        written = list(store(named, options.out, options.overwrite))
    else:
        with durable_replace(options.out) as new:
            written = [options.out / path.name for path in store(named, new)]
    print(*written, sep="\n")
    return 0


def _simulated(options: argparse.Namespace) -> list:
    """The bursts, each with the name of its file."""
    from dataclasses import replace

    import torch

    from n2nf_core.baselines import camera_nlf
    from n2nf_core.simulation import CALIBRATIONS, SETTINGS, PhysicalSensor, physical_bursts, simulated_bursts

    sizes = {"scenes": options.scenes, "size": options.size, "frames": options.frames, "seed": options.seed}
    if options.sensor is None:
        bursts = simulated_bursts(camera_nlf(sorted({camera for camera, _ in SETTINGS})), **sizes)
    elif options.sensor in CALIBRATIONS:
        sensor = PhysicalSensor.draw(options.sensor, torch.Generator().manual_seed(options.seed))
        bursts = physical_bursts(sensor, options.sensor.replace(" ", "-"), exposure=options.exposure, **sizes)
    else:
        raise ValueError(f"there is no sensor {options.sensor!r}: choose one of {', '.join(sorted(CALIBRATIONS))}")
    return [replace(b, provenance={**b.provenance, "name": f"{b.camera}-{b.iso:g}-{b.scene}"}) for b in bursts]
