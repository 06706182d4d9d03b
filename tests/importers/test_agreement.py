"""What is stated twice: the first statement counts, and a note says where the other one differs."""

import pytest

from n2nf_core.importers.agreement import first_of, merged
from n2nf_core.importers.names import stated_by_name
from n2nf_core.importers.stated import Stated, Unclear


@pytest.mark.parametrize(
    ("field", "first", "second"),
    [("iso", 100.0, 100), ("exposure_s", 0.02, 0.0201), ("black", 64.0, (64, 64, 64, 64)), ("cfa", "RGGB", "RGGB"),
     ("gain", 5.0, 1.5), ("camera", "A", "B"), ("white", None, 4095.0), ("iso", Unclear("no"), 100.0),
     ("black", 64.0, Unclear("no"))],
)  # fmt: skip
def test_what_agrees_has_no_note(field, first, second):
    notes = []
    found = first_of(field, [("a", first), ("b", second)], notes)
    assert found == (second if first is None else first) and notes == []


@pytest.mark.parametrize(
    ("field", "first", "second", "words"),
    [("iso", 100.0, 800.0, "iso 100, but b states 800"), ("exposure_s", 0.02, 0.021, "exposure_s 0.02, but b"),
     ("black", (64.0, 65.0, 64.0, 64.0), 200.0, "black 64 65 64 64, but b states 200"),
     ("white", 1023, 4095, "white 1023, but"), ("cfa", "RGGB", "GRBG", "cfa RGGB, but b states GRBG")],
)  # fmt: skip
def test_what_differs_is_noted_and_the_first_is_used(field, first, second, words):
    notes = []
    assert first_of(field, [("a", first), ("b", second)], notes) == first
    (note,) = notes
    assert note.startswith("a states ") and words in note and note.endswith(": the former is used")


def test_sources_are_merged_field_by_field():
    notes = []
    found = merged([("x", Stated(iso=100, camera="A")), ("y", Stated(iso=200, black=64.0))], notes)
    assert found == Stated(iso=100, camera="A", black=64.0) and len(notes) == 1


@pytest.mark.parametrize(
    "facts",
    [{"ISO": 100, "ISOSPEED": 800}, {"EXPTIME": 2, "Exposure-ms": 20}, {"BLACK": 64, "PEDESTAL": 512},
     {"SATURATE": 4095, "white": 1023}, {"BAYERPAT": "RGGB", "cfa": "GRBG"}, {"white": 16383, "BitDepth": 12}],
)  # fmt: skip
def test_a_header_that_contradicts_itself_has_a_note(facts):
    notes = []
    stated_by_name("src", facts, notes)
    assert len(notes) == 1 and "the former is used" in notes[0]


def test_tags_of_a_tiff_are_compared_with_its_description(tmp_path):
    import numpy as np
    import tifffile

    from n2nf_core.importers.tiff import read_tiff

    frames = np.random.default_rng(0).integers(100, 900, (3, 16, 16)).astype(np.uint16)
    tags = [(34855, "H", 1, 800, True)]
    tifffile.imwrite(tmp_path / "a.tif", frames, metadata={"iso": 100}, extratags=tags, photometric="minisblack")
    (stack,) = read_tiff(tmp_path / "a.tif")
    assert stack.stated[0].iso == 800 and "a tag states iso 800, but the description states 100" in stack.notes[0]
