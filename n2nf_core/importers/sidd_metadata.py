"""The metadata files of SIDD: MATLAB v5 structs, whose layout differs between phones."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.importers.matlab import read_struct
from n2nf_core.types import NLF

_MODELS = {"Pixel": "GP", "iPhone": "IP", "SM-G92": "S6", "Nexus 6": "N6", "LG-H8": "G4"}
_CFA_TAG, _NOISE_PROFILE_TAG = 33422, 51041


class Metadata(NamedTuple):
    """What an SIDD metadata file states. A field that it does not state is None.

    Arguments:
        camera: SIDD's two letters for the phone, or its model if that is not a phone of SIDD.
        iso: ISO setting.
        cfa: colour filter of the 2x2 cell, one of ``raw.CFAS``.
        nlf: the tag NoiseProfile, averaged over colours: variances in [0, 1] units squared.
        exposure_s: exposure time in seconds.
        notes: what a user should know.
    """

    camera: str | None = None
    iso: float | None = None
    cfa: str | None = None
    nlf: NLF | None = None
    exposure_s: float | None = None
    notes: tuple[str, ...] = ()


def read_metadata(path: Path) -> Metadata:
    """Read ``NNNN_METADATA_RAW_....MAT``. Fields are searched at any depth, since the iPhone's file nests ISO and CFA.

    Errors: BurstError, which names the file, if it is damaged.
    """
    names = ("Model", "ISOSpeedRatings", "ExposureTime")
    fields, tags = read_struct(path, "metadata", names, (_CFA_TAG, _NOISE_PROFILE_TAG))
    model, profile = str(fields.get("Model", "")), tags.get(_NOISE_PROFILE_TAG)
    try:
        pairs = np.reshape(profile or (), (-1, 2))
        several = len(pairs) > 1 and np.ptp(pairs, axis=0).any()
        return Metadata(
            next((code for start, code in _MODELS.items() if model.startswith(start)), model or None),
            _positive(fields, "ISOSpeedRatings"),
            raw.cfa_name(tags[_CFA_TAG]) if _CFA_TAG in tags else None,
            NLF(*pairs.mean(0).tolist()) if len(pairs) and np.isfinite(pairs).all() else None,
            _positive(fields, "ExposureTime"),
            ("NoiseProfile differs between colours: its mean is used",) if several else (),
        )
    except ValueError as error:
        raise BurstError(f"{path}: its metadata cannot be used ({error}): copy or download it again") from error


def _positive(fields: dict, name: str) -> float | None:
    """The first value of a field; ValueError where it is no positive number."""
    if name not in fields:
        return None
    value = fields[name][0]
    if not (isinstance(value, float) and np.isfinite(value) and value > 0):
        raise ValueError(f"{name} is {fields[name]}")
    return value
