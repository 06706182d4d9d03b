"""What a model file holds, as JSON for other programs and as a table for reading."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from torch import nn

from n2nf_core.export.model_file import describe
from n2nf_core.export.profiles import LineProfile
from n2nf_core.raw import MONO, four_levels
from n2nf_core.types import NLF, NoiseModel


def _in_dn(nlf: NLF, about: Mapping) -> dict[str, float]:
    """Gain and read noise from a line in [0, 1] units: gain = shot * span, read noise = sqrt(read) * span."""
    span = about["white"] - sum(four_levels(about["black"])) / 4
    gain, read = nlf.shot * span, math.sqrt(nlf.read) * span
    return {
        "gain_dn_per_electron": gain,
        "read_dn": read,
        "read_electrons": read / gain if gain > 0 else math.nan,
    }


def _row(profile: LineProfile, about: Mapping) -> dict:
    planes = {
        name: {**nlf._asdict(), **_in_dn(nlf, about)}
        for name, nlf in zip(("R", "Gr", "Gb", "B"), profile.planes, strict=True)
    }
    measures = {name: getattr(profile, name) for name in ("spread", "kurtosis", "correlation")}
    return {"camera": profile.camera, "iso": profile.iso, "planes": planes, **measures, "words": profile.words()}


def as_json(model: NoiseModel, denoiser: nn.Module, about: Mapping, found: Sequence[LineProfile]) -> str:
    """All that a model file states in words and numbers, without its tensors, as JSON text.

    ``profiles`` has a row for every camera and ISO value: shot and read of the planes in [0, 1] units, gain and read
    noise in the DN of ``about``, and how well the line describes the noise (:class:`LineProfile`).

    Arguments:
        model: the noise model of the file.
        denoiser: its denoiser.
        about: its camera, ISO, black and white level in DN.
        found: the model's profiles.
    """
    size = {"kind": type(denoiser).__name__, "parameters": sum(p.numel() for p in denoiser.parameters())}
    models = {"noise_model": describe(model), "denoiser": size}
    rows = [_row(profile, about) for profile in found]
    document = {"format": "n2nf-summary", "version": 1, "about": dict(about), **models, "profiles": rows}
    return json.dumps(_without_nan(document), indent=1, allow_nan=False) + "\n"


def _without_nan(value):
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(each) for key, each in value.items()}
    return [_without_nan(each) for each in value] if isinstance(value, (list, tuple)) else value


def as_table(about: Mapping, found: Sequence[LineProfile]) -> str:
    """A line of text for every camera, ISO value and colour; below it, whether two numbers describe the noise.

    Cameras without colours have one line, of the mean of the planes.

    shot and read are variances in [0, 1] units, gain and read noise are in the DN of ``about``.

    about: camera, ISO, black and white level in DN of a model file. found: the model's profiles.
    """
    head = ("camera", "ISO", "colour", "shot", "read", "DN/e-", "read DN", "read e-")
    rows, mono = [head], {each.get("cfa") for each in about.get("settings") or [about]} == {MONO}
    for profile in found:
        grey = NLF(*(sum(terms) / 4 for terms in zip(*profile.planes, strict=True)))
        for colour, nlf in [("-", grey)] if mono else zip("RGB", profile.colours, strict=True):
            dn = [f"{value:.4g}" for value in _in_dn(nlf, about).values()]
            rows.append((profile.camera, f"{profile.iso:g}", colour, f"{nlf.shot:.4g}", f"{nlf.read:.4g}", *dn))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "", *(profile.words() for profile in found)]) + "\n"
