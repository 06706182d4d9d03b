"""``n2nf lab`` up to the server, which tests/notebooks/test_lab.py opens."""

import sys

import pytest

from n2nf_core import cli
from n2nf_core.study.shipped import LAB_SETTINGS


@pytest.fixture
def server(monkeypatch):
    """The words that JupyterLab is started with, in a list."""
    labapp, asked = pytest.importorskip("jupyterlab.labapp"), []
    monkeypatch.setattr(labapp.LabApp, "launch_instance", lambda words: asked.extend(words))
    return asked


def test_the_notebooks_are_copied_and_opened(tmp_path, server, capsys):
    mine = tmp_path / "mine"
    assert cli.main(["lab", str(mine), "--port", "1234", "--no-browser"]) == 0
    settings = f"--LabApp.app_settings_dir={LAB_SETTINGS}"
    assert server == [f"--ServerApp.root_dir={mine}", settings, "--ServerApp.port=1234", "--no-browser"]
    assert capsys.readouterr().out == f"{mine}: {len(list(mine.iterdir()))} files copied\n"
    (mine / "00_start_here.md").write_text("changed")
    assert cli.main(["lab", str(mine)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"{mine}: 0 files copied" and len(said) == 2
    assert said[1].startswith(f"kept: {mine / '00_start_here.md'} differs") and "--no-browser" not in server[4:]


@pytest.mark.parametrize("missing", ["jupyterlab.labapp", "jupytext", "anywidget", "ipykernel"])
def test_what_is_missing_is_named_with_the_extra_that_brings_it(tmp_path, monkeypatch, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert cli.main(["lab", str(tmp_path / "mine")]) == 2
    assert (
        capsys.readouterr().err
        == f"error: {missing.partition('.')[0]} is not installed: pip install 'n2nf-core[lab]'\n"
    )
    assert not (tmp_path / "mine").exists()
