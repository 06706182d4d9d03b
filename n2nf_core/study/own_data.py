"""What every notebook does with data of the reader's own: read and check them, and say what came of it.

A notebook's claims are about its own data. On other data a claim may fail without anything being wrong. It then
becomes a sentence of the result, beside what the checks of the bursts found.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from n2nf_core.importers import iter_trainable, options_of
from n2nf_core.study.results import write_json


def read_data(path: str | Path, **settings: object) -> list:
    """A list of all bursts at ``path``, after their checks; what these and the importer find is printed, one line each.

    Arguments:
        path: a file or folder that the importers read.
        settings: black, white or cfa, as :func:`~n2nf_core.importers.options_of` takes them.

    Errors: BurstError, one line, for data that cannot be read, that fail the checks or that are too small to be split.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        bursts = list(iter_trainable(path, options_of(settings)))
    print(*dict.fromkeys(f"note: {each.message}" for each in heard), sep="\n", end="\n" if heard else "")
    return bursts


def assert_claims(result: str | Path, claims: Mapping[str, bool], data: str) -> list[str]:
    """Assert the claims of a notebook that ran on its own data; on other data, note those that do not hold.

    The result gets a list ``notes``: what the importers and the checks said of the bursts, whether scores are those of
    a random choice of patches, and "not on these data: " with every claim that does not hold. They are printed, too.

    Arguments:
        result: the JSON file that the notebook wrote, with its provenance.
        claims: sentence -> whether it holds.
        data: the notebook's parameter; empty for its own data.

    Returns the notes. Errors: AssertionError, which names the claims, if ``data`` is empty and one does not hold.
    """
    failed = [claim for claim, holds in claims.items() if not holds]
    if failed and not data:
        raise AssertionError("; ".join(failed))
    content = json.loads(Path(result).read_text())
    notes = _of_bursts(content["provenance"]["data"]) + sorted(set(_of_scores(content)))
    notes += [f"not on these data: {claim}" for claim in failed]
    write_json(result, content | {"notes": notes})
    print(*(f"note: {note}" for note in notes), sep="\n", end="\n" if notes else "")
    return notes


def _of_scores(content: Mapping) -> Iterator[str]:
    """A sentence for every row of scores, at any depth, that are those of a part of the held-out patches."""
    if left_out := content.get("patches_left_out"):
        used = content["patches"]
        yield f"scores are those of {used} of {used + left_out} held-out patches, chosen at random to save memory"
    for inner in content.values():
        if isinstance(inner, Mapping):
            yield from _of_scores(inner)


def _of_bursts(provenances: Sequence[Mapping]) -> list[str]:
    """What was said of the bursts, each sentence once, with the number of bursts if there are several."""
    counts: dict[str, int] = {}
    for known in provenances:
        for sentence in dict.fromkeys([*known.get("notes", []), *known.get("findings", [])]):
            counts[sentence] = counts.get(sentence, 0) + 1
    several = len(provenances) > 1
    return [f"{text} ({count} of {len(provenances)} bursts)" if several else text for text, count in counts.items()]
