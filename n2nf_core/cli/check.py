"""The subcommand ``n2nf check``."""

from __future__ import annotations

import argparse
import json

from n2nf_core.bursts.checks.findings import REFUSE
from n2nf_core.cli.command import Commands
from n2nf_core.cli.sources import Checked, add_bursts, checked

CHECK = """\
Check whether a burst is raw, static and usable.

    n2nf check esis
    n2nf check burst.npz
    n2nf check folder_of_raw_files --black 512 --white 16383
    n2nf check bursts/*.tif --cfa MONO --json

Every line is one check: its name, a verdict, what was measured, and what to do about it.

ok      as it should be
warn    usable with care: the sentence says what suffers
refuse  no noise model can be learned from these frames

The name esis stands for a real burst that comes with n2nf: a monochrome CCD, two frames, and esis-dark for its dark
frames. It was cut out of one of the CCD's four amplifiers, because each has a gain of its own.

The exit status is 0 if every burst can be used, 1 if one cannot, and 2 for files that cannot be read.
"""


def add(commands: Commands) -> None:
    """Add ``n2nf check``."""
    parser = commands.add("check", _check, CHECK)
    add_bursts(parser)
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines for reading")


def _check(options: argparse.Namespace) -> int:
    found = checked(options.bursts, options)
    if options.json:
        print(json.dumps([_row(each) for each in found], indent=1))
    else:
        print(*map(_text, found), sep="\n\n")
    return int(any(each.verdict == REFUSE for each in found))


def _stated(each: Checked) -> dict:
    burst = each.burst
    frames, _, height, width = burst.shape
    stated = {"scene": burst.scene, "camera": burst.camera, "iso": burst.iso, "frames": frames}
    size = {"height": 2 * height, "width": 2 * width}
    return stated | size | {"cfa": burst.cfa, "black": list(burst.black), "white": burst.white}


def _row(each: Checked) -> dict:
    findings = [f._replace(value=None) if f.value != f.value else f for f in each.findings]
    return _stated(each) | {
        "verdict": each.verdict,
        "notes": each.notes,
        "findings": [finding._asdict() for finding in findings],
    }


def _text(each: Checked) -> str:
    burst, stated = each.burst, _stated(each)
    black = " ".join(f"{level:g}" for level in dict.fromkeys(burst.black))
    lines = [
        f"{burst.scene}: {stated['frames']} frames of {stated['height']} x {stated['width']} pixels, {burst.cfa}",
        f"  camera {burst.camera}, ISO {burst.iso:g}, black level {black}, white level {burst.white:g}",
        *(f"  note: {note}" for note in each.notes),
    ]
    wide = max(len(f.name) for f in each.findings)
    lines += [f"  {f.name:{wide}}  {f.verdict:6}  {f.text}" for f in each.findings]
    ends = {"ok": "it can be used", "warn": "it can be used with care", "refuse": "it cannot be used"}
    return "\n".join([*lines, f"  verdict: {each.verdict}, {ends[each.verdict]}"])
