"""A study's file becomes points: every combination once, quoted for a shell, and mistakes are named."""

import shlex

import pytest
from cases.study import NOTEBOOK

from n2nf_core.study import plan
from n2nf_core.study.runner import ParameterError


@pytest.fixture
def notebooks(tmp_path):
    (tmp_path / "tiny.md").write_text(NOTEBOOK)
    return tmp_path


def sweep(**parameters):
    return {"notebook": "tiny", "parameters": parameters}


def test_listed_values_are_a_grid_and_a_point_comes_once(notebooks):
    study = {"smoke": [sweep(seed=[0, 1], weight=[1.0, 2.0]), sweep(seed=1, weight=2.0)]}
    found = plan.points_of(study, "smoke", notebooks)
    given = [(point.given["seed"], point.given["weight"]) for point in found]
    assert given == [("0", "1.0"), ("0", "2.0"), ("1", "1.0"), ("1", "2.0")]
    assert all(point.given["profile"] == "smoke" for point in found)
    assert len({point.point.digest for point in found}) == 4
    assert plan.points_of(study, "cpu", notebooks) == []


def test_a_command_is_quoted_for_a_shell(notebooks):
    folder = notebooks / "two words"
    folder.mkdir()
    (point,) = plan.points_of({"smoke": [sweep(data=str(folder))]}, "smoke", notebooks)
    words = shlex.split(point.command)
    assert words[0] == str(notebooks / "tiny.md")
    assert words[1:] == ["-p", "profile", "smoke", "-p", "data", str(folder)]


def test_data_are_made_by_options_of_the_simulator():
    study = {"data": {"bursts/a": {"sensor": "Sony A7S2", "scenes": 4}}}
    assert plan.data_commands(study) == {"bursts/a": "--sensor 'Sony A7S2' --scenes 4"}
    assert plan.data_commands({}) == {}


@pytest.mark.parametrize("text", ["fast: []", "- smoke"])
def test_a_file_that_is_no_study_is_named(tmp_path, text):
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(ParameterError, match=r"study.yaml: a study holds cpu, data, gpu, smoke, got"):
        plan.read_study(tmp_path / "study.yaml")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (sweep(sead=1), "tiny: .*did you mean seed"),
        (sweep(seed="one"), "tiny: parameter seed"),
        ({"notebook": "tiny", "values": {}}, "a sweep holds a notebook and its parameters"),
        ({"parameters": {}}, "a sweep holds a notebook and its parameters"),
    ],
)
def test_the_first_mistake_is_named(notebooks, wrong, message):
    with pytest.raises(ParameterError, match=message):
        plan.points_of({"smoke": [sweep(), wrong]}, "smoke", notebooks)
    with pytest.raises(ParameterError, match="profile must be one of"):
        plan.points_of({}, "fast", notebooks)
