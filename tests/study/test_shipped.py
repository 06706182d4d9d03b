"""The notebooks of the package, and copies that a reader may change."""

import json

from n2nf_core.study import shipped


def test_notebooks_are_copied_and_never_over_a_file(tmp_path):
    folder = tmp_path / "deep" / "mine"
    written, changed = shipped.copy_notebooks(folder)
    assert {path.name for path in written} == {path.name for path in folder.iterdir()} and not changed
    assert {"00_start_here.md", "90_model_your_camera.md", "jupytext.toml"} <= {path.name for path in written}
    for path in written:
        assert path.read_bytes() == (shipped.NOTEBOOKS / path.name).read_bytes()
    (folder / "00_start_here.md").write_text("mine")
    (folder / "90_model_your_camera.md").unlink()
    assert shipped.copy_notebooks(folder) == ([folder / "90_model_your_camera.md"], [folder / "00_start_here.md"])
    assert (folder / "00_start_here.md").read_text() == "mine"


def test_what_is_shipped_is_there():
    assert (shipped.WORKFLOW / "study.yaml").is_file() and (shipped.WORKFLOW / "profiles/slurm/config.yaml").is_file()
    settings = json.loads((shipped.LAB_SETTINGS / "overrides.json").read_text())
    assert settings["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]["markdown"] == "Jupytext Notebook"
