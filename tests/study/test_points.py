"""What makes a point run again and what does not, and that one process at a time runs it."""

import json
import subprocess
import sys

import pytest
from cases.study import NOTEBOOK, digest

from n2nf_core import cli
from n2nf_core.study import code_hash, points, runner


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "tiny.md"
    path.write_text(NOTEBOOK)
    return path


def test_the_hash_changes_with_what_decides_the_result(notebook, tmp_path):
    first = digest(notebook)
    assert digest(notebook, seed="1") != first and digest(notebook, profile="cpu") != first
    (tmp_path / "a.npz").write_bytes(b"one")
    data = digest(notebook, data=str(tmp_path / "a.npz"))
    (tmp_path / "a.npz").write_bytes(b"two")
    assert len({first, data, digest(notebook, data=str(tmp_path / "a.npz"))}) == 3
    notebook.write_text(NOTEBOOK.replace('"seed": seed,', '"seed": seed + 1,'))
    assert digest(notebook) != first


def test_the_hash_stays_with_what_does_not(notebook, tmp_path):
    first = digest(notebook)
    assert digest(notebook, weight="1") == first, "a default that is spelt out"
    assert digest(notebook, output_dir="elsewhere") == first
    notebook.write_text(NOTEBOOK.replace("# A small one", "# Another title"))
    assert digest(notebook) == first
    places = [tmp_path / "here/a.npz", tmp_path / "there/b.npz"]
    for path in places:
        path.parent.mkdir()
        path.write_bytes(b"same")
    assert digest(notebook, data=str(places[0])) == digest(notebook, data=str(places[1]))


def test_a_point_keeps_no_path_of_a_machine(notebook, tmp_path):
    (tmp_path / "mine.npz").write_bytes(b"1")
    given = runner.all_parameters(runner.inspect(notebook), {"data": str(tmp_path / "mine.npz")})
    point = points.describe(code_hash.read_code(notebook), given)
    assert point.parameters["data"] == "mine.npz" and str(tmp_path) not in str(point)


def test_a_folder_counts_by_names_and_contents(tmp_path):
    folder = tmp_path / "burst"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    first = points.checksum(folder)
    (folder / "a").rename(folder / "b")
    second = points.checksum(folder)
    (folder / "b").write_bytes(b"2")
    assert len({first, second, points.checksum(folder)}) == 3


def test_the_ends_of_a_large_file_count(tmp_path, monkeypatch):
    monkeypatch.setattr(points, "WHOLE", 8)
    path, sums = tmp_path / "large", set()
    for content in (b"0123456789", b"x123456789", b"012345678x", b"0123456789-"):
        path.write_bytes(content)
        sums.add(points.checksum(path))
    assert len(sums) == 4


def test_a_point_lands_in_its_folder_and_is_not_run_again(notebook, tmp_path, capsys):
    command = ["run", str(notebook), "--runs", str(tmp_path / "runs"), "-p", "seed", "7"]
    assert cli.main([*command, "--date", "2001-02-03"]) == 0
    (folder,) = (p for p in (tmp_path / "runs").iterdir() if p.name != ".locks")
    assert folder.name == f"2001-02-03-tiny-{digest(notebook, seed='7')}"
    assert sorted(p.name for p in folder.iterdir()) == ["params.json", "result.json", "run.ipynb", "times"]
    content = json.loads((folder / "result.json").read_text())
    assert content["seed"] == 7
    assert content["point"]["parameters"] == {"profile": "smoke", "seed": 7, "data": "", "weight": 1.0}
    assert json.loads((folder / "params.json").read_text())["digest"] == folder.name.split("-")[-1]
    capsys.readouterr()
    assert cli.main(command) == 0, "on another day"
    assert f"finished already: {folder}/result.json" in capsys.readouterr().out
    assert (folder / "times").read_text() == "run\n"


