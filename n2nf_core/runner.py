"""Run a text notebook headlessly: check its parameters, convert it, execute it with papermill.

    python -m n2nf_core.runner notebooks/00_start_here.md --out runs/demo -p profile smoke -p seed 1

The executed notebook and the notebook's own JSON land in the output folder.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from n2nf_core.bursts import BurstError
from n2nf_core.importers import Options, iter_bursts
from n2nf_core.profiles import PROFILES

QUIET_KERNEL = 'c.IPKernelApp.log_level = "ERROR"\n'  # the kernel prints a warning about its port at each start


class ParameterError(ValueError):
    """A parameter that the notebook does not take, or of the wrong type; found before anything runs."""


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
        default = ast.literal_eval(known[name]["default"])
        try:
            values[name] = text if isinstance(default, str) else type(default)(ast.literal_eval(text))
        except (ValueError, SyntaxError, TypeError):
            raise ParameterError(
                f"parameter {name} must be a {type(default).__name__} like {default!r}, got {text!r}"
            ) from None
    if values.get("profile", "smoke") not in PROFILES:
        raise ParameterError(f"profile must be one of {', '.join(PROFILES)}, got {values['profile']!r}")
    if values.get("data"):
        values["data"] = str(Path(str(values["data"])).expanduser().resolve())
        if not Path(values["data"]).exists():
            raise ParameterError(f"there is nothing at data path {values['data']}")
    return values


@contextmanager
def _quiet_kernel(folder: Path) -> Iterator[None]:
    """Kernels started inside read a configuration from ``folder``, unless the user has one of their own."""
    if "IPYTHONDIR" in os.environ:
        yield
        return
    settings = folder / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir()
    settings.write_text("c = get_config()\n" + QUIET_KERNEL)
    os.environ["IPYTHONDIR"] = str(folder)
    try:
        yield
    finally:
        del os.environ["IPYTHONDIR"]


def run_notebook(notebook: Path, out: Path, given: Mapping[str, str], *, progress: bool = True) -> Path:
    """Execute ``notebook`` (MyST text) with ``given`` parameters; returns the path of its JSON.

    Raises ParameterError, BurstError or FileNotFoundError before anything runs or is written, papermill's error where a
    cell fails (the notebook up to there is kept in ``out``), RuntimeError where it wrote no result.
    """
    import jupytext
    import papermill

    if not notebook.is_file():
        raise FileNotFoundError(f"no notebook at {notebook}")
    out = out.resolve()
    result = out / f"{notebook.stem}.json"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{notebook.stem}.ipynb"
        jupytext.write(jupytext.read(notebook), source)
        values = check_parameters(papermill.inspect_notebook(str(source)), {**given, "output_dir": str(out)})
        if values.get("data"):
            for _ in iter_bursts(values["data"], Options()):
                pass  # what is wrong with the data is said before any work is done; one burst in memory at a time
        out.mkdir(parents=True, exist_ok=True)
        result.unlink(missing_ok=True)
        with _quiet_kernel(Path(folder)):
            papermill.execute_notebook(
                str(source),
                str(out / f"{notebook.stem}.ipynb"),
                values,
                kernel_name="python3",
                progress_bar=progress,
                cwd=str(Path.cwd()),
                stderr_file=sys.stderr if progress else None,  # training's own progress bars
            )
    if not result.is_file():
        raise RuntimeError(f"{notebook.name} ran but wrote no {result.name}")
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status: 0 done, 1 a cell failed, 2 bad parameters or data, 130 stopped."""
    parser = argparse.ArgumentParser(prog="python -m n2nf_core.runner", description=__doc__.splitlines()[0])
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the executed notebook and its JSON")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter")
    options = parser.parse_args(arguments)
    from papermill.exceptions import PapermillExecutionError

    try:
        result = run_notebook(options.notebook, options.out, dict(options.p))
    except (ParameterError, BurstError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except PapermillExecutionError as error:
        print(f"error in cell [{error.exec_count}]: {error.ename}: {error.evalue}", file=sys.stderr)
        print(f"the notebook up to there, with the traceback: {options.out}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from the last checkpoint below {options.out}", file=sys.stderr)
        return 130
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"results: {result}\nnotebook with figures: {result.with_suffix('.ipynb')}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
