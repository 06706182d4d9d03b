"""The benchmarks of the data path run and give sound rows; what they measure is not tested."""

import math

from benchmarks import data
from benchmarks.timing import interleaved


def test_interleaved_calls_take_turns():
    calls = []
    seconds = interleaved({name: lambda n=name: calls.append(n) for name in "abc"}, repeats=4)
    assert "".join(calls) == "abc" + "abc" + "bca" + "cab" + "abc"
    assert [len(times) for times in seconds.values()] == [4, 4, 4] and min(map(min, seconds.values())) >= 0


def test_every_row_of_the_data_benchmarks(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "FRAME", (4, 60, 80))
    monkeypatch.setattr(data, "MAT", (30, 40))
    monkeypatch.setattr(data, "DNG", (60, 80))
    rows = data.rows(tmp_path)
    names = [row["name"] for row in rows]
    wanted = ["read uint16", "read float32", "batch of 32", "batch of 138", "stream to", "import .MAT", "import DNG"]
    assert all(any(name.startswith(one) for name in names) for one in wanted)
    assert all(set(row) == {"name", "value", "unit", "ratio", "reference"} for row in rows)
    assert all(math.isfinite(row["ratio"]) and row["ratio"] > 0 and row["value"] > 0 for row in rows)
    assert list(tmp_path.iterdir()) == []
