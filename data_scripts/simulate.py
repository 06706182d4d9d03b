"""Write simulated bursts of known noise density: python data_scripts/simulate.py OUT [options].

Scenes are dead leaves; noise is the published camera NLF of the setting, neither clipped nor quantised, or with
--sensor the physical sensor of a named camera at a random gain, quantised and clipped, whose density has no closed form.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from convert import run, store

from n2nf_core.baselines import camera_nlf
from n2nf_core.bursts import Burst
from n2nf_core.scenes import dead_leaves
from n2nf_core.sensor import PhysicalSensor
from n2nf_core.sensor_stages import CALIBRATIONS
from n2nf_core.simulator import SETTINGS, simulated_bursts


def physical_bursts(camera: str, scenes: int, size: int, frames: int, seed: int) -> list[Burst]:
    """One sensor of ``camera`` at a random gain, ``scenes`` scenes of ``frames`` frames."""
    generator = torch.Generator().manual_seed(seed)
    sensor = PhysicalSensor.draw(camera, generator)
    bursts = []
    for number, clean in enumerate(dead_leaves(scenes, size, size, seed=seed)):
        provenance = {
            "importer": "physical sensor",
            "seed": seed,
            "notes": [f"gain {sensor.shot.gain:.4g} DN per electron"],
        }
        burst = Burst(
            frames=sensor.burst(clean, frames, generator).numpy(),
            black=0.0,
            white=1.0,
            cfa="RGGB",
            camera=camera.replace(" ", "-"),
            iso=100.0,
            scene=f"leaves-{seed}-{number:03d}",
            clean=clean.numpy(),
            nlf=sensor.nlf,
            provenance=provenance,
        )
        bursts.append(burst)
    return bursts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--scenes", type=int, default=4, help="scenes per camera and ISO")
    parser.add_argument("--size", type=int, default=128, help="side in plane pixels")
    parser.add_argument("--frames", type=int, default=2, help="frames per burst")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sensor", choices=sorted(CALIBRATIONS), help="the physical sensor of this camera")
    parser.add_argument("--overwrite", action="store_true", help="replace bursts that exist")
    args = parser.parse_args()
    if args.sensor:
        bursts = physical_bursts(args.sensor, args.scenes, args.size, args.frames, args.seed)
    else:
        truth = camera_nlf(sorted({camera for camera, _ in SETTINGS}))
        bursts = simulated_bursts(truth, scenes=args.scenes, size=args.size, frames=args.frames, seed=args.seed)
    named = (replace(b, provenance={**b.provenance, "name": f"{b.camera}-{b.iso:g}-{b.scene}"}) for b in bursts)
    for path in store(named, args.out, args.overwrite):
        print(path)


if __name__ == "__main__":
    run(main)
