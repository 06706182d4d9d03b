"""Write simulated bursts of known noise density: python data_scripts/simulate.py OUT [options].

Scenes are dead leaves. The noise is drawn from the published camera NLF of the camera and ISO, and it is neither
clipped nor quantised. With --sensor the noise is that of the physical sensor of a named camera at a random gain. It is
quantised and clipped, and its density has no closed form. If OUT is new, it appears when it is complete.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from convert import run, store

from n2nf_core.baselines import camera_nlf
from n2nf_core.files import durable_replace
from n2nf_core.simulation import CALIBRATIONS, SETTINGS, PhysicalSensor, physical_bursts, simulated_bursts


def main() -> None:
    """Run the script with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--scenes", type=int, default=4, help="scenes per camera and ISO")
    parser.add_argument("--size", type=int, default=128, help="side in plane pixels")
    parser.add_argument("--frames", type=int, default=2, help="frames per burst")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sensor", choices=sorted(CALIBRATIONS), help="the physical sensor of this camera")
    parser.add_argument("--exposure", type=float, default=1.0, help="factor on the signal, with --sensor")
    parser.add_argument("--overwrite", action="store_true", help="replace bursts that exist")
    args = parser.parse_args()
    if args.sensor:
        sensor = PhysicalSensor.draw(args.sensor, torch.Generator().manual_seed(args.seed))
        sizes = {"scenes": args.scenes, "size": args.size, "frames": args.frames, "seed": args.seed}
        bursts = physical_bursts(sensor, args.sensor.replace(" ", "-"), exposure=args.exposure, **sizes)
    else:
        truth = camera_nlf(sorted({camera for camera, _ in SETTINGS}))
        bursts = simulated_bursts(truth, scenes=args.scenes, size=args.size, frames=args.frames, seed=args.seed)
    named = (replace(b, provenance={**b.provenance, "name": f"{b.camera}-{b.iso:g}-{b.scene}"}) for b in bursts)
    if args.out.exists():
        written = list(store(named, args.out, args.overwrite))
    else:
        with durable_replace(args.out) as new:
            written = [args.out / path.name for path in store(named, new)]
    print(*written, sep="\n")


if __name__ == "__main__":
    run(main)
