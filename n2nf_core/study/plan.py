"""A study as data: which notebooks run with which parameters.

A YAML file holds it, and it is checked before anything runs.

    data:                                   # optional: folder -> how n2nf simulate makes it
      bursts/sensor: {sensor: "Sony A7S2", scenes: 4}
    smoke:                                  # profile -> sweeps
      - notebook: 60_ablate_lambda
        parameters: {mse_weight: [0.0, 65536.0], seed: [0, 1]}

A list of values is a grid, so this sweep has four points. Every notebook receives the profile as a parameter.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import NamedTuple

import yaml

from n2nf_core.study.code_hash import read_code
from n2nf_core.study.parameters import ParameterError, all_parameters, inspect
from n2nf_core.study.points import Point, describe
from n2nf_core.training import PROFILES


class Planned(NamedTuple):
    """One point of a sweep.

    Arguments:
        notebook: file of the notebook.
        given: name -> value, as text, of the parameters that the sweep gives.
        point: the point of this notebook and these parameters.
    """

    notebook: Path
    given: dict[str, str]
    point: Point

    @property
    def command(self) -> str:
        """The words after ``n2nf run``, quoted for a shell."""
        chosen = (f"-p {name} {shlex.quote(value)}" for name, value in self.given.items())
        return f"{shlex.quote(str(self.notebook))} {' '.join(chosen)}"


def read_study(path: Path) -> dict:
    """The content of a study's file.

    Errors: ParameterError if it contains anything but data and profiles.
    """
    study = yaml.safe_load(path.read_text())
    known = {"data", *PROFILES}
    if not isinstance(study, dict) or set(study) - known:
        got = ", ".join(map(str, study)) if isinstance(study, dict) else repr(study)
        raise ParameterError(f"{path}: a study holds {', '.join(sorted(known))}, got {got}")
    return study


def data_commands(study: Mapping) -> dict[str, str]:
    """Folder -> the arguments with which ``n2nf simulate`` makes its data."""
    return {
        folder: " ".join(f"--{name} {shlex.quote(str(value))}" for name, value in options.items())
        for folder, options in study.get("data", {}).items()
    }


def points_of(study: Mapping, profile: str, notebooks: Path) -> list[Planned]:
    """The points of a profile, each once.

    Arguments:
        study: the content of the study's file.
        profile: name of the profile.
        notebooks: folder of the text notebooks.

    Errors: ParameterError or FileNotFoundError, which names the first sweep whose notebook, parameter or data path does
    not exist.
    """
    if profile not in PROFILES:
        raise ParameterError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    planned: dict[str, Planned] = {}
    for sweep in study.get(profile, []):
        if set(sweep) - {"notebook", "parameters"} or "notebook" not in sweep:
            raise ParameterError(f"a sweep holds a notebook and its parameters, and nothing else, got {sweep}")
        notebook = notebooks / f"{sweep['notebook']}.md"
        known, code = inspect(notebook), read_code(notebook)
        for given in _grid(sweep.get("parameters", {})):
            given = {"profile": profile} | given
            try:
                point = describe(code, all_parameters(known, given))
            except ParameterError as error:
                raise ParameterError(f"{sweep['notebook']}: {error}") from None
            planned.setdefault(point.name, Planned(notebook, given, point))
    return list(planned.values())


def _grid(parameters: Mapping[str, object]) -> list[dict[str, str]]:
    """Every combination of the listed values, as texts."""
    values = [value if isinstance(value, list) else [value] for value in parameters.values()]
    return [dict(zip(parameters, map(str, chosen), strict=True)) for chosen in product(*values)]
