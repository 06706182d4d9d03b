"""The subcommand ``n2nf measure``."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from n2nf_core.bursts import Burst
from n2nf_core.cli.command import Commands, new_file
from n2nf_core.cli.sources import Checked, add_bursts, checked, usable
from n2nf_core.evaluation.camera_numbers import GROUPS, Measured, Numbers, measure_camera
from n2nf_core.evaluation.emva1288 import Quantity, emva1288

MEASURE = """\
Measure a camera by photon transfer: gain, read noise, full well, dynamic range and more.

    n2nf measure esis --dark esis-dark
    n2nf measure burst.npz
    n2nf measure flats/*.tif --dark darks/*.tif --white 4095 --cfa MONO
    n2nf measure iso100 iso800 --json > numbers.json
    n2nf measure flats/* --dark darks/* --emva --photons 120 961 1863
    n2nf measure burst.npz --html page.html

The variance of the noise rises with the signal: its slope is the gain in DN per electron, and what is left at signal 0
is the read noise. A scene with dark and bright parts is enough; bursts of one camera and ISO are one measurement, such
as a series of exposures. Dark frames give the black level, the dark noise and its nonuniformity (DSNU).

Names are those of the EMVA Standard 1288. The scene need not be uniform, so the linearity error, which needs exposure
times, is replaced by the bend of the variance line: by how much the variance of the brightest part departs from a line.
PRNU includes the shading of the light. Full well is where the variance of flat fields falls, or else what the white
level can hold. Numbers in electrons assume that the number of electrons follows Poisson's law. Errors are standard
errors. A burst that `n2nf check` refuses is left out, and a note says so.

--emva      add the quantities of EMVA 1288 by its own definitions. It needs uniform light at three or more exposures,
            and dark frames. Its gain is the slope of a line through the dark frames, over all pixels up to 70 % of
            saturation and without weights, so it differs from the gain above where the variance is not a line
--photons   photons per pixel, one number for each burst, for responsivity, quantum efficiency and linearity error
"""


class Block(NamedTuple):
    """The measurement of one camera at one ISO.

    Arguments:
        camera, iso: of its bursts.
        bursts, darks: how many of each.
        measured: group of planes -> numbers and curves.
        standard: group of planes -> quantities by the definitions of EMVA 1288, where they are asked for.
    """

    camera: str
    iso: float
    bursts: int
    darks: int
    measured: Mapping[str, Measured]
    standard: Mapping[str, Mapping[str, Quantity]]


def add(commands: Commands) -> None:
    """Add ``n2nf measure``."""
    parser = commands.add("measure", _measure, MEASURE)
    add_bursts(parser)
    parser.add_argument("--dark", nargs="+", default=[], metavar="DARKS", help="dark bursts, named after the others")
    parser.add_argument("--emva", action="store_true", help="add the quantities of EMVA 1288, see above")
    parser.add_argument("--photons", nargs="+", type=float, metavar="P", help="photons per pixel of each burst")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--html", type=new_file, metavar="PAGE", help="write a page with figures, too")


def blocks(bursts: Sequence[Burst], darks: Sequence[Burst], emva: bool = False) -> list[Block]:
    """A measurement for every camera and ISO of the bursts, with the dark bursts of the same setting.

    Arguments:
        bursts: that can be used.
        darks: dark frames; those of a setting without bursts are a ValueError.
        emva: whether the quantities of EMVA 1288 are asked for; "photons" in the provenance of a burst is its light.
    """
    settings = sorted({(b.camera, b.iso) for b in bursts})
    if strange := sorted({(b.camera, b.iso) for b in darks} - set(settings)):
        named = " and ".join(f"{camera} at ISO {iso:g}" for camera, iso in strange)
        raise ValueError(f"the dark frames are of {named}, of which there is no burst: give darks of the same setting")
    found = []
    for setting in settings:
        mine, dark = ([b for b in each if (b.camera, b.iso) == setting] for each in (bursts, darks))
        measured = measure_camera(mine, dark)
        light = [b.provenance.get("photons") for b in mine]
        groups = {name: GROUPS[name] for name in measured if emva and (name != "all" or len(measured) == 1)}
        photons = None if None in light else light
        standard = {name: emva1288(mine, dark, planes, photons) for name, planes in groups.items()}
        found.append(Block(*setting, len(mine), len(dark), measured, standard))
    return found


def _measure(options: argparse.Namespace) -> int:
    found = checked(options.bursts, options)
    if options.photons:
        found = _lit(found, options.photons)
    bursts, said = usable(found)
    darks, of_darks = usable(checked(options.dark, options)) if options.dark else ([], [])
    notes = said + [f"dark frames: {text}" for text in of_darks if text not in said]
    if any(burst.frames.dtype.kind == "f" for burst in bursts):
        notes.append("the numbers are not whole ones, so a DN here is the unit of the file, whatever its scale")
    found = blocks(bursts, darks, options.emva)
    print(as_json(found, notes) if options.json else as_text(found, notes))
    if options.html:
        from n2nf_core.files import durable_replace
        from n2nf_core.plots.page import measurement_page

        with durable_replace(options.html) as new:
            new.write_text(measurement_page(as_text(found, notes), _curves(found)))
    return 0


def _lit(found: Sequence[Checked], photons: Sequence[float]) -> list[Checked]:
    if len(photons) != len(found):
        raise ValueError(f"--photons has {len(photons)} numbers for {len(found)} bursts: give one for each")
    told = [{**each.burst.provenance, "photons": p} for each, p in zip(found, photons, strict=True)]
    return [e._replace(burst=replace(e.burst, provenance=p)) for e, p in zip(found, told, strict=True)]


def _curves(found: Sequence[Block]) -> dict:
    return {
        f"{block.camera}, ISO {block.iso:g}": {name: each.curve for name, each in block.measured.items()}
        for block in found
    }


def as_json(found: Sequence[Block], notes: Sequence[str]) -> str:
    """The measurements as JSON: ``settings`` has one entry for each camera and ISO.

    An entry holds the numbers of all planes together, those of each plane in ``planes``, and the skewness against the
    signal. Where there is one entry, its fields stand at the top, too.

    found: measurements. notes: what was said of the bursts.
    """
    settings = [_entry(block) for block in found]
    top = settings[0] if len(settings) == 1 else {}
    return json.dumps(
        {"format": "n2nf-measure", "version": 1, **top, "settings": settings, "notes": list(notes)}, indent=1
    )


def _entry(block: Block) -> dict:
    measured = dict(block.measured)
    total, curve = measured.pop("all")
    skewness = {
        "signal_dn": curve.signal.tolist(),
        "skewness": curve.skewness.tolist(),
        "skewness_error": curve.error.tolist(),
    }
    standard = {group: {k: q._asdict() for k, q in each.items()} for group, each in block.standard.items()}
    entry = {"camera": block.camera, "iso": block.iso, "bursts": block.bursts, "darks": block.darks}
    planes = {name: each.numbers.as_dict() for name, each in measured.items()}
    entry |= total.as_dict() | {"planes": planes, "skewness_against_signal": skewness}
    return entry | ({"emva1288": standard} if standard else {})


LINES = (
    ("gain, DN per electron", "gain_dn_per_electron", "gain_dn_per_electron_error"),
    ("read noise, DN", "read_dn", "read_dn_error"),
    ("read noise, electrons", "read_electrons", "read_electrons_error"),
    ("row noise, DN", "row_noise_dn", "row_noise_dn_error"),
    ("full well, electrons", "full_well_electrons", None),
    ("dynamic range, dB", "dynamic_range_db", None),
    ("SNR max, dB", "snr_max_db", None),
    ("bend of the line, %", "bend_percent", "bend_percent_error"),
    ("skewness / Poisson's", "skewness_ratio", "skewness_ratio_error"),
    ("PRNU, %", "prnu_percent", None),
    ("DSNU, electrons", "dsnu_electrons", None),
    ("pixels left out, %", "excluded_percent", None),
)
"""Label, field, and the field of its standard error."""


def as_text(found: Sequence[Block], notes: Sequence[str]) -> str:
    """The measurements as tables for reading, one for each camera and ISO, and the notes below them.

    found: measurements. notes: what was said of the bursts.
    """
    return "\n\n".join([*map(_table, found), *(["\n".join(f"note: {note}" for note in notes)] if notes else [])])


def _table(block: Block) -> str:
    columns = {name: each.numbers for name, each in block.measured.items()}
    rows = [("", *columns)] + [
        (label, *(_cell(numbers, field, error) for numbers in columns.values()))
        for label, field, error in LINES
        if any(getattr(numbers, field) is not None for numbers in columns.values())
    ]
    bursts, darks = ("1 burst" if n == 1 else f"{n or 'no'} bursts" for n in (block.bursts, block.darks))
    title = f"{block.camera}, ISO {block.iso:g}: {bursts}, and {darks} of dark frames"
    return "\n".join([title, *_aligned(rows), *_words(columns), *_standard(block.standard)])


def _standard(found: Mapping[str, Mapping[str, Quantity]]) -> list[str]:
    """The quantities of EMVA 1288 as a table."""
    if not found:
        return []
    groups = list(found.values())
    names = list(found) if len(found) > 1 else [""]
    rows = [("EMVA 1288", "", *names)] + [
        (each.name, f"{each.symbol}{', ' if each.unit else ''}{each.unit}", *(_value(group[key]) for group in groups))
        for key, each in groups[0].items()
    ]
    return ["", *_aligned(rows)]


def _value(each: Quantity) -> str:
    return f"{each.value:.4g}" + (f" +- {each.error:.2g}" if each.error is not None else "")


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, wide, strict=True)).rstrip() for row in rows]


def _cell(numbers: Numbers, field: str, error: str | None) -> str:
    value = getattr(numbers, field)
    if value is None:
        return "-"
    spread = getattr(numbers, error) if error else None
    mark = "at most " if field == "full_well_electrons" and not numbers.saturation_seen else ""
    return f"{mark}{value:.4g}" + (f" +- {spread:.2g}" if spread is not None else "")


def _words(columns: Mapping[str, Numbers]) -> Iterator[str]:
    """What the errors say of the numbers of all planes together, and whether these may be taken together."""
    n = columns["all"]
    if n.gain_dn_per_electron < 4 * n.gain_dn_per_electron_error:
        yield "the gain is uncertain: give a scene with dark and bright parts, several exposures, or dark frames"
    if n.rounding_share > 0.5:
        yield "the error of the read noise is that of rounding to whole numbers: give brighter frames, or more bits"
    elif n.read_dn < 4 * n.read_dn_error:
        yield "the read noise is uncertain: give darker parts, or dark frames with --dark"
    elif n.darkest_electrons is not None and n.darkest_electrons > 2 * n.read_electrons**2:
        times = n.darkest_electrons / n.read_electrons**2
        yield (
            f"the read noise is extrapolated from the darkest parts, of {n.darkest_electrons:.3g} electrons, whose "
            f"shot noise has {times:.2g} times its variance: give dark frames with --dark, or darker parts"
        )
    if n.bend_percent is not None and abs(n.bend_percent) > max(4 * n.bend_percent_error, 10):
        yield "the variance does not follow a line: check black and white level, and the light"
    colours = [each for name, each in columns.items() if name != "all"] or [n]
    low, *_, high = sorted((c.gain_dn_per_electron, c.gain_dn_per_electron_error) for c in [*colours, colours[0]])
    if high[0] - low[0] > max(4 * math.hypot(low[1], high[1]), 0.02 * high[0]):
        yield "the colours have different gains, so the column all is a mixture: use their own columns"
