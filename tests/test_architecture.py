"""Imports run one way, the core stays light, and the files that state versions agree."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
CORE = ROOT / "n2nf_core"

ALLOWED = {  # module -> the modules of the core that it may import; everything else is an error
    "types": set(),
    "cameras": {"types"},
    "raw": set(),
    "bijections": {"types", "cameras"},
    "linear": {"types", "bijections"},
    "coupling": {"types", "bijections"},
    "plane_kernels": set(),
    "fused_kernels": {"plane_kernels"},
    "fused_triton": set(),
    "fused": {"types", "bijections", "linear", "coupling", "fused_kernels", "fused_triton"},
    "tiles": {"denoisers"},
    "flow": {"types", "cameras", "bijections", "linear", "coupling", "fused", "tiles"},
    "photon_transfer": {"types", "cameras"},
    "baselines": {"types", "cameras", "photon_transfer"},
    "denoisers": {"types"},
    "losses": {"types"},
    "collapse": {"types"},
    "histogram_kernel": set(),
    "metrics": {"histogram_kernel"},
    "scenes": set(),
    "sensor_stages": {"types"},
    "sensor": {"types", "cameras", "sensor_stages"},
    "frames": {"types", "cameras", "raw"},
    "checks": {"frames"},
    "chunks": set(),
    "bursts": {"types", "cameras", "raw", "frames", "checks", "chunks"},
    "importers": {"types", "cameras", "raw", "frames", "checks", "bursts"},
    "simulator": {"types", "cameras", "scenes", "sensor", "sensor_stages", "bursts"},
    "readahead": set(),
    "residents": set(),
    "visits": set(),
    "pairs": {"types", "cameras", "bursts", "readahead", "residents", "visits"},
    "checkpoints": set(),
    "joint": {"types"},
    "recorded": {"types"},
    "training_loop": {"types", "losses", "checkpoints", "joint", "recorded"},
    "training": {"types", "losses", "checkpoints", "joint", "recorded", "training_loop"},
    "profiles": {"training"},
    "official": {"checkpoints", "cameras", "bijections", "linear", "coupling", "flow", "denoisers"},
    "takeaway": {"types", "raw", "cameras", "checkpoints", "baselines", "denoisers", "flow"},
    "clean_images": {"raw"},
    "steadiness": {"raw", "bursts", "pairs", "photon_transfer"},
    "classical": {"raw", "bursts"},
    "evaluation": {"types", "metrics", "tiles", "bursts", "pairs", "photon_transfer"},
    "recovery": {"types", "cameras", "bursts", "sensor", "evaluation"},
    "results": set(),
    "points": set(),
    "arms": {
        "types", "flow", "baselines", "denoisers", "losses", "bursts", "pairs", "training", "profiles", "evaluation",
        "points",
    },
    "devices": set(),
    "runner": {"bursts", "importers", "profiles", "results", "points", "devices"},
    "sweeps": {"profiles", "points", "runner"},
    "sweep_figures": {"plots"},
    "collect": {"profiles", "plots", "sweep_figures"},
    "paper": set(),
    "plots": set(),
    "widgets": {
        "types", "cameras", "collapse", "flow", "baselines", "takeaway", "scenes", "sensor", "sensor_stages",
        "bursts", "importers", "profiles", "photon_transfer", "plots", "evaluation", "losses", "denoisers", "pairs",
        "training",
    },  # fmt: skip
}


def imported(path: Path) -> set[str]:
    """Names that a file imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def files_of(module: str) -> list[Path]:
    return [CORE / f"{module}.py"] if (CORE / f"{module}.py").exists() else sorted((CORE / module).glob("*.py"))


def test_every_module_is_listed():
    found = {p.stem for p in CORE.glob("*.py")} | {p.parent.name for p in CORE.glob("*/__init__.py")}
    assert found - {"__init__"} == set(ALLOWED)


@pytest.mark.parametrize("module", ALLOWED)
def test_imports_run_down_the_list(module):
    for path in files_of(module):
        used = {name.split(".")[1] for name in imported(path) if name.startswith("n2nf_core.")}
        assert used - {module} <= ALLOWED[module], path


@pytest.mark.parametrize("module", ALLOWED)
def test_only_plots_knows_how_things_look(module):
    plotting = {n for p in files_of(module) for n in imported(p) if n.split(".")[0] in ("matplotlib", "seaborn")}
    assert not plotting or module == "plots"


def test_models_and_losses_do_no_io_and_read_nothing_back():
    for module in ("bijections", "linear", "coupling", "fused", "tiles", "flow", "losses", "denoisers"):
        text = files_of(module)[0].read_text()
        assert not re.search(r"\.item\(|\.cuda\(|\bprint\(|\bopen\(|logging|manual_seed", text), module


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
    wanted = [
        *project["dependencies"],
        *project["optional-dependencies"]["lab"],
        *project["optional-dependencies"]["test"],
        *project["optional-dependencies"]["workflow"],
    ]
    names = {re.split(r"[<>=]", line)[0].lower() for line in wanted}
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
