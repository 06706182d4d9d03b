"""Run a text notebook without a browser: check its parameters, convert it, execute it with papermill."""

from __future__ import annotations

import ast
import difflib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from n2nf_core.bursts import check_size
from n2nf_core.files import locked
from n2nf_core.importers import iter_bursts, options_of
from n2nf_core.study import code_hash, gpu_lock, points
from n2nf_core.study.results import write_json
from n2nf_core.training import PROFILES

QUIET_KERNEL = 'c.IPKernelApp.log_level = "ERROR"\n'  # else the kernel warns about its port at each start


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
        values["data"] = str(Path(str(values["data"])).expanduser().resolve())
        if not Path(values["data"]).exists():
            raise ParameterError(f"there is nothing at data path {values['data']}")
    return values


@contextmanager
def _notebook(text: Path) -> Iterator[Path]:
    """Yield the file of a notebook that papermill can read, made from its text.

    FileNotFoundError if there is no text.
    """
    import jupytext

    if not text.is_file():
        raise FileNotFoundError(f"there is no notebook at {text}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{text.stem}.ipynb"
        jupytext.write(jupytext.read(text), source)
        yield source


def inspect(notebook: Path) -> Mapping[str, Mapping]:
    """The parameters of a text notebook, as papermill's inspect_notebook lists them."""
    import papermill

    with _notebook(notebook) as source:
        return papermill.inspect_notebook(str(source))


def all_parameters(known: Mapping[str, Mapping], given: Mapping[str, str]) -> dict[str, object]:
    """Every parameter that :func:`inspect` found, with its default or the given value (:func:`check_parameters`)."""
    return {k: ast.literal_eval(v["default"]) for k, v in known.items()} | check_parameters(known, given)


def check_data(parameters: Mapping[str, object]) -> None:
    """Read all data once, with one burst in memory at a time.

    Errors: BurstError, which says what is wrong with the data before anything runs.
    """
    if parameters.get("data"):
        given = {name: parameters[name] for name in ("black", "white", "cfa") if name in parameters}
        for burst in iter_bursts(str(parameters["data"]), options_of(given)):
            check_size(burst)


@contextmanager
def _quiet_kernel() -> Iterator[None]:
    """Kernels that are started inside use our configuration, unless the user has set the variable IPYTHONDIR."""
    if "IPYTHONDIR" in os.environ:
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "profile_default" / "ipython_kernel_config.py"
        settings.parent.mkdir()
        settings.write_text("c = get_config()\n" + QUIET_KERNEL)
        os.environ["IPYTHONDIR"] = folder
        try:
            yield
        finally:
            del os.environ["IPYTHONDIR"]


def _execute(notebook: Path, executed: Path, parameters: Mapping[str, object], progress: bool) -> Path:
    """Run ``notebook``, saved as ``executed``; returns the JSON file that it wrote. RuntimeError if it wrote none."""
    import papermill

    written = executed.parent / f"{notebook.stem}.json"
    written.unlink(missing_ok=True)
    with _notebook(notebook) as source, _quiet_kernel(), gpu_lock.one_of(gpu_lock.to_hand_out()):
        papermill.execute_notebook(
            str(source),
            str(executed),
            dict(parameters),
            kernel_name="python3",
            progress_bar=progress,
            cwd=str(Path.cwd()),
            stderr_file=sys.stderr if progress else None,  # training's own progress bars
        )
    if not written.is_file():
        raise RuntimeError(
            f"{notebook.name} ran but wrote no {written.name}: it must write its result to the folder output_dir"
        )
    return written


def run_notebook(notebook: Path, out: Path, given: Mapping[str, str], *, progress: bool = True) -> Path:
    """Execute a notebook and return the path of the JSON file that it wrote.

    Arguments:
        notebook: the notebook, MyST text.
        out: folder for the executed notebook and its result.
        given: name -> value, as text, of parameters; the others have their defaults.
        progress: whether to show progress bars.

    Errors: ParameterError, BurstError or FileNotFoundError before anything runs or is written; papermill's error if a
    cell fails, and then the notebook up to that cell is kept in ``out``; RuntimeError if the notebook wrote no result.
    """
    out = out.resolve()
    parameters = all_parameters(inspect(notebook), {**given, "output_dir": str(out)})
    check_data(parameters)
    out.mkdir(parents=True, exist_ok=True)
    return _execute(notebook, out / f"{notebook.stem}.ipynb", parameters, progress)


def run_point(
    notebook: Path, runs: Path, given: Mapping[str, str], *, day: str = "", progress: bool = True
) -> tuple[Path, bool]:
    """Execute one point of a study, if it is not finished, and return its result.json and whether it ran.

    The file result.json contains what the notebook wrote and a block ``point``. It is written last, so a point that has
    it is finished.

    Arguments:
        notebook: the notebook, MyST text.
        runs: folder below which every point has a folder.
        given: name -> value, as text, of parameters; the others have their defaults.
        day: date in the name of a new folder, as YYYY-MM-DD; "" for today.
        progress: whether to show progress bars.

    Errors: as :func:`run_notebook`.
    """
    parameters = all_parameters(inspect(notebook), given)
    point = points.describe(code_hash.read_code(notebook), parameters)
    with locked(runs / ".locks" / point.name, f"another process runs {point.name}; waiting for it"):
        folder = point.folder(runs.resolve(), day)
        result = folder / "result.json"
        if result.is_file():
            return result, False
        check_data(parameters)
        print(f"running {folder}", file=sys.stderr)
        write_json(folder / "params.json", point._asdict())
        started = time.time()
        places = {"output_dir": str(folder), "trained": parameters.get("trained") or str(runs.resolve() / "trained")}
        places = {name: place for name, place in places.items() if name in parameters}
        written = _execute(notebook, folder / "run.ipynb", parameters | places, progress)
        content = json.loads(written.read_text())
        write_json(result, {"point": point._asdict() | {"seconds": round(time.time() - started, 1)}} | content)
        written.unlink()
        return result, True
