"""What pip installs: the wheel is built, as pip does it, and looked into."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LEFT_OUT = re.compile(r"n2nf_core/(widgets/README\.md|workflow/(README\.md|one_node_slurm\.sh))")
"""Tracked files that only a checkout needs."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as a ZIP file, built from a copy of what it is made of."""
    source = tmp_path_factory.mktemp("source")
    for name in ("n2nf_core", "notebooks", "workflow"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "runs"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    code = "from setuptools import build_meta; print(build_meta.build_wheel('dist'))"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (path,) = source.glob("dist/*.whl")
    with zipfile.ZipFile(path) as file:
        yield file


def tracked(*folders):
    listed = subprocess.run(["git", "ls-files", *folders], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return {name for name in listed.splitlines() if not (ROOT / name).is_dir()}


def test_the_wheel_has_every_file_of_the_package_the_notebooks_and_the_study(wheel):
    wanted = tracked("n2nf_core") | {f"n2nf_core/{name}" for name in tracked("notebooks", "workflow")}
    wanted = {name for name in wanted if not LEFT_OUT.fullmatch(name)}
    found = {name for name in wheel.namelist() if name.startswith("n2nf_core/")}
    assert found == wanted
    assert {"n2nf_core/data/esis.npz", "n2nf_core/notebooks/00_start_here.md", "n2nf_core/workflow/Snakefile"} <= found


def test_the_wheel_states_its_command_its_extras_and_both_licences(wheel):
    (folder,) = {name.split("/")[0] for name in wheel.namelist() if ".dist-info/" in name}
    about = Parser().parsestr(wheel.read(f"{folder}/METADATA").decode())
    assert about["Version"] == PROJECT["version"]
    assert {"book", "emva", "lab", "onnx", "run", "workflow"} <= set(about.get_all("Provides-Extra"))
    assert wheel.read(f"{folder}/entry_points.txt").decode() == "[console_scripts]\nn2nf = n2nf_core.cli:main\n"
    licences = {Path(name).name for name in about.get_all("License-File")}
    assert licences == {"LICENSE", "LICENSE-esis.txt"}


def test_one_version_everywhere():
    version = PROJECT["version"]
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(rf"^## \[{re.escape(version)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_what_only_notebooks_and_studies_need_is_no_part_of_a_plain_installation():
    plain = {Requirement(line).name for line in PROJECT["dependencies"]}
    for extra in ("book", "emva", "lab", "onnx", "run", "workflow"):
        brought = {Requirement(line).name for line in PROJECT["optional-dependencies"][extra]}
        assert brought and not brought & plain