def test_a_point_that_failed_is_run_again_in_the_same_folder(notebook, tmp_path, capsys):
    command = ["run", str(notebook), "--runs", str(tmp_path / "runs"), "-p", "seed", "13"]
    assert cli.main([*command, "--date", "2001-02-03"]) == 1
    assert "unlucky" in capsys.readouterr().err
    (folder,) = (tmp_path / "runs").glob("2*")
    assert not (folder / "result.json").exists() and (folder / "run.ipynb").is_file()
    assert cli.main(command) == 1
    assert (folder / "times").read_text() == "run\nrun\n" and len(list((tmp_path / "runs").glob("2*"))) == 1


@pytest.mark.parametrize("given", [("sead", "7"), ("seed", "1.5"), ("profile", "fast"), ("data", "no/such.npz")])
def test_nothing_is_written_for_a_mistyped_point(notebook, tmp_path, capsys, given):
    assert cli.main(["run", str(notebook), "--runs", str(tmp_path / "runs"), "-p", *given]) == 2
    assert capsys.readouterr().err.startswith("error: ") and not (tmp_path / "runs").exists()


def test_two_processes_at_one_point_run_it_once(notebook, tmp_path):
    words = [sys.executable, "-m", "n2nf_core.cli", "run", str(notebook), "--runs", str(tmp_path / "runs")]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) for _ in range(2)]
    told = sorted(process.communicate(timeout=120)[0].split(":")[0] for process in both)
    assert told == ["finished already", "results"]
    (times,) = (tmp_path / "runs").glob("*/times")
    assert times.read_text() == "run\n"


OTHER = '{"point": {"notebook": "tiny", "parameters": {}, "digest": "other"}}'
DAMAGED = ["", "{", "[]", "null", "{}", '{"point": 1}', '{"point": {"notebook": "tiny"}}', OTHER]


def test_a_damaged_result_is_run_again_and_the_user_told(notebook, tmp_path, capsys):
    command = ["run", str(notebook), "--runs", str(tmp_path / "runs")]
    assert cli.main(command) == 0
    (result,) = (tmp_path / "runs").glob("*/result.json")
    whole = result.read_text()
    point = points.describe(code_hash.read_code(notebook), runner.all_parameters(runner.inspect(notebook), {}))
    assert points.finished(result, point) and points.read_result(result)["seed"] == 0
    for text in DAMAGED:
        result.write_text(text)
        capsys.readouterr()
        assert not points.finished(result, point) and not result.exists()
        assert str(result) in capsys.readouterr().err
    result.write_text(whole[:100])
    assert cli.main(command) == 0
    told = capsys.readouterr()
    assert "is damaged" in told.err and "it is removed now" in told.err and told.out.startswith("results:")
    assert points.finished(result, point)


def test_what_an_ended_process_left_is_removed(notebook, tmp_path):
    command = ["run", str(notebook), "--runs", str(tmp_path / "runs")]
    assert cli.main(command) == 0
    (folder,) = (tmp_path / "runs").glob("2*")
    before = sorted(p.name for p in folder.iterdir())
    for name in (".result.json.0123abcd.partial", ".result.json.lock", "tiny.json"):
        (folder / name).write_text("")
    assert cli.main(command) == 0, "finished already"
    assert sorted(p.name for p in folder.iterdir()) == before


def test_unfinished_files_are_no_part_of_the_data(tmp_path):
    (tmp_path / "a.burst.zarr").mkdir()
    (tmp_path / "a.burst.zarr/x").write_text("1")
    first = points.checksum(tmp_path)
    (tmp_path / ".b.burst.zarr.0123abcd.partial").mkdir()
    (tmp_path / ".b.burst.zarr.0123abcd.partial/x").write_text("1")
    (tmp_path / ".b.burst.zarr.lock").touch()
    assert points.checksum(tmp_path) == first
    (tmp_path / ".zarray").touch()
    assert points.checksum(tmp_path) != first
