"""Results on disk: one JSON file per notebook with its numbers and their provenance, written atomically."""

from __future__ import annotations

import json
import math
import os
import platform
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import torch

from n2nf_core.files import durable_replace
from n2nf_core.training import precision

PACKAGES = ("torch", "numpy", "scipy", "scikit-image", "lightning-fabric", "zarr")


def commit() -> str:
    """The commit of the code, with "+changes" if the working tree differs.

    Outside a git repository it is what the environment variable COMMIT says, or "unknown".
    """
    root = Path(__file__).resolve().parent

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout

    try:
        return git("rev-parse", "HEAD").strip() + ("+changes" if git("status", "--porcelain", "-uno").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("COMMIT", "unknown")


def command(notebook: str, profile: str, seed: int, data: str = "", **others: object) -> str:
    """The command line that runs a notebook with these parameters.

    Arguments:
        notebook: name of the notebook.
        profile: name of the profile.
        seed: the seed.
        data: path of the data. Only its last part is included.
        others: other parameters; those that are an empty text are left out.
    """
    given = {"profile": profile, "seed": seed} | ({"data": Path(data).name} if data else {}) | others
    chosen = " ".join(f"-p {name} {shlex.quote(str(value))}" for name, value in given.items() if value != "")
    return f"n2nf run notebooks/{notebook}.md {chosen}"


def provenance(
    command: str, profile: str, seed: int, data: Sequence[Mapping] = (), steps: Mapping[str, int] | None = None
) -> dict:
    """Where a result comes from: command, commit, profile, seed, steps, device, precision, versions, time and data.

    Arguments:
        command: the command line that makes the result.
        profile: name of the profile.
        seed: the seed.
        data: the provenance of every burst.
        steps: training run -> number of steps; None if nothing was trained.
    """
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or "cpu"
    return {
        "command": command,
        "commit": commit(),
        "profile": profile,
        "seed": seed,
        "steps": dict(steps or {}),
        "device": f"{device}, {torch.get_num_threads()} threads",
        "precision": precision.used(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": [dict(d) for d in data],
    }


def _plain(value):
    """Numbers of NumPy and PyTorch as Python numbers.

    Values that are not finite become None, since JSON cannot hold them.
    """
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def write_json(path: str | Path, content: Mapping) -> Path:
    """Write ``content`` to ``path``, completely or not at all; returns the path."""
    text = json.dumps(_plain(content), indent=1, allow_nan=False) + "\n"
    with durable_replace(path) as new:
        new.write_text(text)
    return Path(path)
