"""The rooms of n2nf_core and the imports between them: ``python tests/rooms.py`` prints them from top to bottom.

A room is a package or a module directly below n2nf_core. Imports run downwards: a room imports only rooms below it.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent
CORE = TESTS.parent / "n2nf_core"

ORDER = (
    "cli", "widgets", "study", "plots", "export", "training", "evaluation", "importers", "pairs", "simulation",
    "official",
    "bursts", "baselines", "flow", "denoisers", "losses", "metrics", "cameras", "raw", "tiles", "types", "files",
    "kernels",
)  # fmt: skip
"""Top to bottom."""


def imported(path: Path) -> set[str]:
    """Names that a file imports, at any depth of its code."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def rooms() -> dict[str, list[Path]]:
    """Room -> its files."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(CORE.rglob("*.py")):
        parts = path.relative_to(CORE).with_suffix("").parts
        if parts[0] != "__init__":
            found[parts[0]].append(path)
    return dict(found)


def imports() -> dict[tuple[str, str], list[Path]]:
    """(importing room, imported room) -> the files in which it happens, for different rooms."""
    pairs: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for room, files in rooms().items():
        for path in files:
            used = {name.split(".")[1] for name in imported(path) if name.startswith("n2nf_core.")}
            for other in used - {room}:
                pairs[room, other].append(path)
    return dict(pairs)


def tangled() -> list[tuple[str, str]]:
    """The pairs of rooms that the bound counts: without those of ``cli``, which calls the others and serves none."""
    return [pair for pair in imports() if pair[0] != "cli"]


def upward() -> list[str]:
    """The imports that run upwards, one line each."""
    place = {room: number for number, room in enumerate(ORDER)}
    return [
        f"{path.relative_to(CORE.parent)} imports {other}, which stands above {room}"
        for (room, other), files in imports().items()
        if place[other] < place[room]
        for path in files
    ]


def place_of_tests(module: Path) -> Path:
    """Where the tests of a module of n2nf_core stand; those of a package's face stand in its folder, by its name."""
    below = module.relative_to(CORE)
    name = below.parent.name if below.name == "__init__.py" else below.stem
    return TESTS / below.parent / f"test_{name}.py"


def has_code(module: Path) -> bool:
    """Whether a module does more than hand on names."""
    body = ast.parse(module.read_text()).body
    return any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in body)


def untested() -> set[str]:
    """Modules without a test file of their name: path below n2nf_core, as "kernels/planes"."""
    modules = [path for path in CORE.rglob("*.py") if path.name != "__init__.py" or has_code(path)]
    return {m.relative_to(CORE).with_suffix("").as_posix() for m in modules if not place_of_tests(m).is_file()}


def main() -> None:
    """Print every room with what it imports, and the number of pairs."""
    pairs = imports()
    for room in ORDER:
        below = [other for other in ORDER if (room, other) in pairs]
        print(f"{room:15} -> {', '.join(below) or '-'}")
    print(f"{len(ORDER)} rooms, {len(tangled())} pairs of rooms without those of cli, {len(upward())} imports upwards")


if __name__ == "__main__":
    main()
