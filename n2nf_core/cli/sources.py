"""The bursts that a subcommand is given, with what the importers and the checks say of them."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from n2nf_core.bursts import Burst, BurstError, Finding, find
from n2nf_core.bursts.checks.findings import OK, REFUSE, WARN

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
    parser.add_argument("--black", help="black level in DN, or four as '64,64,64,64', in place of the files'")
    parser.add_argument("--white", help="white level in DN, in place of the files'")
    parser.add_argument("--cfa", help="colour filter, such as RGGB or MONO, in place of the files'")


def read(path: str | Path, given: Options) -> tuple[list[Burst], list[str]]:
    """The bursts of a file or folder, not yet checked, and what the importers warn of, in sentences.

    path: file or folder. given: in place of what the files state. Errors: BurstError for what cannot be read.
    """
    from n2nf_core.importers import iter_unchecked

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        bursts = list(iter_unchecked(path, given))
    return bursts, [str(each.message) for each in heard]


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
        bursts, said = read(path, given)
        for burst in bursts:
            notes = list(dict.fromkeys(burst.provenance.get("notes", [])))
            more = dict.fromkeys(text for text in said if not any(text.endswith(f": {note}") for note in notes))
            found.append(Checked(burst, [*notes, *more], find(burst)))
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
