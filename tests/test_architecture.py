"""Imports run one way, the core stays light, and the files that state versions agree."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import rooms
import yaml

ROOT = Path(__file__).parents[1]


def test_every_room_has_its_place_and_every_place_its_room():
    assert set(rooms.rooms()) == set(rooms.ORDER)
    assert len(set(rooms.ORDER)) == len(rooms.ORDER)


def test_imports_run_downwards():
    assert not rooms.upward()


def test_few_rooms_import_from_one_another():
    """The command line may call any room, since no room depends on it; between the others, pairs are few."""
    assert not [pair for pair in rooms.imports() if pair[1] == "cli"]
    assert len(rooms.tangled()) <= 65, "pairs of rooms; python tests/rooms.py lists them"


def test_folders_and_files_stay_small():
    """At most 12 Python files in a folder and 250 lines in a file, so that either can be taken in at a glance."""
    files = list(rooms.CORE.rglob("*.py"))
    folders = Counter(path.parent for path in files)
    assert {str(folder): count for folder, count in folders.items() if count > 12} == {}
    assert {str(path): lines for path in files if (lines := len(path.read_text().splitlines())) > 250} == {}


def test_an_import_that_runs_upwards_is_seen(monkeypatch):
    monkeypatch.setattr(rooms, "ORDER", rooms.ORDER[::-1])
    assert len(rooms.upward()) >= len(rooms.imports())


UNTESTED = {
    "kernels/flow_kernels_triton": "kernels that run inside the calls of kernels/flow_steps_triton alone",
    "kernels/planes_triton": "functions of those kernels, which nothing else can call",
}
"""Modules without a test file of their own, and why."""


def test_tests_mirror_the_house():
    """Every module has a test file of its name, in the folder of its room; an exception that is none fails, too."""
    assert rooms.untested() == set(UNTESTED)


def test_a_module_without_tests_is_seen(monkeypatch, tmp_path):
    for name in ("flow/__init__.py", "flow/chain.py", "importers/__init__.py", "raw.py"):
        (tmp_path / "core" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "core" / name).write_text("def read(): ...\n" if name.startswith("importers") else "")
    monkeypatch.setattr(rooms, "CORE", tmp_path / "core")
    monkeypatch.setattr(rooms, "TESTS", tmp_path / "tests")
    assert rooms.untested() == {"flow/chain", "importers/__init__", "raw"}
    for name in ("flow/test_chain.py", "importers/test_importers.py", "test_raw.py"):
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / name).touch()
    assert rooms.untested() == set()


def test_only_plots_knows_how_things_look():
    plotting = {
        room
        for room, files in rooms.rooms().items()
        for path in files
        if any(name.split(".")[0] in ("matplotlib", "seaborn") for name in rooms.imported(path))
    }
    assert plotting == {"plots"}


def test_models_and_losses_do_no_io_and_read_nothing_back():
    pure = ("flow", "tiles", "losses", "denoisers")
    for path in (path for room in pure for path in rooms.rooms()[room]):
        text = path.read_text()
        assert not re.search(r"\.item\(|\.cuda\(|\bprint\(|\bopen\(|logging|manual_seed", text), path


def test_what_a_model_can_do_is_asked_for_by_a_protocol():
    data = {"importers", "study"}  # of MATLAB and of numpy
    for path in (path for room in rooms.ORDER if room not in data for path in rooms.rooms()[room]):
        if path != rooms.CORE / "types.py":  # ask_for says with it what is missing
            assert not re.search(r"hasattr\(|getattr\([^()]*, None\)", path.read_text()), path


HEAVY = tuple("numba h5py zarr rawpy tifffile astropy scipy skimage matplotlib lightning_fabric pandas".split())


def test_importing_the_models_loads_nothing_heavy():
    code = (
        "import sys, torch; before = set(sys.modules)\n"
        "import n2nf_core.flow, n2nf_core.baselines, n2nf_core.denoisers, n2nf_core.losses, n2nf_core.metrics\n"
        "import n2nf_core.bursts, n2nf_core.importers, n2nf_core.pairs, n2nf_core.training, n2nf_core.official\n"
        "print(' '.join({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(run.stdout.split()) & set(HEAVY)


def pins(lines) -> dict[str, str]:
    return {name.lower(): version for name, _, version in (line.strip().partition("==") for line in lines) if version}


def test_environment_yml_holds_our_pins():
    constraints = pins((ROOT / "constraints.txt").read_text().splitlines())
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    environment = pins(next(entry["pip"] for entry in conda if isinstance(entry, dict)))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"]]
    for extra in ("run", "lab", "test", "workflow"):
        wanted += project["optional-dependencies"][extra]
    names = {re.split(r"[<>=]", line)[0].lower() for line in wanted if not line.startswith("n2nf-core[")}
    assert set(environment) == names
    assert environment == {name: constraints[name] for name in names}
    assert constraints["torch"] == "2.13.0"


def test_pins_lie_in_the_ranges_of_the_package():
    from packaging.requirements import Requirement

    constraints = pins((ROOT / "constraints.txt").read_text().splitlines())
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        requirement = Requirement(line)
        assert constraints[requirement.name.lower()] in requirement.specifier


def test_no_path_of_a_machine_is_committed():
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split(
        "\n"
    )
    pattern = re.compile(r"(?<![\w.])/(work|home|root|Users)/\w")
    for name in filter(None, listed):
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yml", ".txt", ".json", "") and path.is_file():
            assert not pattern.search(path.read_text(errors="ignore")), name
