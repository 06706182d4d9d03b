"""Which code decides the numbers of a point: code in the notebook's cells and in the modules of the core they use.

A result of older code must not stand beside one of newer code. A point must also not run again because a sentence or a
figure was improved. For this reason comments, docstrings and layout do not count. Statements of a notebook that only
show something do not count either, nor do the modules in :data:`NOT_DECISIVE`, which show and store numbers that are
known already. An import from a package counts as an import from the module that defines the name: for
``from n2nf_core.flow import noise_flow``, it is the module that defines ``noise_flow``, with all that it imports.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
NOT_DECISIVE = {"files", "plots", "study.paper_tables", "study.results"}
SHOWING = {"display", "print"}  # a statement of a notebook that calls one of these changes no number

_parsed = functools.lru_cache(16)(ast.parse)  # the functions below look at a module's tree one after the other


class Code(NamedTuple):
    """The code that decides the numbers of a point.

    Arguments:
        notebook: name of the notebook.
        cells: decisive code of its cells, in order.
        core: file name -> decisive code of the modules of the core.
    """

    notebook: str
    cells: list[str]
    core: dict[str, str]


def read_code(notebook: Path) -> Code:
    """The decisive code of a text notebook. The cell tagged ``parameters`` is left out."""
    import jupytext

    sources = [
        cell.source
        for cell in jupytext.read(notebook).cells
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", [])
    ]
    cells = [cell for cell in map(_decisive, sources) if cell]
    return Code(notebook.stem, cells, core_code("\n".join(sources)))


def core_code(code: str) -> dict[str, str]:
    """File name -> decisive code of every module of this package that ``code`` uses.

    Modules that those import are included.
    """
    found: dict[str, str] = {}
    waiting = [code]
    while waiting:
        for module in _modules(waiting.pop()):
            file = PACKAGE.joinpath(*module.split("."))
            file = file / "__init__.py" if file.is_dir() else file.with_suffix(".py")
            name = file.relative_to(PACKAGE).as_posix()
            if not file.is_file() or name in found or {module, module.split(".")[0]} & NOT_DECISIVE:
                continue
            text = file.read_text()
            found[name] = _without_docstrings(text)
            waiting.append(text)
    return dict(sorted(found.items()))


@functools.cache
def _imports(code: str) -> list[ast.Import | ast.ImportFrom]:
    return [node for node in ast.walk(_parsed(code)) if isinstance(node, (ast.Import, ast.ImportFrom))]


def _modules(code: str) -> set[str]:
    """Names, below this package, of its modules that the import statements of ``code`` name."""
    found: set[str] = set()
    for node in _imports(code):
        if isinstance(node, ast.Import):
            names = [alias.name.partition(".")[2] for alias in node.names if alias.name.startswith(f"{PACKAGE.name}.")]
            found |= {module for name in names for module in _origin(name, None)}
        elif (node.module or "").split(".")[0] == PACKAGE.name:
            parent = (node.module or "").partition(".")[2]
            for alias in node.names:
                inner = f"{parent}.{alias.name}".lstrip(".")
                if _is_module(inner):
                    found |= _origin(inner, _attributes(code, alias.asname or alias.name))
                else:
                    found |= _origin(parent, {alias.name})
    return found


def _is_module(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _origin(module: str, names: set[str] | None) -> set[str]:
    """The modules that define ``names`` (None: all names) of ``module``.

    This is the module itself, or, for a package whose __init__.py only imports, the modules that it imports from.
    """
    face = PACKAGE.joinpath(*module.split("."), "__init__.py")
    if not face.is_file():
        return {module}
    handed = _handed_on(face.read_text())
    if handed is None:
        return {module}  # the __init__.py holds code of its own
    wanted = set(handed) if names is None else names
    inner = {f"{module}.{name}" for name in wanted if name not in handed and _is_module(f"{module}.{name}")}
    return inner.union(*(_origin(handed[name], {name}) for name in wanted & set(handed)))


@functools.cache
def _handed_on(face: str) -> dict[str, str] | None:
    """Name -> module below this package that defines it, for the imports of a package's __init__.py.

    None if it defines functions or classes.
    """
    body = ast.parse(face).body
    if any(isinstance(node, (ast.FunctionDef, ast.ClassDef)) for node in body):
        return None
    imports = [n for n in body if isinstance(n, ast.ImportFrom) and (n.module or "").startswith(f"{PACKAGE.name}.")]
    return {alias.asname or alias.name: n.module.partition(".")[2] for n in imports for alias in n.names}


@functools.cache
def _attributes(code: str, name: str) -> set[str] | None:
    """The attributes that ``code`` uses of the module called ``name``; None if it uses the module as a whole."""
    nodes = list(ast.walk(_parsed(code)))
    attributes = [n for n in nodes if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    taken = [node.attr for node in attributes if node.value.id == name]
    uses = sum(isinstance(node, ast.Name) and node.id == name for node in nodes)
    return set(taken) if uses == len(taken) else None


@functools.cache
def _without_docstrings(code: str) -> str:
    """The code of a module without comments, docstrings and layout."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _decisive(cell: str) -> str:
    """A cell's code without comments, without layout, and without statements that only show something."""
    tree = ast.parse(cell)
    tree.body = [statement for statement in tree.body if not _only_shows(statement)]
    return ast.unparse(tree)


def _only_shows(statement: ast.stmt) -> bool:
    """Whether a statement is ``display(...)`` or ``print(...)``, or ``figure = plots.something(...)``.

    A call inside which ``write_json`` writes the result does more than show it.
    """
    if not isinstance(statement, (ast.Expr, ast.Assign)) or not isinstance(statement.value, ast.Call):
        return False
    called = ast.unparse(statement.value.func)
    if isinstance(statement, ast.Expr):
        return called in SHOWING and "write_json" not in ast.unparse(statement)
    return called.startswith("plots.") and ast.unparse(statement.targets[0]) == "figure"
