"""What is wrong with a notebook, or with a value that is given to it, is one line before anything runs."""

from pathlib import Path

import pytest
from cases.study import NOTEBOOK

from n2nf_core import cli
from n2nf_core.study import parameters

ROOT = Path(__file__).parents[2]
KNOWN = {
    "profile": {"default": '"smoke"'},
    "seed": {"default": "0"},
    "data": {"default": '""'},
    "rate": {"default": "1.5"},
}


def test_values_take_the_type_of_the_default():
    values = parameters.check_parameters(KNOWN, {"seed": "3", "profile": "cpu", "rate": "2"})
    assert values == {"seed": 3, "profile": "cpu", "rate": 2.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"sed": "1"}, "no parameter 'sed', it takes profile, seed, data, rate; did you mean seed"),
        ({"seed": "one"}, "parameter seed must be a int like 0, got 'one'"),
        ({"profile": "fast"}, "profile must be one of smoke, cpu, gpu, got 'fast'"),
        ({"data": "no/such/file.npz"}, "there is nothing at data path"),
    ],
)
def test_bad_parameters_are_named(given, message):
    with pytest.raises(parameters.ParameterError, match=message):
        parameters.check_parameters(KNOWN, given)


NO_NOTEBOOKS = {
    "README.md": (ROOT / "README.md").read_bytes(),
    "pyproject.toml": (ROOT / "pyproject.toml").read_bytes(),
    "mark.md": b"\xef\xbb\xbf" + NOTEBOOK.encode(),
    "binary.md": bytes(range(256)),
    "empty.md": b"",
    "broken.ipynb": b"{",
    "header.md": NOTEBOOK.replace("format_name: myst", "format_name: [").encode(),
    "no_parameters.md": NOTEBOOK.replace(":tags: [parameters]", "").encode(),
}


@pytest.mark.parametrize("name", NO_NOTEBOOKS)
@pytest.mark.parametrize("place", ["--out", "--runs"])
def test_a_file_that_is_no_notebook_is_refused_in_one_line(tmp_path, capsys, name, place):
    (tmp_path / name).write_bytes(NO_NOTEBOOKS[name])
    assert cli.main(["run", str(tmp_path / name), place, str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"error: {tmp_path / name} ") and told.count("\n") == 1
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_notebook_becomes_one_that_papermill_reads(tmp_path):
    (tmp_path / "tiny.md").write_text(NOTEBOOK)
    assert list(parameters.inspect(tmp_path / "tiny.md")) == ["profile", "seed", "output_dir", "data", "weight"]
    with parameters.as_ipynb(tmp_path / "tiny.md") as file:
        assert file.name == "tiny.ipynb" and file.is_file()
    assert not file.exists()
    with pytest.raises(FileNotFoundError, match="there is no notebook at"):
        parameters.inspect(tmp_path / "absent.md")
