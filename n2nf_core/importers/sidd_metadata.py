"""The metadata files of SIDD: MATLAB v5 structs, whose layout differs between phones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.files import one_line
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
    """

    camera: str | None = None
    iso: float | None = None
    cfa: str | None = None
    nlf: NLF | None = None


def read_metadata(path: Path) -> Metadata:
    """Read ``NNNN_METADATA_RAW_....MAT``. Fields are searched at any depth, since the iPhone's file nests ISO and CFA.

    Errors: BurstError, which names the file, if it is damaged.
    """
    import scipy.io

    try:
        root = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)["metadata"]
    except Exception as error:  # scipy's parser raises errors of many types
        raise BurstError(f"{path}: not a readable metadata file; it may be truncated ({one_line(error)})") from error
    fields, tags = {}, {}
    for struct in _structs(root):
        for name in struct._fieldnames:
            value = getattr(struct, name)
            if np.size(value):
                fields.setdefault(name, value)
        if {"ID", "Value"} <= set(struct._fieldnames):
            tags.setdefault(int(struct.ID), np.atleast_1d(struct.Value))
    model, profile = str(fields.get("Model", "")), tags.get(_NOISE_PROFILE_TAG)
    return Metadata(
        next((code for start, code in _MODELS.items() if model.startswith(start)), model or None),
        float(np.ravel(fields["ISOSpeedRatings"])[0]) if "ISOSpeedRatings" in fields else None,
        raw.cfa_name(tags[_CFA_TAG]) if _CFA_TAG in tags else None,
        None if profile is None else NLF(*profile.reshape(-1, 2).mean(0).tolist()),
    )


def _structs(value) -> Iterator:
    """Every MATLAB struct in ``value``, outermost first."""
    if hasattr(value, "_fieldnames"):
        yield value
        for name in value._fieldnames:
            yield from _structs(getattr(value, name))
    elif isinstance(value, np.ndarray) and value.dtype == object:
        for item in value.flat:
            yield from _structs(item)
