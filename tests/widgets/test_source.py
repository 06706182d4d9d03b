"""The page's modules and style sheets keep to the sizes of the house, with or without Biome at hand."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_LINE = 120  # characters
LONGEST_MODULE = 250  # lines
PATTERNS = ("n2nf_core/widgets/js/*.js", "n2nf_core/widgets/js/*.css", "tests/widgets/*.mjs", "book/*.css")
SOURCES = [path for pattern in PATTERNS for path in sorted(ROOT.glob(pattern))]


def test_every_kind_of_source_is_found():
    assert {path.name for path in SOURCES} >= {"models.js", "theme.css", "parity.mjs", "book.css"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_modules_are_short_and_so_are_their_lines(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= LONGEST_MODULE
    assert not [number for number, line in enumerate(lines, 1) if len(line) > LONGEST_LINE]
