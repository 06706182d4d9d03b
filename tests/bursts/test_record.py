"""The attributes of a store: a value of another form is one line, and a value that was not written is an error."""

import json

import numpy as np
import pytest
import zarr
from cases.bursts import make

from n2nf_core.bursts import BurstError, open_burst, write_burst


def change(path, keep_checksum=False, **attributes):
    """Change the attributes of a store; the checksum of its record is dropped, as in a store of another program."""
    file = path / "zarr.json"
    metadata = json.loads(file.read_text())
    metadata["attributes"] |= attributes
    if not keep_checksum:
        del metadata["attributes"]["record_sha256"]
    file.write_text(json.dumps(metadata))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("black", "60"), ("black", [60, 61]), ("black", [float("nan")] * 4), ("black", None), ("black", {"r": 1}),
        ("white", "high"), ("white", float("inf")), ("white", True), ("white", [1023]), ("white", 1),
        ("cfa", 3), ("cfa", "XYZW"), ("camera", None), ("camera", ["S6"]), ("scene", 7),
        ("iso", "ISO 800"), ("iso", -100), ("iso", float("nan")), ("iso", None),
        ("nlf", [1e-3]), ("nlf", ["a", "b"]), ("nlf", 1e-3), ("nlf", [float("nan"), 0]),
        ("provenance", []), ("provenance", {"notes": "one"}), ("provenance", {"saturated_fraction": "none"}),
        ("provenance", {"saturated_fraction": -3}), ("provenance", {"window": [0, 12]}), ("provenance", {"name": 5}),
    ],
)  # fmt: skip
def test_a_value_of_another_form_is_one_line(stored, name, value):
    change(stored[1], **{name: value})
    with pytest.raises(BurstError, match=r"a\.burst\.zarr: .*(" + name + "|white level)") as error:
        open_burst(stored[1])
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


def test_a_missing_value_is_named(stored):
    metadata = json.loads((stored[1] / "zarr.json").read_text())
    del metadata["attributes"]["camera"]
    (stored[1] / "zarr.json").write_text(json.dumps(metadata))
    with pytest.raises(BurstError, match="the attribute camera must be a text, got nothing"):
        open_burst(stored[1])


@pytest.mark.parametrize("changed", [{"black": [60.0] * 4}, {"iso": 401.0}, {"camera": "s6"}, {"nlf": None}])
def test_a_value_that_was_not_written_is_an_error(stored, changed):
    change(stored[1], keep_checksum=True, **changed)
    with pytest.raises(BurstError, match="its settings are not those that were written"):
        open_burst(stored[1])


def test_a_dropped_last_frame_is_an_error(stored):
    file = stored[1] / "frames/zarr.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"shape": [4, *stored[0].shape[1:]]}))
    with pytest.raises(BurstError, match="its settings are not those that were written"):
        open_burst(stored[1])


def test_a_store_from_before_the_checksum_is_read(stored):
    change(stored[1])
    assert np.array_equal(open_burst(stored[1]).frames[:], stored[0].frames)


def test_numbers_of_any_kind_survive_their_checksum(tmp_path):
    burst = make(black=(0.1 + 0.2, 1e-300, -5, 2), white=1e9 / 3, provenance={"notes": ["müßig"], "k": {2: 1, 10: 2}})
    assert open_burst(write_burst(burst, tmp_path / "a.burst.zarr")).black == burst.black


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_reference_with_values_that_are_none_is_refused(stored, value):
    zarr.open_group(stored[1], mode="r+")["clean"][1, 2, 3] = value
    with pytest.raises(BurstError, match="clean must be float32 without NaN or infinite values"):
        open_burst(stored[1])
