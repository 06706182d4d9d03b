"""Every public name says what it is, and every function of three or more parameters describes each of them.

A parameter is described where its name stands before a colon: ``name: text``, or ``first, second: text``.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1] / "n2nf_core"
FEW = 3  # so many parameters need a description each


def public(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef, str]]:
    """(name, definition, docstring that describes its parameters) of a module's public functions and methods."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name, node, ast.get_docstring(node) or ""
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            text = ast.get_docstring(node) or ""
            yield node.name, node, text
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    yield f"{node.name}()", inner, text
                elif isinstance(inner, ast.FunctionDef) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner, ast.get_docstring(inner) or ""


def parameters(node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    """Names of a function's parameters, or of the fields of a record."""
    if isinstance(node, ast.ClassDef):
        fields = [inner.target.id for inner in node.body if isinstance(inner, ast.AnnAssign)]
        record = any("NamedTuple" in ast.unparse(b) for b in node.bases)
        record |= any("dataclass" in ast.unparse(d) for d in node.decorator_list)
        return [name for name in fields if not name.startswith("_")] if record else []
    arguments = node.args
    found = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in found if name not in ("self", "cls") and not name.startswith("_")]


def described(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w.`])(``)?{name}(``)?(, \w+| and \w+)*( \([^)]*\))*:(\s|$)", text) is not None


MODULES = [path for path in sorted(CORE.rglob("*.py")) if path.parent.name != "kernels"]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(CORE).as_posix())
def test_what_is_public_is_described(path):
    assert ast.get_docstring(ast.parse(path.read_text())), "the module"
    silent = [name for name, node, text in public(path) if not text and node.name not in INHERITED]
    lacking = {
        name: missing
        for name, node, text in public(path)
        if len(parameters(node)) >= FEW and (missing := [p for p in parameters(node) if not described(p, text)])
    }
    assert not silent and not lacking


INHERITED = {"forward", "inverse", "log_scale"}  # told once, by what they override


def test_a_parameter_without_a_word_is_seen():
    text = "Do it.\n\nArguments:\n    first: (B,) nats.\n    second, third: metres.\n"
    assert [described(name, text) for name in ("first", "second", "third", "fourth")] == [True, True, True, False]
