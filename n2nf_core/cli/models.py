"""The subcommands that use a model file: export, noise, denoise."""

from __future__ import annotations

import argparse
from pathlib import Path

from n2nf_core.cli.command import Commands, new_file
from n2nf_core.cli.sources import add_cfa, add_levels, read
from n2nf_core.export.exchange import FORMATS

EXPORT = """\
Write what a model file knows in the form of another program.

    n2nf export camera.safetensors --to table
    n2nf export camera.safetensors --to darktable --maker Nikon -o noiseprofiles.json
    n2nf export camera.safetensors --to onnx -o camera

table      shot and read noise of every ISO value and colour, and whether two numbers describe the noise
json       the same per plane, with all digits
dng        the numbers of the DNG tag NoiseProfile
darktable  a noiseprofiles.json, at four or more ISO values
onnx       two files, NAME-denoiser.onnx and NAME-sampler.onnx, checked with onnxruntime

If the noise is not Gaussian, the line shot x + read is fitted to its variance along the signal, and a sentence says how
well it describes the noise.
"""

NOISE = """\
Put a camera's noise on clean images.

    n2nf noise camera.safetensors clean.tif -o noisy.tif --iso 1600
    n2nf noise camera.safetensors pictures/*.png -o noisy --iso 100 3200 --exposure 0.125 1 --seed 7

TIFF and NPZ hold linear values: a mosaic (H, W) whose first pixel is red, RGB (H, W, 3) or packed planes; floats in
[0, 1], integers in DN, from 0 to the largest of their type unless --black and --white are given. PNG and JPEG are made
linear by the sRGB curve alone, so their noise is approximate. --exposure 0.125 gives the noise of a picture taken three
stops darker and brightened afterwards. Two values are a range, from which every image draws. A seed fixes the noise.
"""

DENOISE = """\
Denoise a burst: the best estimate of the scene from all frames, or every frame.

    n2nf denoise camera.safetensors burst.npz -o scene.dng
    n2nf denoise camera.safetensors folder_of_raw_files -o frames.tif --every

TIFF and NPZ hold float32 values in DN, DNG files open in raw developers. The estimate of the scene weights the mean of
the frames against the mean of the denoised frames; the frames themselves choose the weight.
"""


def add(commands: Commands) -> None:
    """Add ``n2nf export``, ``n2nf noise`` and ``n2nf denoise``."""

    def with_model(name: str, call, text: str) -> argparse.ArgumentParser:
        added = commands.add(name, call, text)
        added.add_argument("model", type=Path, metavar="MODEL", help="model file, as n2nf or save_model wrote it")
        return added

    export = with_model("export", _export, EXPORT)
    export.add_argument("--to", required=True, choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    export.add_argument("--camera", help="of the model's cameras; by default the one that the file was made for")
    export.add_argument("--maker", help="the camera's maker, for darktable")
    export.add_argument("-o", "--out", type=new_file, help="file to write, instead of standard output")
    noise = with_model("noise", _noise, NOISE)
    noise.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    noise.add_argument("-o", "--out", type=Path, required=True, help="folder, or the file for a single image")
    noise.add_argument("--iso", type=float, nargs="+", help="ISO value, or two for a range; by default all it knows")
    noise.add_argument("--camera", nargs="+", help="cameras of the model to draw from; by default the file's")
    noise.add_argument("--exposure", type=float, nargs="+", default=[1.0], help="factor on the signal, or two")
    noise.add_argument("--seed", type=int, default=0, help="of the noise of the first image (0)")
    denoise = with_model("denoise", _denoise, DENOISE)
    denoise.add_argument("burst", type=Path, metavar="BURST", help="file or folder that holds one burst")
    denoise.add_argument("-o", "--out", type=new_file, required=True, help="file that ends in .tif, .npz or .dng")
    denoise.add_argument("--every", action="store_true", help="write every frame instead of the scene")
    for added in (noise, denoise):
        add_levels(added)
    add_cfa(denoise)


def _export(options: argparse.Namespace) -> int:
    from n2nf_core.export.exchange import export_onnx, export_text, write_bytes

    if options.to == "onnx" and options.out is None:
        raise ValueError("ONNX files are binary: say where to write them, with -o NAME")
    if options.to == "onnx":
        print(*export_onnx(options.model, options.out, options.camera), sep="\n")
        return 0
    text = export_text(options.model, options.to, options.camera, options.maker)
    print(text if options.out is None else f"{write_bytes(options.out, text.encode())}\n", end="")
    return 0


def _noise(options: argparse.Namespace) -> int:
    from n2nf_core.export import CameraNoise, load_model
    from n2nf_core.export.images import noise_on_files
    from n2nf_core.importers import options_of

    _, model, about = load_model(options.model)
    iso = None if options.iso is None else _range(options.iso, "iso")
    noise = CameraNoise(model, iso, options.camera or [about["camera"]], _range(options.exposure, "exposure"))
    given = options_of({"black": options.black, "white": options.white})
    for path, note in noise_on_files(noise, options.images, options.out, options.seed, given.black, given.white):
        print(f"{path}: {note}")
    return 0


def _range(values: list[float], name: str) -> tuple[float, float]:
    if len(values) > 2:
        raise ValueError(f"--{name} takes one value or two, got {len(values)}")
    return values[0], values[-1]


def _denoise(options: argparse.Namespace) -> int:
    from n2nf_core.evaluation.denoised import denoised_frames, mosaic_in_dn, scene_estimate
    from n2nf_core.export import load_model
    from n2nf_core.export.frames import check_name, write_frames
    from n2nf_core.importers import options_of

    check_name(options.out)
    denoiser = load_model(options.model)[0]
    (burst, *more), (said, *_) = read(options.burst, options_of(vars(options)))
    if more:
        raise ValueError(f"{options.burst} holds {1 + len(more)} bursts: give the file or folder of one")
    if min(burst.shape[2:]) < 2:
        raise ValueError(f"{burst.scene}: frames of so few pixels cannot be denoised: give frames of at least 4 x 4")
    stated = {name: getattr(burst, name) for name in ("black", "white", "cfa", "camera", "iso")}
    print(*(f"note: {text}" for text in said), sep="\n", end="\n" if said else "")
    frames = denoised_frames(denoiser, burst)
    if not options.every:
        scene, weight = scene_estimate(denoiser, burst)
        frames = [scene]
        print(f"scene from {len(burst)} frames: {weight:.0%} mean of the denoised frames, the rest plain mean")
    print(*write_frames(options.out, (mosaic_in_dn(frame, burst) for frame in frames), **stated), sep="\n")
    return 0
