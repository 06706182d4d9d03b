"""The bursts that a subcommand is given, with what the importers and the checks say of them."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from n2nf_core.bursts import Burst, BurstError, Finding, find
from n2nf_core.bursts.checks.findings import OK, REFUSE, WARN
from n2nf_core.raw import CFAS

if TYPE_CHECKING:
    from n2nf_core.importers import Options


class Checked(NamedTuple):
    """A burst with the verdicts of its checks.

    Arguments:
        burst: as it was read.
        notes: where its levels and settings come from, in sentences.
        findings: one for every check.
    """

    burst: Burst
    notes: list[str]
    findings: list[Finding]

    @property
    def verdict(self) -> str:
        """The worst verdict of its checks."""
        return next((v for v in (REFUSE, WARN) if any(f.verdict == v for f in self.findings)), OK)


def add_bursts(parser: argparse.ArgumentParser) -> None:
    """The argument BURST..., and the options for what its files do not state."""
    parser.add_argument(
        "bursts", nargs="+", metavar="BURST", help="file or folder of a static scene's frames; esis is built in"
    )
    add_settings(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The options for what files state of themselves, as texts: --camera, --iso, --black, --white and --cfa."""
    parser.add_argument("--camera", help="name of the camera, in place of the file's")
    parser.add_argument("--iso", help="ISO setting, in place of the file's")
    add_levels(parser)
    add_cfa(parser)


def add_levels(parser: argparse.ArgumentParser) -> None:
    """The options --black and --white, as texts."""
    four = "one number, or one for each pixel of the 2x2 cell, as 64,65,65,64"
    parser.add_argument("--black", metavar="DN", help=f"black level in DN, in place of the file's: {four}")
    parser.add_argument("--white", metavar="DN", help="white level in DN, in place of the file's")


def add_cfa(parser: argparse.ArgumentParser) -> None:
    """The option --cfa."""
    parser.add_argument("--cfa", help=f"colour filter of the 2x2 cell, in place of the file's: {', '.join(CFAS)}")


def read(path: str | Path, given: Options) -> tuple[list[Burst], list[list[str]]]:
    """The bursts of a file or folder, not yet checked, and of each what is to be said of its reading, in sentences.

    These are its own notes, and what the importers warn of in any of them.

    path: file or folder. given: in place of what the files state. Errors: BurstError for what cannot be read.
    """
    from n2nf_core.importers import iter_unchecked

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        bursts = list(iter_unchecked(path, given))
    notes = [list(dict.fromkeys(burst.provenance.get("notes", []))) for burst in bursts]
    texts = dict.fromkeys(str(each.message) for each in heard)
    return bursts, [own + [text for text in texts if not any(text.endswith(f": {n}") for n in own)] for own in notes]


def checked(paths: Sequence[str | Path], options: argparse.Namespace) -> list[Checked]:
    """All bursts of ``paths``, in order, each read and checked.

    Arguments:
        paths: files and folders.
        options: with black, white and cfa as texts or None.

    Errors: BurstError, one line that names the file, for what cannot be read.
    """
    from n2nf_core.importers import options_of

    given, found = options_of(vars(options)), []
    for path in paths:
        for burst, notes in zip(*read(path, given), strict=True):
            found.append(Checked(burst, notes, find(burst)))
    return found


def usable(found: Sequence[Checked]) -> tuple[list[Burst], list[str]]:
    """The bursts that no check refuses, and what is to be said of all of them.

    Every note is said once, and every check once, with the sentence of the burst that has most of it.

    Errors: BurstError, which says why, where no burst is left.
    """
    refused = [each.burst.scene for each in found if each.verdict == REFUSE]
    if len(refused) == len(found):
        raise BurstError(f"{refused[0]}: {next(f.text for f in found[0].findings if f.verdict == REFUSE)}")
    notes: dict[str, list[str]] = {}
    worst: dict[tuple[str, str], list[Finding]] = {}
    for each in found:
        for note in each.notes:
            notes.setdefault(note, []).append(note)
        for finding in each.findings:
            if finding.verdict != OK:
                worst.setdefault((finding.name, finding.verdict), []).append(finding)
    said = [(note, len(same)) for note, same in notes.items()]
    said += [(max(same, key=lambda f: f.value).text, len(same)) for same in worst.values()]
    texts = [f"{text} ({count} of {len(found)} bursts)" if len(found) > 1 else text for text, count in said]
    texts += [f"left out: {', '.join(refused)}"] if refused else []
    return [each.burst for each in found if each.verdict != REFUSE], texts
