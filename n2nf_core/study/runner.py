"""Run a text notebook headlessly: check its parameters, convert it, execute it with papermill."""

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

from n2nf_core.files import locked
from n2nf_core.importers import Options, iter_bursts
from n2nf_core.study import code_hash, gpu_lock, points
from n2nf_core.study.results import write_json
from n2nf_core.training import PROFILES

QUIET_KERNEL = 'c.IPKernelApp.log_level = "ERROR"\n'  # the kernel prints a warning about its port at each start


class ParameterError(ValueError):
    """A parameter that the notebook does not take, or of the wrong type; found before anything runs."""


def _value(name: str, text: str, default: object) -> object:
    """``text`` as a value of the type of ``default``; a whole number will do for a float, and nothing else is bent."""
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
    """``given`` texts as values of the types of the notebook's defaults; ParameterError says what is wrong.

    known: papermill's inspect_notebook. Names must exist, profile must be one of PROFILES, data must exist.
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
    """The notebook that papermill reads, from its text; FileNotFoundError where there is none."""
    import jupytext

    if not text.is_file():
        raise FileNotFoundError(f"no notebook at {text}")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{text.stem}.ipynb"
        jupytext.write(jupytext.read(text), source)
        yield source


def inspect(notebook: Path) -> Mapping[str, Mapping]:
    """The parameters that a text notebook takes, as papermill's inspect_notebook lists them."""
    import papermill

    with _notebook(notebook) as source:
        return papermill.inspect_notebook(str(source))


def all_parameters(known: Mapping[str, Mapping], given: Mapping[str, str]) -> dict[str, object]:
    """Every parameter that :func:`inspect` found: its default, or what is ``given``, by :func:`check_parameters`."""
    return {k: ast.literal_eval(v["default"]) for k, v in known.items()} | check_parameters(known, given)


def check_data(parameters: Mapping[str, object]) -> None:
    """Read the data once, one burst in memory at a time: BurstError says what is wrong before any work is done."""
    if parameters.get("data"):
        given = {name: parameters[name] for name in ("black", "white", "cfa") if parameters.get(name)}
        for _ in iter_bursts(str(parameters["data"]), Options(**given)):
            pass


@contextmanager
def _quiet_kernel() -> Iterator[None]:
    """Kernels started inside read a configuration of ours, unless the user has one of their own."""
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
    """Run ``notebook`` into ``executed``; returns the JSON that it wrote, RuntimeError where it wrote none."""
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
        raise RuntimeError(f"{notebook.name} ran but wrote no {written.name}")
    return written


def run_notebook(notebook: Path, out: Path, given: Mapping[str, str], *, progress: bool = True) -> Path:
    """Execute ``notebook`` (MyST text) with ``given`` parameters; returns the path of its JSON.

    Raises ParameterError, BurstError or FileNotFoundError before anything runs or is written, papermill's error where a
    cell fails (the notebook up to there is kept in ``out``), RuntimeError where it wrote no result.
    """
    out = out.resolve()
    parameters = all_parameters(inspect(notebook), {**given, "output_dir": str(out)})
    check_data(parameters)
    out.mkdir(parents=True, exist_ok=True)
    return _execute(notebook, out / f"{notebook.stem}.ipynb", parameters, progress)


def run_point(
    notebook: Path, runs: Path, given: Mapping[str, str], *, day: str = "", progress: bool = True
) -> tuple[Path, bool]:
    """Execute one point of a study below ``runs``, unless it is finished; returns its result.json, and whether it ran.

    Raises as :func:`run_notebook`. day: the date in the name of a new folder, by default today. result.json is what
    the notebook wrote and a block ``point``; it comes last and whole, so where it stands the point is finished.
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
