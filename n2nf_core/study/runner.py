"""Run a text notebook without a browser: check its parameters, convert it, execute it with papermill."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from n2nf_core.files import cannot_write, clear_leftovers, durable_replace, lock_of, locked, make_folder
from n2nf_core.importers import iter_trainable, options_of
from n2nf_core.study import code_hash, gpu_lock, points
from n2nf_core.study.parameters import ParameterError, all_parameters, as_ipynb, inspect
from n2nf_core.study.results import write_json

QUIET_KERNEL = 'c.IPKernelApp.log_level = "ERROR"\n'  # else the kernel warns about its port at each start


def check_data(parameters: Mapping[str, object]) -> None:
    """Read all data once, with one burst in memory at a time.

    Errors: BurstError, which says what is wrong with the data before anything runs.
    """
    if parameters.get("data"):
        given = {name: parameters[name] for name in ("black", "white", "cfa") if name in parameters}
        for _ in iter_trainable(str(parameters["data"]), options_of(given)):
            pass


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


def _execute(notebook: Path, executed: Path, failed: Path, parameters: Mapping[str, object], progress: bool) -> Path:
    """Run ``notebook`` and return the JSON file that it wrote. RuntimeError if it wrote none.

    It is saved as ``executed``, or up to the cell that failed as ``failed``.
    """
    import papermill

    written = executed.parent / f"{notebook.stem}.json"
    former, running = _version(written), executed.with_name(f".{executed.stem}.running.ipynb")
    try:
        with as_ipynb(notebook) as source, _quiet_kernel(), gpu_lock.one_of(gpu_lock.to_hand_out()):
            papermill.execute_notebook(
                str(source),
                str(running),
                dict(parameters),
                kernel_name="python3",
                progress_bar=progress,
                cwd=str(Path.cwd()),
                stderr_file=sys.stderr if progress else None,  # training's own progress bars
            )
        if _version(written) in (former, None):
            raise RuntimeError(
                f"{notebook.name} ran but wrote no {written.name}: it must write its result to the folder output_dir"
            )
        _move(running, executed)
    except papermill.PapermillExecutionError:
        _move(running, failed)
        raise
    except OSError as error:
        raise cannot_write(error, running) from error
    finally:
        running.unlink(missing_ok=True)
    return written


def _version(file: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None where it does not exist."""
    return (file.stat().st_ino, file.stat().st_mtime_ns) if file.is_file() else None


def _move(file: Path, path: Path) -> None:
    with durable_replace(path) as new:
        os.replace(file, new)


def run_notebook(notebook: Path, out: Path, given: Mapping[str, str], *, progress: bool = True) -> Path:
    """Execute a notebook and return the path of the JSON file that it wrote.

    A second call with the same ``out`` waits for the first. Where ``out`` holds results of an earlier run, they stay
    until those of this run are complete.

    Arguments:
        notebook: the notebook, MyST text.
        out: folder for the executed notebook and its result.
        given: name -> value, as text, of parameters; the others have their defaults.
        progress: whether to show progress bars.

    Errors: ParameterError, BurstError or FileNotFoundError before anything runs or is written, ParameterError also
    where ``out`` holds the results of a run with other parameters; papermill's error if a cell fails, and then the
    notebook up to that cell is kept as <notebook>.failed.ipynb; RuntimeError if the notebook wrote no result.
    """
    out = out.resolve()
    parameters = all_parameters(inspect(notebook), {**given, "output_dir": str(out)})
    executed, failed = out / f"{notebook.stem}.ipynb", out / f"{notebook.stem}.failed.ipynb"
    check_data(parameters)
    with locked(lock_of(out), f"another process writes to {out}; waiting for it"):
        _refuse_other_run(executed, parameters)
        make_folder(out)
        clear_leftovers(out)
        written = _execute(notebook, executed, failed, parameters, progress)
        failed.unlink(missing_ok=True)
        return written


def _refuse_other_run(executed: Path, parameters: Mapping[str, object]) -> None:
    """ParameterError if the notebook was executed there with other parameters."""
    try:
        former = json.loads(executed.read_text())["metadata"]["papermill"]["parameters"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is none, or what is there is no result to keep
    names = [name for name in former if name in parameters and name != "output_dir"]
    other = [f"{name} {former[name]!r}, not {parameters[name]!r}" for name in names if former[name] != parameters[name]]
    if other:
        raise ParameterError(
            f"{executed.parent} holds the results of another run ({'; '.join(other)}): choose another folder, or "
            "delete it"
        )


def default_out(notebook: Path, runs: Path, given: Mapping[str, str]) -> Path:
    """A folder below ``runs`` for these parameters: demo-PROFILE, and a hash of those that are not the default.

    Arguments:
        notebook: the notebook, MyST text.
        runs: folder of all runs.
        given: name -> value, as text, of parameters.

    Errors: as :func:`n2nf_core.study.parameters.check_parameters`.
    """
    known = inspect(notebook)
    plain = all_parameters(known, {})
    own = {name: value for name, value in all_parameters(known, given).items() if value != plain[name]}
    profile, _ = own.pop("profile", plain.get("profile", "")), own.pop("output_dir", None)
    name = f"demo-{profile}"
    if own:
        data = f"-{Path(str(own['data'])).name[:80]}" if own.get("data") else ""
        name += f"{data}-{hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()[:6]}"
    return runs / name


def run_point(
    notebook: Path, runs: Path, given: Mapping[str, str], *, day: str = "", progress: bool = True
) -> tuple[Path, bool]:
    """Execute one point of a study, if it is not finished, and return its result.json and whether it ran.

    The file result.json contains what the notebook wrote and a block ``point``. It is written last, so a point that has
    it is finished. If it is empty or damaged, standard error says so, and the point runs again.

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
        clear_leftovers(folder)
        if points.finished(result, point):
            (folder / f"{notebook.stem}.json").unlink(missing_ok=True)  # of a call that ended before it did so
            return result, False
        check_data(parameters)
        print(f"running {folder}", file=sys.stderr)
        write_json(folder / "params.json", point._asdict())
        started = time.time()
        places = {"output_dir": str(folder), "trained": parameters.get("trained") or str(runs.resolve() / "trained")}
        places = {name: place for name, place in places.items() if name in parameters}
        executed = folder / "run.ipynb"
        written = _execute(notebook, executed, executed, parameters | places, progress)
        content = json.loads(written.read_text())
        write_json(result, {"point": point._asdict() | {"seconds": round(time.time() - started, 1)}} | content)
        written.unlink()
        return result, True
