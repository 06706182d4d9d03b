"""What files state about their frames, and how frames become bursts of one setting.

Every importer fills one :class:`Stated` per frame. :func:`by_setting` is the only place that compares them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2nf_core import raw
from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.importers.options import Options

Levels = tuple[float, float, float, float]


class Unclear(str):
    """Stands in a field of :class:`Stated` whose value cannot be used; it is the error if no option replaces it."""


class Stated(NamedTuple):
    """What a file states about one frame. A field is None where the file does not state it.

    Arguments:
        camera: the camera's model.
        iso: ISO setting.
        black: black level in DN, one value or four by position in the sensor's 2x2 cell; fractions are allowed.
        white: white level in DN.
        cfa: colour filter of the 2x2 cell, one of ``raw.CFAS``.
        exposure_s: exposure time in seconds.
        gain: the camera's gain setting, in the camera's own unit or words.
        offset: the camera's offset setting, in the same way.
        filter: name of the filter before the sensor.
        kind: type of frame in lower case, such as light, dark, flat or bias.
        mode: readout mode or binning.
        aperture: f-number of the lens.
    """

    camera: str | None = None
    iso: float | None = None
    black: float | Sequence[float] | None = None
    white: float | None = None
    cfa: str | None = None
    exposure_s: float | None = None
    gain: float | str | None = None
    offset: float | str | None = None
    filter: str | None = None
    kind: str | None = None
    mode: str | None = None
    aperture: float | None = None


class Setting(NamedTuple):
    """The frames of a source that were taken with one setting, so that they can be a burst.

    Arguments:
        frames: their numbers in the source.
        stated: what the files and the user say about all of them. Its black level is the highest of the frames'.
        shifts: what is to be added to each frame so that ``stated.black`` is its black level, in DN, four values by
            position in the 2x2 cell. None if the frames have one black level.
        label: the fields in which the source's settings differ, in words; empty if the source has one setting.
        notes: what a user should know, for ``provenance["notes"]``.
    """

    frames: list[int]
    stated: Stated
    shifts: list[Levels] | None
    label: str
    notes: list[str]

    def levelled(self, k: int, planes: np.ndarray) -> np.ndarray:
        """Planes (4, h, w) in DN of the k-th frame of this group, unified, with the group's black level.

        They stay uint16 where the shifts are whole numbers; a sum above 65535 becomes 65535, which is saturated.
        """
        if self.shifts is None:
            return planes
        shift = np.array(raw.unify_levels(self.shifts[k], self.stated.cfa or raw.MONO))[:, None, None]
        moved = planes + shift.astype(np.float32)
        return moved.clip(max=65535).astype(np.uint16) if self.dtype(planes.dtype) == np.uint16 else moved

    def dtype(self, dtype: np.dtype) -> np.dtype:
        """The type of :meth:`levelled` frames, whose own type is ``dtype``."""
        whole = all(float(value).is_integer() for shift in self.shifts or () for value in shift)
        return np.dtype(np.uint16 if whole and dtype == np.uint16 else np.float32)


_SPLIT = {
    "camera": "camera {}", "iso": "ISO {}", "gain": "gain {}", "offset": "offset {}", "exposure_s": "exposure {} s",
    "aperture": "f/{}", "filter": "filter {}", "kind": "{}", "mode": "mode {}",
}  # fmt: skip
"""The fields that define a setting, and how each is written in a label."""

_SAME_EXPOSURE = 1.01  # a measured time differs a little from frame to frame


def by_setting(
    where: str | Path,
    stated: Sequence[Stated],
    places: Sequence[object],
    options: Options = Options(),  # noqa: B008
) -> list[Setting]:
    """The frames of one source, as one group for every setting, in the order in which the settings first occur.

    Options replace what the frames state before anything is compared. Frames that differ in camera, ISO, gain, offset,
    exposure time, aperture, filter, type of frame or readout mode form several groups. A group of one frame is left out
    with a BurstWarning, because a noisy pair needs two. Black levels may differ from frame to frame within a group. A
    field that only some frames of a source state is taken to hold for all, with a note.

    Arguments:
        where: the source, for messages.
        stated: what is stated about each frame.
        places: name or path of each frame, for messages.
        options: what the user gives.

    Errors: BurstError, which names two frames, where white level or colour filter differ within a group, where no two
    frames have one setting, and where a frame does not state a field in which the other frames differ.
    """
    known, notes = [one._replace(**options.given()) for one in stated], []
    for value in (value for one in known for value in one if isinstance(value, Unclear)):
        raise BurstError(value)
    for name in Stated._fields:
        known = _completed(where, name, known, places, notes)
    keys = [tuple(getattr(one, name) for name in _SPLIT) for one in _rounded(known)]
    differing = [name for name, values in zip(_SPLIT, zip(*keys, strict=True), strict=True) if len(set(values)) > 1]
    groups: dict[tuple, list[int]] = {}
    for t, key in enumerate(keys):
        groups.setdefault(key, []).append(t)
    labels = {key: _label(known[frames[0]], differing) for key, frames in groups.items()}
    if len(groups) > 1:
        notes.append(f"the source has {len(groups)} settings, each of them a burst: {'; '.join(labels.values())}")
        groups = _pairs_only(where, groups, labels, places, notes)
    return [_agreed(where, frames, known, places, labels[key], notes) for key, frames in groups.items()]


def _pairs_only(where, groups: dict, labels: dict, places: Sequence[object], notes: list[str]) -> dict:
    """The groups of at least two frames."""
    single = {key: frames[0] for key, frames in groups.items() if len(frames) == 1}
    if len(single) == len(groups):
        check_same(where, [labels[key] for key in groups], [places[frames[0]] for frames in groups.values()])
    if single:
        names = ", ".join(worded(places[t]) for t in single.values())
        note = f"left out, because no other frame has their setting: {names}"
        notes.append(note)
        warnings.warn(f"{where}: {note}", BurstWarning, stacklevel=4)
    return {key: frames for key, frames in groups.items() if key not in single}


def _completed(where, name: str, known: list[Stated], places: Sequence[str], notes: list[str]) -> list[Stated]:
    """``known`` with the field in all frames, if some state it."""
    values = [getattr(one, name) for one in known]
    silent = [t for t, value in enumerate(values) if value is None]
    spoken = [t for t, value in enumerate(values) if value is not None]
    if not silent or not spoken:
        return known
    first = spoken[0]
    for t in spoken:
        if values[t] != values[first]:
            mine, other, silent_one = (worded(places[k]) for k in (first, t, silent[0]))
            raise BurstError(
                f"{where}: {name} is {worded(values[first])} in {mine} and {worded(values[t])} in {other}, and "
                f"{silent_one} does not state it: read the frames of each setting on their own"
            )
    notes.append(f"{name} {worded(values[first])} is stated by {len(spoken)} of {len(known)} frames, and taken for all")
    return [one._replace(**{name: values[first]}) for one in known]


def _rounded(known: Sequence[Stated]) -> list[Stated]:
    """``known`` with one value for exposure times that are nearly the same."""
    times = sorted({one.exposure_s for one in known if one.exposure_s is not None})
    first = {}
    for before, time in zip([None, *times], times, strict=False):
        near = before is not None and before <= time <= before * _SAME_EXPOSURE
        first[time] = first[before] if near else time
    return [one._replace(exposure_s=first.get(one.exposure_s)) for one in known]


def _label(one: Stated, differing: Iterable[str]) -> str:
    return ", ".join(_SPLIT[name].format(worded(getattr(one, name))) for name in differing)


def _agreed(where, frames: list[int], known, places, label: str, notes: list[str]) -> Setting:
    """The group ``frames``, after the comparison of the fields that its frames must share."""
    first = known[frames[0]]
    mine = [places[t] for t in frames]
    for name in ("cfa", "white"):
        check_same(where, [getattr(known[t], name) for t in frames], mine, name)
    if all(known[t].black == first.black for t in frames):
        return Setting(frames, first, None, label, list(notes))
    blacks = [raw.four_levels(known[t].black) for t in frames]
    black = tuple(map(max, zip(*blacks, strict=True)))
    shifts = [tuple(high - own for high, own in zip(black, levels, strict=True)) for levels in blacks]
    low = tuple(map(min, zip(*blacks, strict=True)))
    note = f"the black level differs between frames, from {worded(low)} to {worded(black)}: each frame has its own"
    return Setting(frames, first._replace(black=black), shifts, label, [*notes, note])


def check_same(where: str | Path, values: Iterable[object], places: Iterable[object], what: str = "") -> None:
    """Raise a BurstError, which names both places, if a value differs from the first. The frames of a burst must agree.

    Arguments:
        where: the file or folder that the message names.
        values: one value per frame.
        places: for every value, where it was found.
        what: name of the value.
    """
    pairs = list(zip(values, places, strict=True))
    for value, place in pairs:
        if value != pairs[0][0]:
            first, there = map(worded, pairs[0])
            what = f" in {what}" if what else ""
            found = f"{first} in {there}, {worded(value)} in {worded(place)}"
            raise BurstError(f"{where}: frames differ{what}, {found}: keep the frames of each kind on their own")


def worded(value: object) -> str:
    """A value in a message: the name of a path, a size as H x W, a number without needless digits."""
    if isinstance(value, Path):
        return value.name
    if isinstance(value, tuple):
        sizes = all(isinstance(v, int) for v in value)
        return " x ".join(map(str, value)) if sizes else " ".join(map("{:g}".format, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
