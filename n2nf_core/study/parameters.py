"""The parameters of a text notebook: which it has, and the values that are given for them."""

from __future__ import annotations

import ast
import codecs
import difflib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from n2nf_core.files import one_line
from n2nf_core.importers import located
from n2nf_core.training import PROFILES


class ParameterError(ValueError):
    """A parameter that the notebook does not have, or a value of the wrong type. It is raised before anything runs."""


def _value(name: str, text: str, default: object) -> object:
    """``text`` as a value of the type of ``default``.

    Integers are accepted where a float is expected; no other conversion is made.
    """
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = None
    if type(default) is float and type(value) is int:
        value = float(value)
    if type(value) is not type(default):
        raise ParameterError(f"parameter {name} must be a {type(default).__name__} like {default!r}, got {text!r}")
    return value


def check_parameters(known: Mapping[str, Mapping], given: Mapping[str, str]) -> dict[str, object]:
    """The given texts as values of the types of the notebook's defaults.

    Arguments:
        known: the notebook's parameters, as papermill's inspect_notebook lists them.
        given: name -> value, as text.

    Errors: ParameterError, which says what is wrong: a name that the notebook does not have, a value of another type,
    an unknown profile, or a data path that does not exist.
    """
    values: dict[str, object] = {}
    for name, text in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise ParameterError(f"the notebook has no parameter {name!r}, it takes {', '.join(known)}{hint}")
        values[name] = _value(name, text, ast.literal_eval(known[name]["default"]))
    if values.get("profile", "smoke") not in PROFILES:
        raise ParameterError(f"profile must be one of {', '.join(PROFILES)}, got {values['profile']!r}")
    if values.get("data"):
        values["data"] = str(located(str(values["data"])).expanduser().resolve())
        if not Path(values["data"]).exists():
            raise ParameterError(f"there is nothing at data path {values['data']}")
    return values


@contextmanager
def as_ipynb(text: Path) -> Iterator[Path]:
    """Yield the file of a notebook that papermill can read, made from its text.

    Errors: FileNotFoundError if there is no text, ParameterError if it is no notebook.
    """
    import jupytext

    if not text.is_file():
        raise FileNotFoundError(
            f"there is no notebook at {text}: check its name (n2nf lab copies the notebooks to a folder)"
        )
    if text.read_bytes().startswith(codecs.BOM_UTF8):
        raise ParameterError(f"{text} begins with a byte-order mark: save it as UTF-8 without one")
    try:
        read = jupytext.read(text)
    except Exception as error:  # jupytext passes on what its readers of many formats raise
        raise ParameterError(
            f"{text} cannot be read as a notebook ({one_line(error)}): give notebooks/NAME.md"
        ) from error
    if "kernelspec" not in read.metadata or not any("parameters" in c.metadata.get("tags", ()) for c in read.cells):
        raise ParameterError(f"{text} is no notebook with a cell of parameters: give notebooks/NAME.md")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{text.stem}.ipynb"
        jupytext.write(read, source)
        yield source


def inspect(notebook: Path) -> Mapping[str, Mapping]:
    """The parameters of a text notebook, as papermill's inspect_notebook lists them."""
    import papermill

    with as_ipynb(notebook) as source:
        return papermill.inspect_notebook(str(source))


def all_parameters(known: Mapping[str, Mapping], given: Mapping[str, str]) -> dict[str, object]:
    """Every parameter that :func:`inspect` found, with its default or the given value (:func:`check_parameters`)."""
    return {k: ast.literal_eval(v["default"]) for k, v in known.items()} | check_parameters(known, given)
