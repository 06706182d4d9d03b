"""CONTRIBUTING.md: its map is the house, and what it names is there."""

import re
import subprocess
from pathlib import Path, PurePath

import rooms

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading, without its first two lines."""
    part = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"][2:]


def test_the_map_names_every_room_from_top_to_bottom():
    rows = table("The map")
    assert [name.strip("`") for name, _ in rows] == list(rooms.ORDER)
    assert all(len(text) > 20 for _, text in rows)


def test_every_kind_of_addition_has_its_place():
    rows = table("Where do I add a ...")
    wanted = ["bijection", "denoiser", "noise model", "loss", "importer", "notebook", "widget", "figure", "export"]
    assert [what for what, *_ in rows] == [*wanted, "sensor effect", "subcommand"]
    assert all(where and taken for _, where, taken in rows)


def test_the_places_are_there():
    files = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    paths = {name for name in re.findall(r"`([\w/.]+)`", TEXT) if re.search(r"\w/|\.(py|md|yml|yaml|json)$", name)}
    places = [PurePath("/", name) for name in files]
    folders = {parent for place in places for parent in place.parents}

    def there(name: str) -> bool:
        suffixes = [f"/{name}", f"/n2nf_core/{name}"]
        if name.endswith("/"):
            return any(PurePath(suffix) in folders for suffix in [*suffixes, f"/n2nf_core/widgets/{name}"])
        return name.startswith("notebooks/NN_") or any(str(place).endswith(f"/{name}") for place in places)

    assert {"flow/", "tests/cases/bijections.py", "test_bijections.py", "book/_toc.yml"} <= paths
    assert not [name for name in sorted(paths) if not there(name)]


def test_names_in_capitals_are_there():
    sources = "".join(path.read_text() for folder in ("n2nf_core", "tests") for path in (ROOT / folder).rglob("*.py"))
    tables = {name for name in re.findall(r"`([A-Z_]{4,})`", TEXT) if name != "N2NF_DATA"}
    assert {"REGISTRY", "READERS", "BUILDERS"} <= tables
    assert not [name for name in tables if not re.search(rf"^{name}\b.* = ", sources, re.MULTILINE)]
