"""What the process for MATLAB files answers."""

import json
import os
import subprocess
import sys

import pytest
from cases.sidd import PROFILE, write_metadata

from n2nf_core.importers import matlab_worker


def request(path, **changes):
    wanted = {"fields": ["Model", "ISOSpeedRatings"], "tags": [33422, 51041]}
    return {"what": "struct", "path": str(path), "key": "metadata"} | wanted | changes


@pytest.mark.parametrize("iphone", [False, True])
def test_the_outermost_field_and_tags_at_any_depth(tmp_path, iphone):
    write_metadata(tmp_path / "m.MAT", "BGGR", 400, iphone=iphone)
    found = matlab_worker.struct_fields(request(tmp_path / "m.MAT"))
    assert found["fields"] == {"Model": "SM-G925I", "ISOSpeedRatings": [400]}
    assert found["tags"] == {"33422": [2, 1, 1, 0], "51041": pytest.approx([*PROFILE] * 3)}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_it_runs_where_memory_is_limited_already(tmp_path):
    """As in a container or after ``ulimit -v``: a process may lower its limit, and not raise it."""
    write_metadata(tmp_path / "m.MAT", "BGGR", 400)
    limited = f"ulimit -v 1500000; exec '{sys.executable}' -P '{matlab_worker.__file__}'"
    line = json.dumps(request(tmp_path / "m.MAT")) + "\n"
    run = subprocess.run(["sh", "-c", limited], input=line, capture_output=True, text=True)
    assert json.loads(run.stdout)["fields"]["ISOSpeedRatings"] == [400], run.stderr


def test_every_request_has_one_line_as_its_answer(tmp_path):
    write_metadata(tmp_path / "m.MAT", "BGGR", 400)
    (tmp_path / "empty.MAT").write_bytes(b"")
    requests = [request(tmp_path / name) for name in ("empty.MAT", "none.MAT", "m.MAT")]
    requests.append(request(tmp_path / "m.MAT", key="other"))
    lines = "".join(json.dumps(one) + "\n" for one in requests)
    run = subprocess.run([sys.executable, "-P", matlab_worker.__file__], input=lines, capture_output=True, text=True)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert [sorted(answer) for answer in answers] == [["error"], ["error"], ["fields", "tags"], ["error"]]
    assert run.returncode == 0 and answers[3]["error"] == "'other'"
