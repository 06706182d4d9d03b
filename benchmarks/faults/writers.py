"""What writes files, each as small as it can be: how its inputs are made, what it does, and what is right afterwards.

A writer works in a folder ``home`` that :func:`Writer.prepare` has filled, where an earlier version of its output lies.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from cases import training  # noqa: E402
from cases.study import NOTEBOOK  # noqa: E402

from n2nf_core import export, importers  # noqa: E402
from n2nf_core.bursts import Burst, open_burst, write_burst  # noqa: E402
from n2nf_core.importers.conversion import convert, processes  # noqa: E402
from n2nf_core.study import points, results, runner  # noqa: E402
from n2nf_core.study.tables import collect as tables  # noqa: E402
from n2nf_core.study.tables import file_set  # noqa: E402
from n2nf_core.training import checkpoints, fit  # noqa: E402

processes.START = "fork"  # from a process that has imported everything and has no threads
EARLY, STEPS = 8, 40


class Writer(NamedTuple):
    """A writer of files.

    Arguments:
        prepare: home -> its inputs and the earlier output.
        run: home -> the output; what a command does.
        look: home -> what is wrong with what lies there now, a line each.
        outcome: home -> what must be the same to the bit after an undisturbed run, as text.
    """

    prepare: Callable[[Path], None]
    run: Callable[[Path], object]
    look: Callable[[Path], Iterator[str]]
    outcome: Callable[[Path], str]


def digest(path: Path) -> str:
    """A line for each file below ``path`` that is not hidden: its name and the SHA-256 of its bytes."""
    below = (p for p in path.rglob("*") if p.is_file() and not any(n[0] == "." for n in p.relative_to(path).parts))
    files = sorted(below) if path.is_dir() else [path]
    return "\n".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()} {p.relative_to(path.parent)}" for p in files)


def burst(seed: int) -> Burst:
    """A burst of noise."""
    frames = np.random.default_rng(seed).integers(200, 900, (4, 4, 96, 96)).astype(np.uint16)
    return Burst(frames, 100.0, 4095.0, "RGGB", "S6", 800.0, "scene", provenance={"name": "b", "sha256": str(seed)})


def either(path: Path, former: Path, new: str) -> Iterator[str]:
    """Nothing, if ``path`` is what it was or what it becomes."""
    if not path.exists():
        yield f"{path.name} is lost"
    elif hashlib.sha256(path.read_bytes()).hexdigest() not in (hashlib.sha256(former.read_bytes()).hexdigest(), new):
        yield f"{path.name} is neither the former nor the new"


# A checkpoint of a run.


def _fit(home: Path, steps: int = STEPS) -> None:
    def stop(history):
        return bool(history) and history[-1]["step"] >= steps

    models = training.models()
    options = training.config(steps=STEPS, checkpoint_every=EARLY)
    fit(*models, training.pairs(), options, home / "run", loss=training.LOSS, stop=stop)


def _look_fit(home: Path) -> Iterator[str]:
    found = checkpoints.find_checkpoints(home / "run/checkpoints")
    if not found:
        yield "no checkpoint is left"
    for path in found:
        try:
            checkpoints.read_checkpoint(path)
        except ValueError as error:
            yield str(error)


def _outcome_fit(home: Path) -> str:
    tensors, state = checkpoints.read_checkpoint(checkpoints.find_checkpoints(home / "run/checkpoints")[-1])
    values = hashlib.sha256(b"".join(t.contiguous().numpy().tobytes() for _, t in sorted(tensors.items()))).hexdigest()
    return f"{values} {json.dumps(state['history'])}"


# Bursts of a conversion, one of which is there already.


def _prepare_convert(home: Path) -> None:
    for k in range(4):
        frames = np.random.default_rng(k).integers(200, 900, (3, 128, 128)).astype(np.uint16)
        np.savez(home / f"s{k}.npz", frames=frames, black=100, white=4095)
    _convert(home, [home / "s0.npz"])


def _convert(home: Path, sources: list[Path] | None = None) -> None:
    sources = sources or sorted(home.glob("*.npz"))
    convert([part for source in sources for part in importers.parts(source)], home / "out", jobs=2)


def _look_convert(home: Path) -> Iterator[str]:
    if not (home / "out/s0.burst.zarr").is_dir():
        yield "the earlier burst is lost"
    for path in (home / "out").glob("*.burst.zarr"):
        source = importers.read_bursts(home / path.name.replace(".burst.zarr", ".npz"))[0]
        if not np.array_equal(open_burst(path).frames[:], source.frames[:]):
            yield f"{path.name} has other frames than its source"


# One burst that is replaced.


def _look_burst(home: Path) -> Iterator[str]:
    found = open_burst(home / "b.burst.zarr").frames[:]
    if not any(np.array_equal(found, burst(seed).frames) for seed in (0, 1)):
        yield "the burst is neither the former nor the new"


# Tables of a study.


def _result(home: Path, seed: int, weight: float) -> None:
    scores = {"nll_nats_per_dim": -2.5 - seed, "nll_nats_per_dim_interval": [-2.6 - seed, -2.4 - seed]}
    losses = dict.fromkeys(("cross_sample", "self_sample"), {"collapse_step": None, "leak": 0.1})
    parameters = {"seed": seed, "mse_weight": weight}
    content = {
        "point": {"notebook": "60_ablate_lambda", "parameters": parameters, "digest": f"{seed}{weight:g}"},
        "noise_models": dict.fromkeys(losses, scores) | {"photon_transfer": {"nll_nats_per_dim": -2.75}},
        "denoisers": {loss: {"psnr_db": 40.0 + seed} for loss in losses} | {"pretrained": {"psnr_db": 39.0}},
        "collapse": losses, "mse_weight": weight, "critical_mse_weight": 2000.0,
        "provenance": {"profile": "cpu", "seed": seed, "time": "2030-01-01", "commit": "c", "data": []},
    }  # fmt: skip
    results.write_json(home / f"runs/2030-01-01-{seed}-{weight:g}/result.json", content)


def _prepare_collect(home: Path) -> None:
    for weight in (2.0, 16.0):
        _result(home, 0, weight)
    _collect(home)
    for name in ("60_ablate_lambda.parquet", "60_ablate_lambda.svg", "tables.md"):
        (home / f"former-{name}").write_bytes((home / "out" / name).read_bytes())
    _result(home, 1, 2.0)
    _result(home, 1, 16.0)


def _collect(home: Path) -> None:
    tables.collect([home / "runs"], ["cpu"], home / "out")


def _look_collect(home: Path) -> Iterator[str]:
    known = json.loads((home / "new.json").read_text()) if (home / "new.json").is_file() else {}
    same = set()
    for former in home.glob("former-*"):
        name = former.name.removeprefix("former-")
        yield from either(home / "out" / name, former, known.get(name, ""))
        same.add((home / "out" / name).read_bytes() == former.read_bytes())
    if len(same) > 1 and file_set.complete(home / "out"):
        yield "a mixture of two sets is taken for whole"


# The model file of a camera.


def _export(home: Path, seed: int = 1) -> None:
    denoiser, noise_model = training.models()
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in (*denoiser.parameters(), *noise_model.parameters()):
            parameter.add_(0.1 * torch.randn_like(parameter))
    about = {"camera": "S6", "iso": 800.0, "black": 64.0, "white": 1023.0}
    export.save_model(home / "m.safetensors", noise_model, denoiser, about)


def _look_export(home: Path) -> Iterator[str]:
    export.load_model(home / "m.safetensors")
    return iter(())


# A result, a point of a study and a run into a folder.


def _prepare_notebook(home: Path) -> None:
    text = NOTEBOOK.replace("import os\n\nfrom n2nf_core.study.results import write_json\n", WRITE)
    (home / "tiny.md").write_text(text)


WRITE = "import json, os\nfrom n2nf_core.files import durable_replace\n\ndef write_json(path, content):\n" + (
    "    with durable_replace(path) as new:\n        new.write_text(json.dumps(content))\n\n"
)  # without PyTorch, which takes the longest


def _look_point(home: Path) -> Iterator[str]:
    for path in (home / "runs").glob("*/result.json"):
        points.read_result(path)
    return iter(())


def _outcome_point(home: Path) -> str:
    (path,) = (home / "runs").glob("*/result.json")
    content = points.read_result(path)
    del content["point"]["seconds"]
    return json.dumps(content)


def _prepare_run(home: Path) -> None:
    _prepare_notebook(home)
    _run(home)


def _run(home: Path) -> None:
    runner.run_notebook(home / "tiny.md", home / "out", {"seed": "7"}, progress=False)


def _look_run(home: Path) -> Iterator[str]:
    json.loads((home / "out/tiny.json").read_text())
    json.loads((home / "out/tiny.ipynb").read_text())
    return iter(())


def _large(seed: int) -> dict:
    return {"values": np.random.default_rng(seed).random(20000).tolist()}


def _look_json(home: Path) -> Iterator[str]:
    if json.loads((home / "r.json").read_text()) not in (_large(0), _large(1)):
        yield "r.json is neither the former nor the new"


WRITERS = {
    "fit": Writer(lambda home: _fit(home, EARLY), _fit, _look_fit, _outcome_fit),
    "convert": Writer(_prepare_convert, _convert, _look_convert, lambda home: digest(home / "out")),
    "collect": Writer(_prepare_collect, _collect, _look_collect, lambda home: digest(home / "out")),
    "export": Writer(lambda home: _export(home, 0), _export, _look_export, lambda home: digest(home / "m.safetensors")),
    "point": Writer(
        _prepare_notebook,
        lambda home: runner.run_point(home / "tiny.md", home / "runs", {}, day="2030-01-01", progress=False),
        _look_point,
        _outcome_point,
    ),
    "run": Writer(_prepare_run, _run, _look_run, lambda home: digest(home / "out/tiny.json")),
    "burst": Writer(
        lambda home: write_burst(burst(0), home / "b.burst.zarr"),
        lambda home: write_burst(burst(1), home / "b.burst.zarr", overwrite=True),
        _look_burst,
        lambda home: digest(home / "b.burst.zarr"),
    ),
    "result": Writer(
        lambda home: results.write_json(home / "r.json", _large(0)),
        lambda home: results.write_json(home / "r.json", _large(1)),
        _look_json,
        lambda home: digest(home / "r.json"),
    ),
}
