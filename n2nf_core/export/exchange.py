"""A model file in the form of another program: profiles, ONNX files, JSON and a table."""

from __future__ import annotations

from pathlib import Path

from n2nf_core.export.model_file import load_model
from n2nf_core.export.onnx_files import denoiser_onnx, sampler_onnx
from n2nf_core.export.profiles import darktable_profiles, dng_profiles, profiles
from n2nf_core.export.summary import as_json, as_table
from n2nf_core.files import durable_replace

FORMATS = ("table", "json", "dng", "darktable", "onnx")


def export_text(path: str | Path, form: str, camera: str | None = None, maker: str | None = None) -> str:
    """What a model file knows, as text in one of :data:`FORMATS` but "onnx".

    Arguments:
        path: a model file.
        form: "table", "json", "dng" or "darktable".
        camera: one of the model's cameras. By default "darktable" holds the one that the file was made for, and the
            others hold all.
        maker: the camera's maker, for darktable.

    ValueError for another form and for what cannot be exported; UnknownCameraError for a camera that the model does not
    know.
    """
    denoiser, model, about = load_model(path)
    if form == "darktable":
        return darktable_profiles(model, camera or about["camera"], maker)
    found = profiles(model, None if camera is None else [camera])
    if form == "json":
        return as_json(model, denoiser, about, found)
    if form == "table":
        return as_table(about, found)
    if form == "dng":
        return dng_profiles(found)
    raise ValueError(f"there is no text form {form!r}: choose one of {', '.join(FORMATS[:-1])}")


def export_onnx(path: str | Path, out: str | Path, camera: str | None = None) -> list[Path]:
    """Write ``out-denoiser.onnx`` and ``out-sampler.onnx`` of a model file, and return the paths.

    Arguments:
        path: a model file.
        out: the beginning of the two names; a suffix ``.onnx`` is left out.
        camera: one of the model's cameras, for the sampler; by default the one that the file was made for.

    Errors: those of :func:`~n2nf_core.export.onnx_files.sampler_onnx`.
    """
    denoiser, model, about = load_model(path)
    name = str(out).removesuffix(".onnx")
    made = {"sampler": sampler_onnx(model, camera or about["camera"]), "denoiser": denoiser_onnx(denoiser)}
    return [write_bytes(f"{name}-{kind}.onnx", data) for kind, data in made.items()]


def write_bytes(path: str | Path, data: bytes) -> Path:
    """Write a file completely or not at all, and return its path."""
    with durable_replace(path) as new:
        new.write_bytes(data)
    return Path(path)
